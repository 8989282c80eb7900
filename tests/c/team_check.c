/* Checks of the team and of the count of CPUs, one per word of the command line:
 *
 *     cc -std=c11 -pthread tests/c/team_*.c csrc/core/team.c csrc/core/cpus.c csrc/core/memory.c -lm -o team_check
 *     ./team_check barrier 2 100000
 *
 * Prints what is wrong and exits with 1, or ends in silence.  test_team.py says what each is to show, and its numbers.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "../../csrc/core/cpus.h"
#include "team_check.h"

enum { LARGEST = 64 };

atomic_int wrong;

void sleep_ms(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* The clock of the core, in place of the library's: who waits awake reads it again and again, and these checks count
 * that.  A reading takes 1 us, whatever the machine does; what is said to take longer is added by hand. */
static atomic_llong clock_ns;
static atomic_size_t readings;

int clock_gettime(clockid_t id, struct timespec *time)
{
    (void)id;
    readings++;
    const long long ns = atomic_fetch_add(&clock_ns, 1000);
    *time = (struct timespec){ns / 1000000000, ns % 1000000000};
    return 0;
}

static void take_ms(long ms) { atomic_fetch_add(&clock_ns, ms * 1000000); }

int n_threads(void)
{
    int n = 0;
    DIR *const tasks = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;)
        n += entry->d_name[0] != '.';
    closedir(tasks);
    return n;
}

int comes_to_threads(int expected)
{
    for (int tries = 0; tries < 300000 && n_threads() != expected; tries++)
        sleep_ms(1);
    return n_threads() == expected;
}

/* ---- Barriers ------------------------------------------------------------------------------------------------ */

typedef struct {
    size_t rounds;
    size_t slots[2][LARGEST]; /* plain memory: what a barrier does not order, ThreadSanitizer reports */
    atomic_size_t calls[LARGEST], sizes[LARGEST];
} exchange;

/* Each rank writes, all wait, each reads what all wrote; by turns in two places: one barrier a round is enough. */
static void exchange_rank(void *context, mlpc_team *team, size_t rank, size_t size)
{
    exchange *const e = context;
    e->calls[rank]++;
    e->sizes[rank] = size;
    for (size_t round = 1; round <= e->rounds; round++) {
        size_t *const slots = e->slots[round % 2];
        slots[rank] = round + rank;
        mlpc_team_barrier(team);
        for (size_t other = 0; other < size; other++)
            if (slots[other] != round + other) {
                CHECK(slots[other] == round + other); /* what the others wrote before the barrier */
                return;
            }
    }
}

size_t size_of_run(size_t wanted, size_t rounds)
{
    exchange e = {.rounds = rounds};
    const size_t size = mlpc_team_run(wanted, exchange_rank, &e);
    for (size_t rank = 0; rank < LARGEST; rank++)
        CHECK(e.calls[rank] == (rank < size) && e.sizes[rank] == (rank < size ? size : 0));
    return size;
}

static void check_barrier(size_t size, size_t rounds) { CHECK(size_of_run(size, rounds) == size); }

/* Runs of many sizes after each other, and barriers at which one rank is late: the others fall asleep. */
static void late_rank(void *context, mlpc_team *team, size_t rank, size_t size)
{
    const int *const rounds = context;
    for (int round = 0; round < *rounds; round++) {
        if ((size_t)round % size == rank)
            sleep_ms(1);
        mlpc_team_barrier(team);
    }
}

