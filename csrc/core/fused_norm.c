/* Norms in a fused epoch, see fused_norm.h. */
#include "fused_norm.h"

#include <string.h>

#include "norm.h"

mlpc_norm_job mlpc_fused_norm_of(const mlpc_fused_run *r, size_t l, size_t first, size_t B)
{
    const mlpc_fused *const f = r->f;
    const mlpc_layer *const layer = &r->job->model.net->layers[l];
    const mlpc_packed_layer *const packed = &f->packed->layers[l];
    const mlpc_fused_layer *const there = &f->layers[l];
    const size_t offset = first * packed->row;
    const int of_rows = layer->block.norm == MLPC_NORM_layer;
    mlpc_norm_job job = {
        .B = B,
        .F = packed->O,
        .row = packed->row,
        .x = mlpc_fused_at(r, there->z, offset),
        .gain = packed->gain,
        .shift = packed->shift,
        .eps = layer->block.eps,
        .mean = there->mean + (of_rows ? first : 0),
        .rstd = there->rstd + (of_rows ? first : 0),
        .y = mlpc_fused_at(r, there->normed, offset),
        .dy = mlpc_fused_at(r, there->dnormed, offset),
        .dx = mlpc_fused_at(r, there->dz, offset),
        .dgain = there->dgain,
        .dshift = there->dshift,
        .momentum = layer->block.momentum,
    };
    if (!of_rows) {
        job.running_mean = mlpc_fused_at(r, f->statistics, layer->running);
        job.running_var = mlpc_fused_at(r, f->statistics, layer->running + packed->O);
    }
    return job;
}

/* The job for the features of a panel, padding left out. */
static mlpc_norm_job job_of_panel(const mlpc_fused_run *r, size_t k, size_t l, size_t p)
{
    const mlpc_packed_layer *const packed = &r->f->packed->layers[l];
    const size_t from = packed->panels[p], end = packed->panels[p + 1];
    const mlpc_norm_job job = mlpc_fused_norm_of(r, l, 0, mlpc_fused_batch_rows(r, k));
    return mlpc_norm_of_features(&job, r->job->model.kernels, from, (end < packed->O ? end : packed->O) - from);
}

void mlpc_fused_norm_forward(const mlpc_fused_run *r, size_t k, size_t l, size_t p)
{
    const mlpc_norm_job job = job_of_panel(r, k, l, p);
    void *const moved[] = {job.running_mean, job.running_var};
    for (int i = 0; i < 2; i++) {
        const ptrdiff_t offset = (char *)moved[i] - (char *)r->f->statistics;
        memcpy((char *)r->f->statistics_before + offset, moved[i], job.F * r->job->model.kernels->itemsize);
    }
    r->job->model.kernels->batch_norm_forward(&job);
}

void mlpc_fused_norm_backward(const mlpc_fused_run *r, size_t k, size_t l, size_t p)
{
    const mlpc_norm_job job = job_of_panel(r, k, l, p);
    if (mlpc_fused_norm(r, l) == MLPC_NORM_batch)
        r->job->model.kernels->batch_norm_backward(&job);
    else
        r->job->model.kernels->layer_norm_gradients(&job);
}

void mlpc_fused_norm_batch(const mlpc_fused_view *s, size_t k, size_t l,
                           void (*panel)(const mlpc_fused_run *r, size_t k, size_t l, size_t p))
{
    size_t p, end;
    mlpc_team_barrier(s->team);
    for (mlpc_fused_share_of_panels(s, l, &p, &end); p < end; p++)
        panel(s->shared, k, l, p);
    mlpc_team_barrier(s->team);
}
