/* What the fused epoch keeps from batch to batch, for the files of fused.c alone: a block cut for all layers and
 * threads, and one of scratch memory. */
#ifndef MLPC_FUSED_MEMORY_H
#define MLPC_FUSED_MEMORY_H

#include "fused.h"
#include "loss.h"
#include "packed.h"

/* What lies behind a layer, for the rows of a batch, `row` elements apart: as mlpc_block_rows has it.  Where there is
 * no norm normed is z and dnormed dz, where there is no dropout dropped is a; and a is what comes before it where the
 * activation is an identity, except behind the first layer, whose z of the next batch is made while threads still read
 * a of this one.  In the padding dz and dnormed are 0. */
typedef struct {
    void *z, *normed, *a, *dropped;
    void *dnormed, *dz;
    double *mean, *rstd;  /* of a norm: of the rows, or of the features */
    void *dgain, *dshift; /* of a norm: (padded,), 0 in the padding */
} mlpc_fused_layer;

/* What one thread has for itself. */
typedef struct {
    void *strip;          /* gradients of some inputs' weights of a panel */
    void *x;              /* these inputs of a batch, where they are copied */
    void *dz;             /* there: of the layer, its panels one behind the other; other ranks are at other layers */
    void *tiles;          /* scratch memory of the kernels */
    double *weights;      /* (batch_size,) */
    mlpc_columns columns; /* where zeros are skipped: the batch by inputs */
    void *kept;           /* (I,) where entries of lists are dropped: not 0 where one is kept */
    uint64_t *kept_bits;  /* the same in bits */
    size_t correct;       /* answers so far */
    int diverged;         /* in this epoch */
    double unasked;       /* terms that it has computed since it asked whether to go on */
} mlpc_fused_rank;

struct mlpc_fused {
    size_t batch_size, batches; /* rows that fit; of an epoch */
    size_t threads, strip_elements;
    mlpc_packed *packed;
    mlpc_fused_layer *layers;
    int skips_zeros;                      /* rows are lists */
    void *partial;                        /* of the first layer's sums over lists, like its z */
    void *ones;                           /* (I,) where entries of lists are dropped */
    void *scaled;                         /* (256,) there: values by their codes, times what dropout multiplies by */
    const void *table;                    /* that, or the samples' own */
    void *statistics, *statistics_before; /* the running ones, behind and before the latest batch */
    mlpc_rows rows[2];                    /* of this batch and the next */
    mlpc_target_rows targets[2];
    size_t units;                          /* of all layers, with their padding */
    double *unit_squares, *unit_absolutes; /* (units,) of their weights, layer by layer */
    double *divisor; /* of each batch's loss; 0 where its weights sum to 0, so that it is passed over */
    mlpc_fused_rank *ranks;
    void *run; /* what the threads share, see pass.h */
    void *memory, *tiles;
};

/* Zeros everywhere, as when it was made: what is not finite also gets into the padding, where nothing else writes. */
void mlpc_fused_clear(mlpc_fused *fused, size_t itemsize);

/* A strip has at least as many inputs as fill tiles of 6 and of 8 rows. */
enum { MLPC_STRIP_INPUTS = MLPC_WHOLE_TILES };

/* Bytes of a batch's part of x, a strip's inputs, that meets all panels before the next part does: so it stays in the
 * second-level cache. */
enum { MLPC_STRIP_CACHED = 192 << 10 };

#endif