static void check_sizes(void)
{
    int rounds = 20;
    static const size_t sizes[] = {1, 2, 5, 3, 2, 7, 1, 4};
    for (int repeat = 0; repeat < 20; repeat++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            CHECK(size_of_run(sizes[i], 3) == sizes[i]);
    for (size_t size = 1; size < 5; size++)
        CHECK(mlpc_team_run(size, late_rank, &rounds) == size);
    CHECK(size_of_run(2, 1000) == 2);
}

/* All wait for a rank that is late by 300 ms: first for rank 0 at a barrier, then for the last at the end. */
static void very_late_rank(void *context, mlpc_team *team, size_t rank, size_t size)
{
    (void)context;
    if (rank == 0)
        sleep_ms(300);
    mlpc_team_barrier(team);
    if (rank == size - 1)
        sleep_ms(300);
}

static void check_sleep(void)
{
    CHECK(size_of_run(2, 1) == 2);
    const size_t before = readings;
    CHECK(mlpc_team_run(2, very_late_rank, NULL) == 2);
    sleep_ms(300);
    CHECK(readings - before < 500); /* 300 ms awake are tens of thousands */
}

static int first_thread_sleeps(void)
{
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/self/task/%ld/stat", (long)getpid());
    FILE *const file = fopen(path, "r");
    const int read = file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1;
    if (file)
        fclose(file);
    return read && state == 'S';
}

/* Takes 100 ms: the first rank, or the others while the first one, awake no more, waits for them. */
static void slow_rank(void *context, mlpc_team *team, size_t rank, size_t size)
{
    (void)team, (void)size;
    const int first = *(const int *)context;
    for (size_t seen = 0; !first && rank > 0 && !(first_thread_sleeps() && seen == readings);) {
        seen = readings;
        sleep_ms(2);
    }
    if (first == (rank == 0))
        take_ms(100);
}

/* Alone for 16 times as long as a run took in which the caller waited for the other; not after it was at work as long.
 * As soon as that time is over there are runs of two again, which one try after the other, of 100 ms each, finds. */
static void check_give_way(void)
{
    int first = 1, others = 0;
    const size_t size = 2;
    if (mlpc_cpus_affinity() < size)
        return;
    CHECK(mlpc_team_run(size, slow_rank, &others) == size);
    mlpc_team_give_way(1);
    int ms = 0;
    for (; mlpc_team_run(size, slow_rank, &first) == 1 && ms < 10000; ms += 100)
        ;
    CHECK(ms == 1600 || ms == 1700);
    CHECK(mlpc_team_run(size, slow_rank, &others) == size);
    CHECK(size_of_run(size, 3) == 1);
    mlpc_team_give_way(0);
    CHECK(size_of_run(size, 3) == size);
}

/* Nobody waits awake on a CPU that another rank needs: who falls asleep at once reads the clock twice. */
static void check_crowded(size_t size)
{
    const size_t rounds = 2000;
    CHECK(size_of_run(size, 1) == size);
    const size_t before = readings;
    CHECK(size_of_run(size, rounds) == size);
    CHECK(readings - before <= 2 * size * (rounds + 1) + 2);
}

/* ---- One run at a time --------------------------------------------------------------------------------------- */

static void nested_rank(void *context, mlpc_team *team, size_t rank, size_t size)
{
    (void)context, (void)team, (void)rank, (void)size;
    CHECK(size_of_run(3, 10) == 1);
}

static void check_nested(void)
{
    for (size_t size = 1; size < 4; size++)
        CHECK(mlpc_team_run(size, nested_rank, NULL) == size);
    CHECK(size_of_run(3, 10) == 3);
}

static void occupying_rank(void *context, mlpc_team *team, size_t rank, size_t size)
{
    (void)team, (void)rank, (void)size;
    occupation *const o = context;
    o->ranks++;
    while (!o->end)
        sleep_ms(1);
}

static void *occupy_team(void *context)
{
    CHECK(mlpc_team_run(2, occupying_rank, context) == 2);
    return NULL;
}

void occupy(occupation *o)
{
    o->ranks = o->end = 0;
    pthread_create(&o->thread, NULL, occupy_team, o);
    while (o->ranks < 2)
        sleep_ms(1);
}

void leave(occupation *o)
{
    o->end = 1;
    pthread_join(o->thread, NULL);
}

static void check_busy(void)
{
    occupation o;
    occupy(&o);
    CHECK(size_of_run(2, 10) == 1);
    leave(&o);
    CHECK(size_of_run(2, 10) == 2);
}

/* Many threads want the team at once: each run is whole, whoever gets it. */
static void *compete(void *context)
{
    const size_t wanted = 2 + (size_t)(uintptr_t)context % 2;
    for (int repeat = 0; repeat < 300; repeat++) {
        const size_t size = size_of_run(wanted, 3);
        CHECK(size == 1 || size == wanted);
    }
    return NULL;
}

static void check_competition(void)
{
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, compete, (void *)i);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK(size_of_run(4, 10) == 4);
}

/* ---- What a rank finds --------------------------------------------------------------------------------------- */

/* The mode without the flags, as the core knows it: of SSE, not of the x87 that fegetround asks. */
#if defined(__x86_64__)
static const unsigned plain = 0x1F80, callers = 0xDFC0, other = 0x3F80; /* upward, flush to zero, denormals are zero */
static unsigned mode(void) { return _mm_getcsr() & ~0x3fu; }
static void set_mode(unsigned wanted) { _mm_setcsr(wanted); }
#else
static const int plain = FE_TONEAREST, callers = FE_UPWARD, other = FE_DOWNWARD;
static int mode(void) { return fegetround(); }
static void set_mode(int wanted) { fesetround(wanted); }
#endif

static void mode_rank(void *context, mlpc_team *team, size_t rank, size_t size)
{
    (void)context, (void)team, (void)rank, (void)size;
    CHECK(mode() == plain);
    set_mode(other); /* which must not last */
}

static void check_mode(void)
{
    set_mode(callers);
    for (int repeat = 0; repeat < 3; repeat++)
        for (size_t size = 1; size < 4; size++) {
            CHECK(mlpc_team_run(size, mode_rank, NULL) == size);
            CHECK(mode() == callers);
        }
}

