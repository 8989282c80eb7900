/* One thread's part of a forward or backward pass. */
#ifndef MLPC_PASS_H
#define MLPC_PASS_H

#include "mlpc.h"
#include "piece.h"
#include "share.h"

/* Bytes for what the threads of a call share.  It never lies on the stack of the thread that called in: while that asks
 * whether to go on, its stack can be taken away, since Python ends threads when the interpreter ends, and coroutines in
 * C move stacks aside; the others go on reading. */
enum { MLPC_SHARED = 1024 };

typedef struct {
    mlpc_model model;
    mlpc_workspace *workspace;
    mlpc_share *share;
    size_t rank, phase;
} mlpc_pass;

static inline int mlpc_pass_stopped(const mlpc_pass *p) { return mlpc_share_stopped(p->share, p->rank, p->phase); }

static inline size_t mlpc_pass_piece(const mlpc_pass *p, size_t count, size_t a, size_t b)
{
    return mlpc_piece(p->model.kernels, count, a, b);
}

/* What the pass draws by, or NULL in eval mode. */
static inline const mlpc_draw *mlpc_pass_draw(const mlpc_pass *p)
{
    return p->workspace->trains ? &p->workspace->draw : NULL;
}

/* 1 where x is dropped. */
static inline int mlpc_pass_drops_x(const mlpc_pass *p)
{
    return p->workspace->trains && p->model.net->input_dropout > 0;
}

/* Scratch memory of the thread's kernels. */
static inline void *mlpc_pass_tiles(const mlpc_pass *p) { return (char *)p->workspace->tiles + p->rank * MLPC_SCRATCH; }

static inline void *mlpc_pass_at(const mlpc_pass *p, const void *array, size_t elements)
{
    return (char *)array + elements * p->model.kernels->itemsize;
}

/* An element of an activation, or of a loss, costs as much as this many terms of a product, about: most take 50 to 130,
 * gelu and softplus in float64 300 (Zen 3, AVX2). */
#define MLPC_ACTIVATION_TERMS 64

#endif
