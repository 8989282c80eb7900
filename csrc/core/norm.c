/* Norms of blocks, see norm.h. */
#include "norm.h"

#include "fpmode.h"

/* A thread more pays where it gets so large a part of a piece of work, as in a forward pass. */
#define LEAST_PART (1 / 50.0)

/* Features fill a line of the cache, and rows are taken one by one. */
enum { SHARED_FEATURES = 16, SHARED_ROWS = 8 };

/* NULL stays NULL. */
static void *at(const mlpc_kernels *kernels, const void *array, size_t elements)
{
    return array ? (char *)array + elements * kernels->itemsize : NULL;
}

mlpc_norm_job mlpc_norm_of(const mlpc_model *model, const mlpc_workspace *workspace, const void *folded, size_t l)
{
    const mlpc_layer *const layer = &model->net->layers[l];
    const mlpc_kernels *const kernels = model->kernels;
    mlpc_norm_job job = {
        .F = layer->n_out,
        .row = layer->n_out,
        .gain = at(kernels, model->parameters, layer->gain),
        .shift = at(kernels, model->parameters, layer->shift),
        .eps = layer->block.eps,
        .mean = workspace ? workspace->mean[l] : NULL,
        .rstd = workspace ? workspace->rstd[l] : NULL,
        .momentum = layer->block.momentum,
        .fixed = workspace && !workspace->trains,
    };
    if (layer->block.norm == MLPC_NORM_batch) {
        job.running_mean = at(kernels, model->statistics, layer->running);
        job.running_var = at(kernels, model->statistics, layer->running + layer->n_out);
        job.s = at(kernels, folded, layer->running);
        job.t = at(kernels, folded, layer->running + layer->n_out);
    }
    return job;
}

void mlpc_norm_fold(const mlpc_model *model, const mlpc_workspace *workspace, void *folded)
{
    for (size_t l = 0; l < model->net->n_layers; l++)
        if (model->net->layers[l].block.norm == MLPC_NORM_batch) {
            const mlpc_norm_job job = mlpc_norm_of(model, workspace, folded, l);
            model->kernels->batch_norm_fold(&job);
        }
}

mlpc_norm_job mlpc_norm_of_features(const mlpc_norm_job *job, const mlpc_kernels *kernels, size_t from, size_t n)
{
    mlpc_norm_job part = *job;
    const int has_statistics = job->running_mean != NULL;
    part.F = n;
    part.x = at(kernels, job->x, from);
    part.gain = at(kernels, job->gain, from);
    part.shift = at(kernels, job->shift, from);
    if (has_statistics) {
        part.mean += from;
        part.rstd += from;
        part.running_mean = at(kernels, job->running_mean, from);
        part.running_var = at(kernels, job->running_var, from);
    }
    part.y = at(kernels, job->y, from);
    part.dy = at(kernels, job->dy, from);
    part.dx = at(kernels, job->dx, from);
    part.dgain = at(kernels, job->dgain, from);
    part.dshift = at(kernels, job->dshift, from);
    return part;
}

/* ---- Forward, over a batch --------------------------------------------------------------------------------------- */

typedef struct {
    mlpc_pass pass; /* of rank 0 */
    mlpc_norm_job job;
    mlpc_share share;
} batch_run;
_Static_assert(sizeof(batch_run) <= MLPC_SHARED, "room for it in the workspace");

static MLPC_NOINLINE void normalise_features(void *context, mlpc_team *team, size_t rank, size_t size)
{
    (void)team;
    const batch_run *const run = context;
    mlpc_pass p = run->pass;
    p.rank = rank;
    size_t from, to;
    mlpc_team_share(run->job.F, SHARED_FEATURES, rank, size, &from, &to);
    const size_t most = mlpc_pass_piece(&p, to - from, run->job.B, MLPC_NORM_TERMS);
    for (size_t f = from; f < to && !mlpc_pass_stopped(&p); f += most) {
        const mlpc_norm_job part = mlpc_norm_of_features(&run->job, p.model.kernels, f, to - f < most ? to - f : most);
        p.model.kernels->batch_norm_forward(&part);
    }
}