static void signals_rank(void *context, mlpc_team *team, size_t rank, size_t size)
{
    static const int elsewhere[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGCHLD, SIGUSR1, SIGPROF, SIGPIPE, SIGWINCH};
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    (void)context, (void)team, (void)size;
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        CHECK(sigismember(&blocked, elsewhere[i]) == (rank > 0));
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        CHECK(!sigismember(&blocked, own[i]));
}

static void check_signals(void)
{
    CHECK(mlpc_team_run(3, signals_rank, NULL) == 3);
    CHECK(mlpc_team_run(1, signals_rank, NULL) == 1);
}

/* Three quarters of the stack that is promised can be used, and no more than some is taken. */
static void stack_rank(void *context, mlpc_team *team, size_t rank, size_t size)
{
    (void)context, (void)team, (void)size;
    volatile char used[768 << 10];
    for (size_t i = 0; i < sizeof used; i += 1024)
        used[i] = 1;
    if (rank > 0) {
        pthread_attr_t attributes;
        size_t stack;
        pthread_getattr_np(pthread_self(), &attributes);
        pthread_attr_getstacksize(&attributes, &stack);
        pthread_attr_destroy(&attributes);
        CHECK(stack >= 1 << 20 && stack < 2 << 20);
    }
}

static void check_stack(void) { CHECK(mlpc_team_run(3, stack_rank, NULL) == 3); }

/* ---- Threads ------------------------------------------------------------------------------------------------- */

/* None before they are wanted, kept between runs, and never more than the largest run wanted. */
static void check_threads(void)
{
    CHECK(n_threads() == 1);
    CHECK(size_of_run(0, 1) == 1 && size_of_run(1, 1) == 1);
    CHECK(n_threads() == 1);
    CHECK(size_of_run(3, 1) == 3);
    CHECK(n_threads() == 3);
    CHECK(size_of_run(2, 1) == 2 && size_of_run(3, 1) == 3);
    CHECK(n_threads() == 3);
    CHECK(size_of_run(5, 1) == 5);
    CHECK(n_threads() == 5);
}

/* Where the memory for stacks runs out, the caller computes alone; when there is memory again, all do. */
static void check_exhausted(void)
{
    struct rlimit before;
    getrlimit(RLIMIT_AS, &before);
    unsigned long pages = 0;
    FILE *const file = fopen("/proc/self/statm", "r");
    CHECK(file && fscanf(file, "%lu", &pages) == 1);
    fclose(file);
    const struct rlimit tight = {pages * (rlim_t)sysconf(_SC_PAGESIZE) + (5 << 20), before.rlim_max};
    setrlimit(RLIMIT_AS, &tight);
    CHECK(size_of_run(40, 10) == 1);
    CHECK(size_of_run(2, 10) == 2);
    setrlimit(RLIMIT_AS, &before);
    CHECK(size_of_run(40, 10) == 40);
}

/* ---- CPUs ---------------------------------------------------------------------------------------------------- */

/* Affinity, quota, what both allow, and what the team takes for that. */
static void print_cpus(const char *root)
{
    const size_t quota = mlpc_cpus_quota(root);
    printf("%zu ", mlpc_cpus_affinity());
    printf(quota == SIZE_MAX ? "none" : "%zu", quota);
    printf(" %zu %zu\n", mlpc_cpus_allowed(root), mlpc_team_cpus());
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*check)(void);
    } checks[] = {
        {"sizes", check_sizes},
        {"sleep", check_sleep},
        {"give_way", check_give_way},
        {"nested", check_nested},
        {"busy", check_busy},
        {"competition", check_competition},
        {"fork_without_team", check_fork_without_team},
        {"fork_idle", check_fork_idle},
        {"clone_idle", check_clone_idle},
        {"fork_busy", check_fork_busy},
        {"clone_busy", check_clone_busy},
        {"fork_within", check_fork_within},
        {"mode", check_mode},
        {"signals", check_signals},
        {"stack", check_stack},
        {"threads", check_threads},
        {"exhausted", check_exhausted},
    };
    const char *const name = argc > 1 ? argv[1] : "";
    mlpc_team_give_way(0); /* to what else runs here: all ranks are wanted */
    const size_t numbers[2] = {argc > 2 ? strtoul(argv[2], NULL, 10) : 0, argc > 3 ? strtoul(argv[3], NULL, 10) : 0};
    if (strcmp(name, "barrier") == 0 && argc == 4) {
        check_barrier(numbers[0], numbers[1]);
        return wrong;
    }
    if (strcmp(name, "crowded") == 0 && argc == 3) {
        check_crowded(numbers[0]);
        return wrong;
    }
    if (strcmp(name, "cpus") == 0 && argc == 3) {
        print_cpus(argv[2]);
        return wrong;
    }
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (strcmp(name, checks[i].name) == 0) {
            for (size_t repeat = 0; repeat == 0 || repeat < numbers[0]; repeat++)
                checks[i].check();
            return wrong;
        }
    fprintf(stderr, "no check is called %s\n", name);
    return 2;
}
