/* Memory, see memory.h. */
#define _DEFAULT_SOURCE /* madvise */
#include "memory.h"

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

/* aligned_alloc is C11 but absent from some platforms; an address found inside a larger block is everywhere.  The
 * pointer that free wants stands in front of the aligned address. */
static void *aligned(size_t size, int cleared)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    const size_t bytes = size + MLPC_ALIGNMENT + sizeof(void *);
    char *raw = cleared ? calloc(bytes, 1) : malloc(bytes);
    if (!raw)
        return NULL;
    char *start = raw + sizeof(void *);
    start += MLPC_ALIGNMENT - (uintptr_t)start % MLPC_ALIGNMENT;
    memcpy(start - sizeof(void *), &raw, sizeof raw);
    ask_for_large_pages(start, size);
    return start;
}

void *mlpc_block_alloc(size_t size) { return aligned(size, 1); }
void *mlpc_block_alloc_dirty(size_t size) { return aligned(size, 0); }

void mlpc_block_free(void *block)
{
    if (block) {
        void *raw;
        memcpy(&raw, (char *)block - sizeof(void *), sizeof raw);
        free(raw);
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