mlpc_status mlpc_norm_batch(const mlpc_model *model, mlpc_workspace *workspace, size_t l, size_t B,
                            const mlpc_poll *poll)
{
    if (B == 0)
        return MLPC_OK;
    batch_run *const run = workspace->pass;
    *run = (batch_run){
        .pass = {.model = *model, .workspace = workspace, .share = &run->share},
        .job = mlpc_norm_of(model, workspace, workspace->folded, l),
        .share = {.poll = poll, .stopped = MLPC_GOES_ON},
    };
    run->job.B = B;
    run->job.x = workspace->z[l];
    run->job.y = workspace->normed[l];
    const double terms = (double)B * (double)run->job.F * MLPC_NORM_TERMS;
    const size_t threads = mlpc_team_size(terms, LEAST_PART * (double)model->kernels->piece, workspace->threads);
    mlpc_team_run(threads, normalise_features, run);
    return run->share.stopped == MLPC_GOES_ON ? MLPC_OK : MLPC_ERROR_INTERRUPTED;
}

/* ---- Backward ---------------------------------------------------------------------------------------------------- */

/* The gradients of gain and shift of the rank's features, with dL/dz of batch norm; into the parameters' gradients, or
 * added to them. */
static void backward_features(const mlpc_pass *p, const mlpc_norm_gradient *of, const mlpc_norm_job *job, size_t size)
{
    const mlpc_layer *const layer = &p->model.net->layers[of->l];
    const mlpc_kernels *const kernels = p->model.kernels;
    void *const scratch = mlpc_pass_at(p, p->workspace->scratch, p->rank * p->workspace->scratch_size);
    size_t from, to;
    mlpc_team_share(job->F, SHARED_FEATURES, p->rank, size, &from, &to);
    const size_t most = of->B ? mlpc_pass_piece(p, to - from, of->B, MLPC_NORM_TERMS) : to - from;
    for (size_t f = from; f < to && !mlpc_pass_stopped(p); f += most) {
        const size_t n = to - f < most ? to - f : most;
        void *const dgain = mlpc_pass_at(p, of->parameters, layer->gain + f);
        void *const dshift = mlpc_pass_at(p, of->parameters, layer->shift + f);
        mlpc_norm_job part = mlpc_norm_of_features(job, kernels, f, n);
        part.dgain = of->accumulate ? scratch : dgain;
        part.dshift = of->accumulate ? mlpc_pass_at(p, scratch, n) : dshift;
        (layer->block.norm == MLPC_NORM_batch ? kernels->batch_norm_backward : kernels->layer_norm_gradients)(&part);
        if (of->accumulate) {
            kernels->add(dgain, part.dgain, n);
            kernels->add(dshift, part.dshift, n);
        }
    }
}

/* dL/dz of the rank's rows, of layer norm. */
static void backward_rows(const mlpc_pass *p, const mlpc_norm_job *job, size_t size)
{
    size_t from, to;
    mlpc_team_share(job->B, SHARED_ROWS, p->rank, size, &from, &to);
    const size_t most = mlpc_pass_piece(p, to - from, job->F, MLPC_NORM_TERMS);
    for (size_t b = from; b < to && !mlpc_pass_stopped(p); b += most) {
        mlpc_norm_job part = *job;
        part.B = to - b < most ? to - b : most;
        part.x = mlpc_pass_at(p, job->x, b * job->row);
        part.dy = part.dx = mlpc_pass_at(p, job->dx, b * job->row);
        part.mean += b;
        part.rstd += b;
        p->model.kernels->layer_norm_backward(&part);
    }
}

/* Behind a barrier: 1 where the pass goes on, with its next phase. */
static int goes_on(mlpc_pass *p, mlpc_team *team)
{
    mlpc_team_barrier(team);
    return !mlpc_share_ends(p->share, p->phase++);
}

int mlpc_norm_backward(mlpc_pass *p, const mlpc_norm_gradient *of, mlpc_team *team, size_t size)
{
    mlpc_norm_job job = mlpc_norm_of(&p->model, p->workspace, p->workspace->folded, of->l);
    job.B = of->B;
    job.x = p->workspace->z[of->l];
    job.dy = job.dx = of->dz;
    backward_features(p, of, &job, size);
    if (!goes_on(p, team))
        return 0;
    if (p->model.net->layers[of->l].block.norm == MLPC_NORM_batch)
        return 1;
    backward_rows(p, &job, size);
    return goes_on(p, team);
}
