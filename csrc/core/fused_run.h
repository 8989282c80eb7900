/* What the threads of a fused epoch share while it runs, and each one's view of it; for the files of fused.c alone. */
#ifndef MLPC_FUSED_RUN_H
#define MLPC_FUSED_RUN_H

#include "draw.h"
#include "fused_memory.h"
#include "norm.h"
#include "pass.h"
#include "share.h"
#include "team.h"

/* Shared by the ranks; what one writes is read behind a barrier. */
typedef struct {
    mlpc_fused *f;
    const mlpc_epoch_job *job;
    size_t batches;
    mlpc_share *share; /* whether the caller wants to end */
    double steps;      /* taken before this epoch */
    size_t batch;      /* where it ended */
    mlpc_status status;
} mlpc_fused_run;

/* A rank's view of it. */
typedef struct {
    const mlpc_fused_run *shared;
    mlpc_team *team;
    size_t rank, size;
    size_t phase;    /* 2 k in the rows of batch k, 2 k + 1 in its units */
    double steps;    /* taken in this epoch */
    double divisor;  /* of this batch's loss */
    int passed_over; /* its weights sum to 0 */
} mlpc_fused_view;

static inline size_t mlpc_fused_batch_start(const mlpc_fused_run *r, size_t k) { return k * r->job->batch_size; }

static inline size_t mlpc_fused_batch_rows(const mlpc_fused_run *r, size_t k)
{
    return mlpc_epoch_rows(r->job->model.net, r->job->training.samples->input.n, r->job->batch_size, k);
}

/* What its forward draws by. */
static inline mlpc_draw mlpc_fused_draw(const mlpc_fused_run *r, size_t k)
{
    return (mlpc_draw){r->job->epoch.draw.seed, r->job->epoch.draw.t + k};
}

static inline void *mlpc_fused_at(const mlpc_fused_run *r, const void *p, size_t elements)
{
    return (char *)p + elements * r->job->model.kernels->itemsize;
}

/* To be asked before work of so many rows of so many terms, that is all but the update, which is done as a whole, and
 * batch norm, which remembers what statistics were: 1 where what is left of the phase may be left out, since the batch
 * that it is for will be.  A clock is looked at after each piece of work, which small batches are far from. */
static inline int mlpc_fused_stopped(const mlpc_fused_view *s, size_t rows, size_t terms)
{
    double *const unasked = &s->shared->f->ranks[s->rank].unasked;
    *unasked += (double)rows * (double)terms;
    if (*unasked < (double)s->shared->job->model.kernels->piece)
        return mlpc_share_ends(s->shared->share, s->phase);
    *unasked = 0;
    return mlpc_share_stopped(s->shared->share, s->rank, s->phase);
}

/* Terms that an element of a block may cost, forward or back, and one of the loss. */
enum { MLPC_FUSED_BLOCK_TERMS = MLPC_ACTIVATION_TERMS + MLPC_NORM_TERMS + MLPC_MASK_TERMS };

static inline mlpc_norm mlpc_fused_norm(const mlpc_fused_run *r, size_t l)
{
    return r->job->model.net->layers[l].block.norm;
}

/* 1 where there are fewer of a batch's B rows than a vector for each rank. */
static inline int mlpc_fused_has_few_rows(const mlpc_fused_view *s, size_t B)
{
    return B < s->shared->job->model.kernels->lanes * s->size;
}

/* The rank's share of B rows: whole vectors of them, unless they are too few. */
static inline void mlpc_fused_share_of_rows(const mlpc_fused_view *s, size_t B, size_t *first, size_t *n)
{
    size_t end;
    const size_t group = mlpc_fused_has_few_rows(s, B) ? 1 : s->shared->job->model.kernels->lanes;
    mlpc_team_share(B, group, s->rank, s->size, first, &end);
    *n = end - *first;
}

/* The panels of a layer that it works on: *p to *end - 1. */
static inline void mlpc_fused_share_of_panels(const mlpc_fused_view *s, size_t l, size_t *p, size_t *end)
{
    mlpc_team_share(s->shared->f->packed->layers[l].n_panels, 1, s->rank, s->size, p, end);
}

#endif
