/* Blocks, see mlpc_block: from the output of a product to the input of the next, and back; the same for both paths of
 * training and for inference. */
#ifndef MLPC_CORE_BLOCK_H
#define MLPC_CORE_BLOCK_H

#include "mlpc.h"

/* Rows on both sides of a block, in arrays of real whose rows all are `stride` elements apart.  Up to there elements
 * are padding, computed like the others: it belongs to the arrays, also behind the last row, and where dz is 0 in it,
 * dz stays 0 as long as z is finite there. */
typedef struct {
    void *z, *a; /* what comes in, and what goes out */
    void *dz;    /* backward: dL/da before it, dL/dz after it */
    size_t n, stride;
} mlpc_block_rows;

/* 1 where the block hands on z as it is: a can be z then, which takes no memory, and forward no time. */
int mlpc_block_is_identity(const mlpc_block *block);

/* a from z.  a may be z, except where backward is to follow and the block is no identity.  NaN stays NaN. */
void mlpc_block_forward(const mlpc_block *block, const mlpc_kernels *kernels, const mlpc_block_rows *rows);

/* dz from dL/da in place, given z and a of forward; what lies below the smallest normal number becomes 0, behind an
 * identity too. */
void mlpc_block_backward(const mlpc_block *block, const mlpc_kernels *kernels, const mlpc_block_rows *rows);

#endif
