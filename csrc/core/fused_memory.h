/* What the fused epoch keeps from batch to batch, for fused.c alone: a block cut for all layers and threads, and one of
 * scratch memory. */
#ifndef MLPC_FUSED_MEMORY_H
#define MLPC_FUSED_MEMORY_H

#include "fused.h"
#include "loss.h"
#include "packed.h"

/* What lies behind a layer, before and after its block, for the rows of a batch, `row` elements apart; a is z where the
 * block is an identity, except behind the first layer, whose z of the next batch is made while threads still read a of
 * this one.  In the padding dz is 0. */
typedef struct {
    void *z, *a, *dz;
} mlpc_fused_layer;

/* What one thread has for itself. */
typedef struct {
    void *strip;          /* gradients of some inputs' weights of a panel */
    void *tiles;          /* scratch memory of the kernels */
    double *weights;      /* (batch_size,) */
    mlpc_columns columns; /* where zeros are skipped: the batch by inputs */
    size_t correct;       /* answers so far */
    int diverged;         /* in this batch */
} mlpc_fused_rank;

struct mlpc_fused {
    size_t batch_size, threads, strip_elements;
    mlpc_packed *packed;
    mlpc_fused_layer *layers;
    void *partial;     /* of the first layer's sums over lists, like its z */
    mlpc_rows rows[2]; /* of this batch and the next */
    mlpc_target_rows targets[2];
    double *divisor; /* of each batch's loss; 0 where its weights sum to 0, so that it is passed over */
    mlpc_fused_rank *ranks;
    void *run; /* what the threads share, see pass.h */
    void *memory, *tiles;
};

/* Zeros everywhere, as when it was made: what is not finite also gets into the padding, where nothing else writes. */
void mlpc_fused_clear(mlpc_fused *fused, size_t itemsize);

/* A strip has at least as many inputs as fill tiles of 6 and of 8 rows. */
enum { MLPC_STRIP_INPUTS = 24 };

#endif
