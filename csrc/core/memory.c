/* Memory, see memory.h. */
#define _DEFAULT_SOURCE /* madvise */
#include "memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

int mlpc_size_add(size_t *total, size_t count, size_t size)
{
    if (size && count > (SIZE_MAX / 2) / size)
        return 0;
    const size_t bytes = (count * size + MLPC_ALIGNMENT - 1) / MLPC_ALIGNMENT * MLPC_ALIGNMENT;
    if (bytes > SIZE_MAX / 2 - *total)
        return 0;
    *total += bytes;
    return 1;
}

/* Samples are read in random order: on small pages nearly each row begins with a walk through the tables of pages, and
 * the first touch of each page is a fault.  Where there are no larger ones, nothing is lost; memory that malloc gives
 * out again later stays as it was asked for. */
static void ask_for_large_pages(char *start, size_t size)
{
#ifdef MADV_HUGEPAGE
    const size_t worth = (size_t)4 << 20, page = (size_t)sysconf(_SC_PAGESIZE);
    if (size >= worth) {
        const size_t offset = (page - (uintptr_t)start % page) % page;
        (void)madvise(start + offset, (size - offset) / page * page, MADV_HUGEPAGE);
    }
#else
    (void)start, (void)size;
#endif
}

/* What stands in front of a block. */
typedef struct {
    void *raw; /* what free wants */
    size_t size;
} head;

static head head_of(const void *block)
{
    head h;
    memcpy(&h, (const char *)block - sizeof h, sizeof h);
    return h;
}

static void release(void *block) { free(head_of(block).raw); }

/* Blocks that were given back last, of middle sizes: the next training, be it of another network, takes the same.  What
 * malloc gives back to the system comes again page by page, each a fault and cleared, which is a fifth of the time of
 * the smallest fits; what is larger comes on large pages, and smaller than the products that it is for.  A sanitizer is
 * to see each block end. */
#if defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
#if SANITIZED
enum { LEAST_KEPT = 1, MOST_KEPT = 0 };
#else
enum { LEAST_KEPT = 16 << 10, MOST_KEPT = 4 << 20 };
#endif
enum { KEPT = 8 };
static _Atomic(void *) kept[KEPT];
static atomic_uint turn;

static int is_kept(size_t size) { return size >= LEAST_KEPT && size <= MOST_KEPT; }

/* Instead of the one that waits longest, about. */
static void keep(void *block)
{
    void *const other = atomic_exchange(&kept[atomic_fetch_add(&turn, 1) % KEPT], block);
    if (other)
        release(other);
}

/* One of them that is large enough, and not much too large; or NULL. */
static void *take(size_t size)
{
    for (int i = 0; i < KEPT; i++) {
        void *const block = atomic_exchange(&kept[i], NULL); /* ours: what others may free cannot be looked at */
        void *none = NULL;
        if (!block)
            continue;
        if (head_of(block).size >= size && head_of(block).size / 2 <= size)
            return block;
        if (!atomic_compare_exchange_strong(&kept[i], &none, block))
            keep(block);
    }
    return NULL;
}

/* Gives them all back: somebody else needs the memory. */
static void keep_none(void)
{
    for (int i = 0; i < KEPT; i++) {
        void *const block = atomic_exchange(&kept[i], NULL);
        if (block)
            release(block);
    }
}

/* aligned_alloc is C11 but absent from some platforms; an address found inside a larger block is everywhere. */
static void *aligned(size_t size, int cleared)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    void *const again = is_kept(size) ? take(size) : NULL;
    if (again)
        return cleared ? memset(again, 0, size) : again;
    const size_t bytes = size + MLPC_ALIGNMENT + sizeof(head);
    char *raw = cleared ? calloc(bytes, 1) : malloc(bytes);
    if (!raw) {
        keep_none();
        raw = cleared ? calloc(bytes, 1) : malloc(bytes);
    }
    if (!raw)
        return NULL;
    char *start = raw + sizeof(head);
    start += MLPC_ALIGNMENT - (uintptr_t)start % MLPC_ALIGNMENT;
    memcpy(start - sizeof(head), &(head){raw, size}, sizeof(head));
    ask_for_large_pages(start, size);
    return start;
}

void *mlpc_block_alloc(size_t size) { return aligned(size, 1); }
void *mlpc_block_alloc_dirty(size_t size) { return aligned(size, 0); }

void mlpc_block_free(void *block)
{
    if (block && is_kept(head_of(block).size))
        keep(block);
    else if (block)
        release(block);
}

static inline void copy_rows(char *to, size_t to_row, const char *from, size_t from_row, size_t rows, size_t bytes)
{
    for (; rows; rows--, to += to_row, from += from_row)
        memcpy(to, from, bytes);
}

/* Most rows are those of a panel, of one to five vectors: a call for each would take longer than the copy. */
void mlpc_copy_rows(void *to, size_t to_row, const void *from, size_t from_row, size_t rows, size_t bytes)
{
    switch (bytes) {
    case 32: copy_rows(to, to_row, from, from_row, rows, 32); break;
    case 64: copy_rows(to, to_row, from, from_row, rows, 64); break;
    case 80: copy_rows(to, to_row, from, from_row, rows, 80); break;
    case 96: copy_rows(to, to_row, from, from_row, rows, 96); break;
    case 128: copy_rows(to, to_row, from, from_row, rows, 128); break;
    case 192: copy_rows(to, to_row, from, from_row, rows, 192); break;
    case 256: copy_rows(to, to_row, from, from_row, rows, 256); break;
    default: copy_rows(to, to_row, from, from_row, rows, bytes); break;
    }
}

void *mlpc_block_cut(void *block, size_t *offset, size_t count, size_t size)
{
    void *region = (char *)block + *offset;
    (void)mlpc_size_add(offset, count, size);
    return region;
}

void *mlpc_cut(mlpc_cutter *cutter, size_t rows, size_t columns, size_t size)
{
    if (cutter->block)
        return mlpc_block_cut(cutter->block, &cutter->bytes, rows * columns, size);
    cutter->overflows = cutter->overflows || (columns && rows >= SIZE_MAX / 8 / size / columns) ||
                        !mlpc_size_add(&cutter->bytes, rows * columns, size);
    return NULL;
}
