/* Blocks, see mlpc_block: from the output of a product to the input of the next, and back; the same for both paths of
 * training and for inference. */
#ifndef MLPC_CORE_BLOCK_H
#define MLPC_CORE_BLOCK_H

#include "../kernels/kernels.h"
#include "mlpc.h"

/* Rows on both sides of a block, in arrays of real whose rows all are `stride` elements apart.  Up to there elements
 * are padding, computed like the others: it belongs to the arrays, also behind the last row, and where dz is 0 in it,
 * dz stays 0 as long as z is finite there. */
typedef struct {
    void *z;       /* what comes in */
    void *normed;  /* what the norm makes of it, where there is one */
    void *a;       /* what the activation makes of that */
    void *dropped; /* what goes out, where that is not a: in train mode, of a block with dropout */
    void *dz;      /* backward: dL/d(what goes out) before it, dL/dz after it */
    size_t n, stride;
    const mlpc_draw *draw;     /* in train mode; NULL in eval mode */
    size_t layer;              /* whose output the block makes, from 1 on */
    size_t first;              /* number of the first row in its batch */
    const mlpc_norm_job *norm; /* what is known of a block's norm but its rows, see norm.h; NULL where it has none */
} mlpc_block_rows;

/* 1 where a is what comes before the activation: it can be the same array then, which takes no memory, and no time. */
int mlpc_block_is_identity(const mlpc_block *block);

/* 1 where there is nothing to do in forward: always, or, without a draw, in eval mode. */
int mlpc_block_is_idle(const mlpc_block *block, const mlpc_draw *draw);

/* normed from z, a from that, and what is dropped from a.  In train mode batch norm is done already, of all rows: see
 * norm.h.  normed may be z, and a what comes before it, except where backward is to follow and it is no identity, and
 * `dropped` may be a where none is to follow.  NaN stays NaN, unless it is dropped. */
void mlpc_block_forward(const mlpc_block *block, const mlpc_kernels *kernels, const mlpc_block_rows *rows);

/* dz in place, given z and a of forward, and its draw; dL/d(normed) where there is a norm, which norm.h goes back
 * through.  What lies below the smallest normal number becomes 0, behind an identity too. */
void mlpc_block_backward(const mlpc_block *block, const mlpc_kernels *kernels, const mlpc_block_rows *rows);

#endif
