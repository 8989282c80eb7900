/* CPUs, see cpus.h. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "cpus.h"

#include <stdint.h>

#if defined(__linux__)

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"

/* ---- Affinity ------------------------------------------------------------------------------------------------ */

/* The kernel refuses sets that are smaller than its own: ask again with larger ones. */
size_t mlpc_cpus_affinity(void)
{
    for (size_t size = sizeof(cpu_set_t); size <= (size_t)1 << 20; size *= 2) {
        cpu_set_t *const set = mlpc_block_alloc(size);
        if (!set)
            break;
        const int known = sched_getaffinity(0, size, set) == 0;
        const size_t n = known ? (size_t)CPU_COUNT_S(size, set) : 0;
        mlpc_block_free(set);
        if (known && n > 0)
            return n;
    }
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 1 ? (size_t)online : 1;
}

/* ---- Quotas of control groups -------------------------------------------------------------------------------- */

/* Names are those of files below the root; longer ones, and longer files, are not understood. */
enum { LONGEST = 4096 };

/* Room for them, too much for a small stack. */
typedef struct {
    const char *root;
    char list[LONGEST];                /* /proc/self/cgroup */
    char group[LONGEST];               /* of one of its lines, and what is above it */
    char folder[LONGEST];              /* of that group in a mounted tree */
    char path[LONGEST], text[LONGEST]; /* a file, and what it says */
} reader;

/* text = a + b + c; 0 where that is too long. */
static int join(char text[LONGEST], const char *a, const char *b, const char *c)
{
    const size_t n[3] = {strlen(a), strlen(b), strlen(c)};
    if (n[0] + n[1] + n[2] >= LONGEST)
        return 0;
    memcpy(text, a, n[0]);
    memcpy(text + n[0], b, n[1]);
    memcpy(text + n[0] + n[1], c, n[2] + 1);
    return 1;
}

/* The whole of a file; empty where it cannot be read or does not fit. */
static void contents(char text[LONGEST], const char *path)
{
    size_t n = 0;
    ssize_t more = 0;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        while (n < LONGEST && (more = read(file, text + n, LONGEST - n)) > 0)
            n += (size_t)more;
        close(file);
    }
    text[more < 0 || n == LONGEST ? 0 : n] = '\0';
}

/* A positive whole number at *text, which moves behind it and the blanks around it; 0 where there is none. */
static uint64_t positive(const char **text)
{
    uint64_t value = 0;
    *text += strspn(*text, " \t\n");
    for (; **text >= '0' && **text <= '9'; ++*text) {
        const uint64_t digit = (uint64_t)(**text - '0');
        value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : 10 * value + digit;
    }
    *text += strspn(*text, " \t\n");
    return value;
}

/* Quota over period, both in microseconds, rounded up. */
static size_t ratio(uint64_t quota, uint64_t period)
{
    if (!quota || !period)
        return SIZE_MAX;
    const uint64_t cpus = quota / period + (quota % period != 0);
    return cpus < SIZE_MAX ? (size_t)cpus : SIZE_MAX;
}

/* Of the group in a folder: version 2 has "quota period" in one file, version 1 a file for each.  "max" and -1, no
 * numbers, stand for none. */
static size_t group_quota(reader *r, int version)
{
    static const char *const names[] = {"/cpu.max", "/cpu.cfs_quota_us", "/cpu.cfs_period_us"};
    const char *rest = r->text;
    if (!join(r->path, r->folder, names[version == 2 ? 0 : 1], ""))
        return SIZE_MAX;
    contents(r->text, r->path);
    const uint64_t quota = positive(&rest);
    if (version == 2) {
        const uint64_t period = positive(&rest);
        return *rest ? SIZE_MAX : ratio(quota, period);
    }
    if (*rest || !join(r->path, r->folder, names[2], ""))
        return SIZE_MAX;
    contents(r->text, r->path);
    rest = r->text;
    const uint64_t period = positive(&rest);
    return *rest ? SIZE_MAX : ratio(quota, period);
}

/* The least of the group `path` below a mounted tree and of all above it.  In a container the path can be the host's,
 * of which the tree shows a part: groups that are not there have no quota, and the top is always looked at. */
static size_t tree_quota(reader *r, const char *mount, const char *path, int version)
{
    size_t least = SIZE_MAX;
    if (!join(r->group, path, "", ""))
        return SIZE_MAX;
    for (;;) {
        if (join(r->folder, r->root, mount, r->group)) {
            const size_t quota = group_quota(r, version);
            least = quota < least ? quota : least;
        }
        char *const slash = strrchr(r->group, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
}

/* Is cpu in a list like "cpu,cpuacct"? */
static int controls_cpu(const char *controllers)
{
    while (strncmp(controllers, "cpu", 3) != 0 || (controllers[3] != ',' && controllers[3] != '\0')) {
        const char *const comma = strchr(controllers, ',');
        if (!comma)
            return 0;
        controllers = comma + 1;
    }
    return 1;
}

/* Of one line of /proc/self/cgroup, "number:controllers:path"; version 2 has the number 0 and no controllers. */
static size_t line_quota(reader *r, char *line)
{
    static const char *const mounts[2][2] = {{"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"},
                                             {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}};
    char *const controllers = strchr(line, ':');
    char *const path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return SIZE_MAX;
    *path = '\0';
    const int version = controllers[1] == '\0' ? 2 : 1;
    size_t least = SIZE_MAX;
    for (int i = 0; i < 2 && (version == 2 || controls_cpu(controllers + 1)); i++) {
        const size_t quota = tree_quota(r, mounts[version - 1][i], path + 1, version);
        least = quota < least ? quota : least;
    }
    return least;
}

size_t mlpc_cpus_quota(const char *root)
{
    size_t least = SIZE_MAX;
    reader *const r = mlpc_block_alloc_dirty(sizeof *r);
    if (!r)
        return SIZE_MAX;
    r->root = root;
    if (join(r->path, root, "/proc/self/cgroup", "")) {
        contents(r->list, r->path);
        for (char *line = r->list, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
            *end = '\0';
            const size_t quota = line_quota(r, line);
            least = quota < least ? quota : least;
        }
    }
    mlpc_block_free(r);
    return least;
}

#else

#if defined(_WIN32)

#include <windows.h>

size_t mlpc_cpus_affinity(void)
{
    DWORD_PTR allowed = 0, present = 0;
    size_t n = 0;
    if (GetProcessAffinityMask(GetCurrentProcess(), &allowed, &present))
        for (; allowed; allowed &= allowed - 1)
            n++;
    return n ? n : 1;
}

#elif defined(__wasi__)

size_t mlpc_cpus_affinity(void) { return 1; }

#else

#include <unistd.h>

size_t mlpc_cpus_affinity(void)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 1 ? (size_t)online : 1;
}

#endif

size_t mlpc_cpus_quota(const char *root)
{
    (void)root;
    return SIZE_MAX;
}

#endif

size_t mlpc_cpus_allowed(const char *root)
{
    const size_t affinity = mlpc_cpus_affinity(), quota = mlpc_cpus_quota(root);
    return affinity < quota ? affinity : quota;
}
