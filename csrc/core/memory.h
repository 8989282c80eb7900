/* Memory: products of sizes that cannot overflow unseen, and one aligned block cut into regions. */
#ifndef MLPC_MEMORY_H
#define MLPC_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#define MLPC_ALIGNMENT 64

/* *total += count * size, rounded up to whole cache lines; 0 where that overflows, with *total unchanged. */
int mlpc_size_add(size_t *total, size_t count, size_t size);

/* `size` bytes at a multiple of 64, all zero; NULL where there are none.  Freed by mlpc_block_free. */
void *mlpc_block_alloc(size_t size);
void mlpc_block_free(void *block);

/* The next region of a block: count * size bytes from *offset on, which moves to the region behind. */
void *mlpc_block_cut(void *block, size_t *offset, size_t count, size_t size);

#endif
