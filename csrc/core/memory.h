/* Memory: products of sizes that cannot overflow unseen, one aligned block cut into regions, and copies of rows. */
#ifndef MLPC_MEMORY_H
#define MLPC_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#define MLPC_ALIGNMENT 64

/* *total += count * size, rounded up to whole cache lines; 0 where that overflows, with *total unchanged. */
int mlpc_size_add(size_t *total, size_t count, size_t size);

/* `size` bytes at a multiple of 64, all zero, or with whatever was there before; NULL where there are none.  Given
 * back by mlpc_block_free, which keeps a few of them, of some megabytes at most, for the next ones. */
void *mlpc_block_alloc(size_t size);
void *mlpc_block_alloc_dirty(size_t size);
void mlpc_block_free(void *block);

/* Copies so many rows of `bytes` each, which do not overlap; rows begin to_row and from_row bytes apart. */
void mlpc_copy_rows(void *to, size_t to_row, const void *from, size_t from_row, size_t rows, size_t bytes);

/* The next region of a block: count * size bytes from *offset on, which moves to the region behind. */
void *mlpc_block_cut(void *block, size_t *offset, size_t count, size_t size);

/* For a block of many regions, so that each is named once: a function that cuts them all runs with block NULL, which
 * adds up bytes and gives NULL for every region, and, unless that overflows, again with a block of so many bytes. */
typedef struct {
    void *block;
    size_t bytes; /* of the regions so far */
    int overflows;
} mlpc_cutter;

/* The next region: rows * columns * size bytes. */
void *mlpc_cut(mlpc_cutter *cutter, size_t rows, size_t columns, size_t size);

#endif
