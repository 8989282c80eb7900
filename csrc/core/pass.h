/* One thread's part of a forward or backward pass. */
#ifndef MLPC_PASS_H
#define MLPC_PASS_H

#include "mlpc.h"
#include "share.h"

typedef struct {
    const mlpc_net *net;
    const mlpc_kernels *kernels;
    const void *parameters;
    mlpc_workspace *workspace;
    mlpc_share *share;
    size_t rank, phase;
} mlpc_pass;

static inline int mlpc_pass_stopped(const mlpc_pass *p) { return mlpc_share_stopped(p->share, p->rank, p->phase); }

/* How many of `count` things, of a * b terms each, make a piece of work, after which to ask whether to stop: at least
 * one. */
static inline size_t mlpc_pass_piece(const mlpc_pass *p, size_t count, size_t a, size_t b)
{
    const size_t fit = p->kernels->piece / a / b;
    return fit == 0 ? 1 : fit < count ? fit : count;
}

static inline void *mlpc_pass_at(const mlpc_pass *p, const void *array, size_t elements)
{
    return (char *)array + elements * p->kernels->itemsize;
}

/* An element of an activation costs as much as this many terms of a product, about, the dearest of them. */
#define MLPC_ACTIVATION_TERMS 64

#endif
