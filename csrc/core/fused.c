/* The fused epoch, see fused.h. */
#include "fused.h"

#include <string.h>

#include "block.h"
#include "fpmode.h"
#include "fused_memory.h"
#include "loss.h"
#include "packed.h"
#include "pass.h"
#include "progress.h"
#include "step.h"
#include "team.h"

/* Shared by the ranks of a run; what one writes is read behind a barrier. */
typedef struct {
    mlpc_fused *f;
    const mlpc_fused_job *job;
    size_t batches;
    double steps; /* taken before this epoch */
    int stopped;  /* rank 0: the caller wants to end */
    size_t batch; /* where it ended */
    mlpc_status status;
} run;

/* The same in memory of its own, with its job. */
typedef struct {
    run run;
    mlpc_fused_job job;
} shared_run;
_Static_assert(sizeof(shared_run) <= MLPC_SHARED, "room for it");

static run *share(mlpc_fused *f, const run *r)
{
    shared_run *const s = f->run;
    *s = (shared_run){.run = *r, .job = *r->job};
    s->run.job = &s->job;
    return &s->run;
}

/* A rank's view of it. */
typedef struct {
    const run *shared;
    size_t rank, size;
    double steps;    /* taken in this epoch */
    double divisor;  /* of this batch's loss */
    int passed_over; /* its weights sum to 0 */
} rank_state;

static size_t batch_start(const run *r, size_t k) { return k * r->job->batch_size; }

static size_t batch_rows(const run *r, size_t k)
{
    const size_t start = batch_start(r, k), n = r->job->training.samples->input.n;
    return n - start < r->job->batch_size ? n - start : r->job->batch_size;
}

static void *at(const run *r, const void *p, size_t elements)
{
    return (char *)p + elements * r->job->model.kernels->itemsize;
}

/* This rank's share of B rows: whole vectors of them, as long as there are enough. */
static void share_of_rows(const rank_state *s, size_t B, size_t *first, size_t *n)
{
    size_t end;
    mlpc_team_share(B, s->shared->job->model.kernels->lanes, s->rank, s->size, first, &end);
    *n = end - *first;
}

/* The panels of a layer that it works on: *p to *end - 1. */
static void share_of_panels(const rank_state *s, const mlpc_packed_layer *layer, size_t *p, size_t *end)
{
    mlpc_team_share(layer->n_panels, 1, s->rank, s->size, p, end);
}

/* The rank's rows of a batch, and what goes with them. */
static void gather(const rank_state *s, size_t k)
{
    const run *r = s->shared;
    const mlpc_fused_job *j = r->job;
    mlpc_fused *f = r->f;
    size_t first, n;
    share_of_rows(s, batch_rows(r, k), &first, &n);
    const size_t *const order = j->order + batch_start(r, k) + first;
    const mlpc_samples *const samples = j->training.samples;
    mlpc_samples_gather(samples, j->model.kernels, &f->rows[k % 2], first, order, n,
                        samples->input.n - batch_start(r, k) - first);
    mlpc_targets_gather(&j->training.objective.targets, &f->targets[k % 2], first, order, n,
                        j->model.kernels->itemsize);
}

static mlpc_objective batch_objective(const run *r, size_t k)
{
    return mlpc_objective_of_rows(&r->job->training.objective, &r->f->targets[k % 2], batch_rows(r, k));
}

/* z of the first layer for one panel of a batch.  Where zeros are skipped one of a rank's panels fills its columns:
 * nearly free while it runs over the lists anyway, where lines that another core wrote are dear. */
static void first_product(const rank_state *s, size_t k, size_t p, int fills)
{
    const run *r = s->shared;
    mlpc_fused *f = r->f;
    const mlpc_kernels *kernels = r->job->model.kernels;
    const mlpc_packed_layer *layer = &f->packed->layers[0];
    const size_t first = layer->panels[p], width = layer->panels[p + 1] - first, B = batch_rows(r, k);
    void *const z = at(r, f->layers[0].z, first), *const w = at(r, layer->weight, layer->I * first);
    void *const bias = at(r, layer->bias, first);
    mlpc_rows *const rows = &f->rows[k % 2];
    if (!r->job->training.samples->skips_zeros) {
        kernels->panel_forward(z, layer->row, rows->x, rows->x_row, w, bias, B, layer->I, width);
        return;
    }
    const mlpc_lists lists = mlpc_samples_lists(r->job->training.samples, rows, B);
    for (size_t part = 0; part < lists.blocks; part++)
        kernels->list_forward(z, at(r, f->partial, first), layer->row, &lists, part,
                              fills ? &f->ranks[s->rank].columns : NULL, at(r, w, part * MLPC_LIST_BLOCK * width), bias,
                              width);
}

static void first_products(const rank_state *s, size_t k)
{
    size_t first, end;
    share_of_panels(s, &s->shared->f->packed->layers[0], &first, &end);
    for (size_t p = first; p < end; p++)
        first_product(s, k, p, p == first);
}

/* Some rows around the block of a layer. */
static mlpc_block_rows block_rows(const run *r, size_t l, size_t first, size_t n)
{
    const mlpc_fused_layer *layer = &r->f->layers[l];
    const size_t row = r->f->packed->layers[l].row, offset = first * row;
    return (mlpc_block_rows){
        .z = at(r, layer->z, offset),
        .a = at(r, layer->a, offset),
        .dz = at(r, layer->dz, offset),
        .n = n,
        .stride = row,
    };
}

/* Blocks and products of the rank's rows, from the first layer's z on. */
static void forward(const rank_state *s, size_t first, size_t n)
{
    const run *r = s->shared;
    const mlpc_net *net = r->job->model.net;
    for (size_t l = 0; l + 1 < net->n_layers; l++) {
        const mlpc_packed_layer *layer = &r->f->packed->layers[l], *next = layer + 1;
        const mlpc_fused_layer *there = &r->f->layers[l + 1];
        const mlpc_block_rows rows = block_rows(r, l, first, n);
        mlpc_block_forward(&net->layers[l].block, r->job->model.kernels, &rows);
        for (size_t p = 0; p < next->n_panels; p++) {
            const size_t unit = next->panels[p];
            r->job->model.kernels->panel_forward(at(r, there->z, first * next->row + unit), next->row, rows.a,
                                                 layer->row, at(r, next->weight, next->I * unit),
                                                 at(r, next->bias, unit), n, next->I, next->panels[p + 1] - unit);
        }
    }
}

/* Loss and correct answers of the rank's rows, and dz of the last layer. */
static void evaluate(const rank_state *s, size_t k, size_t first, size_t n)
{
    const run *r = s->shared;
    const mlpc_fused_job *j = r->job;
    const mlpc_kernels *kernels = j->model.kernels;
    mlpc_fused_rank *own = &r->f->ranks[s->rank];
    const size_t last = j->model.net->n_layers - 1, row = r->f->packed->layers[last].row;
    const mlpc_objective whole = batch_objective(r, k);
    const mlpc_objective part = mlpc_objective_from(&whole, first, n, kernels->itemsize);
    mlpc_loss_job job = mlpc_loss_job_of(&part, s->divisor);
    job.z = at(r, r->f->layers[last].z, first * row);
    job.dz = at(r, r->f->layers[last].dz, first * row);
    job.z_row = job.dz_row = row;
    job.row_loss = j->row_loss + batch_start(r, k) + first;
    own->correct += mlpc_count_correct(part.loss.kind, kernels, &job);
    if (s->passed_over) {
        memset(job.row_loss, 0, n * sizeof *job.row_loss);
        return;
    }
    kernels->loss[part.loss.kind](&job);
    for (size_t b = 0; b < n; b++)
        own->diverged |= !(job.row_loss[b] - job.row_loss[b] == 0);
    own->diverged |= !kernels->all_finite(job.z, n * row) || !kernels->all_finite(job.dz, n * row);
}

/* From dz of the last layer to dz of the first, for the rank's rows. */
static void backward(const rank_state *s, size_t first, size_t n)
{
    const run *r = s->shared;
    for (size_t l = r->job->model.net->n_layers - 1; l > 0; l--) {
        const mlpc_packed_layer *layer = &r->f->packed->layers[l], *before = layer - 1;
        const mlpc_block_rows rows = block_rows(r, l - 1, first, n);
        r->job->model.kernels->panels_backward_x(rows.dz, before->row, at(r, r->f->layers[l].dz, first * layer->row),
                                                 layer->row, layer->weight, layer->panels, n, layer->I, layer->O,
                                                 r->f->ranks[s->rank].tiles);
        mlpc_block_backward(&r->job->model.net->layers[l - 1].block, r->job->model.kernels, &rows);
    }
}

static void rows_phase(rank_state *s, size_t k)
{
    const run *r = s->shared;
    mlpc_fused_rank *own = &r->f->ranks[s->rank];
    const mlpc_objective objective = batch_objective(r, k);
    size_t first, n;
    if (k + 1 < r->batches)
        gather(s, k + 1);
    share_of_rows(s, batch_rows(r, k), &first, &n);
    s->passed_over = mlpc_loss_divisor(&objective, r->job->model.kernels, &s->divisor, own->weights) != MLPC_OK;
    if (s->rank == 0)
        r->f->divisor[k] = s->passed_over ? 0 : s->divisor;
    if (!n) /* more ranks than groups of rows */
        return;
    forward(s, first, n);
    evaluate(s, k, first, n);
    if (!s->passed_over)
        backward(s, first, n);
}

/* The states from an element on, of those that are kept. */
static void states_from(const run *r, void *const of[MLPC_MAX_STATES], size_t element, void *state[MLPC_MAX_STATES])
{
    for (size_t i = 0; i < MLPC_MAX_STATES; i++)
        state[i] = of[i] ? at(r, of[i], element) : NULL;
}

/* Gradients of a panel of a layer, and the step, strip by strip. */
static void update_panel(const rank_state *s, const mlpc_step_plan *plan, size_t k, size_t l, size_t p)
{
    const run *r = s->shared;
    mlpc_fused *f = r->f;
    const mlpc_kernels *kernels = r->job->model.kernels;
    const mlpc_packed_layer *layer = &f->packed->layers[l];
    const size_t tensor = r->job->model.net->layers[l].tensor;
    const mlpc_step_plan of_weight = mlpc_step_of_tensor(plan, tensor);
    const mlpc_step_plan of_bias = mlpc_step_of_tensor(plan, tensor + 1);
    void *const strip = f->ranks[s->rank].strip, *state[MLPC_MAX_STATES];
    const size_t unit = layer->panels[p], width = layer->panels[p + 1] - unit, B = batch_rows(r, k);
    const size_t I = layer->I, weight = I * unit;
    const size_t most = f->strip_elements / width / MLPC_STRIP_INPUTS * MLPC_STRIP_INPUTS;
    const void *const dz = at(r, f->layers[l].dz, unit);
    const int lists = l == 0 && r->job->training.samples->skips_zeros;

    kernels->linear_backward_b(strip, dz, layer->row, B, width);
    states_from(r, layer->bias_state, unit, state);
    mlpc_step_apply(&of_bias, kernels, at(r, layer->bias, unit), strip, state, width);

    const void *const x = l ? f->layers[l - 1].a : f->rows[k % 2].x;
    const size_t x_row = l ? f->packed->layers[l - 1].row : f->rows[k % 2].x_row;
    void *const w = at(r, layer->weight, weight);
    if (mlpc_step_is_plain(&of_weight) && B <= MLPC_BATCH_BLOCK) {
        const double rate = of_weight.coefficients[MLPC_COEFFICIENT_rate];
        if (lists)
            kernels->list_sgd_step(w, &f->ranks[s->rank].columns, 0, I, dz, layer->row, B, rate, width);
        else
            kernels->panel_sgd_step(w, x, x_row, dz, layer->row, B, I, rate, width);
        return;
    }
    for (size_t i = 0; i < I; i += most) {
        const size_t n = I - i < most ? I - i : most, offset = weight + i * width;
        if (lists)
            kernels->list_backward_w(strip, &f->ranks[s->rank].columns, i, n, dz, layer->row, B, width);
        else
            kernels->panel_backward_w(strip, at(r, x, i), x_row, dz, layer->row, B, n, width);
        states_from(r, layer->weight_state, offset, state);
        mlpc_step_apply(&of_weight, kernels, at(r, layer->weight, offset), strip, state, n * width);
    }
}

static void units_phase(rank_state *s, size_t k)
{
    const run *r = s->shared;
    const mlpc_packed *packed = r->f->packed;
    if (!s->passed_over) {
        mlpc_step_plan plan;
        s->steps += 1;
        mlpc_step_prepare(&plan, &r->job->training.optimizer, r->job->rates[k], r->steps + s->steps);
        for (size_t l = packed->n_layers; l-- > 0;) {
            size_t p, end;
            for (share_of_panels(s, &packed->layers[l], &p, &end); p < end; p++)
                update_panel(s, &plan, k, l, p);
        }
    }
    if (k + 1 < r->batches)
        first_products(s, k + 1);
}

/* Is this batch the last one, since it diverged or the caller has had enough? */
static int ends(const run *r, size_t size)
{
    int bad = r->stopped;
    for (size_t t = 0; t < size; t++)
        bad |= r->f->ranks[t].diverged;
    return bad;
}

static MLPC_NOINLINE void train(run *r, mlpc_team *team, size_t rank, size_t size)
{
    rank_state state = {.shared = r, .rank = rank, .size = size};
    mlpc_fused_rank *own = &r->f->ranks[rank];
    own->correct = 0;
    own->diverged = 0;
    gather(&state, 0);
    mlpc_team_barrier(team);
    first_products(&state, 0);
    mlpc_team_barrier(team);
    for (size_t k = 0; k < r->batches; k++) {
        if (rank == 0) {
            r->batch = k;
            r->stopped = mlpc_stopped(r->job->poll, batch_start(r, k));
        }
        rows_phase(&state, k);
        mlpc_team_barrier(team);
        if (ends(r, size))
            break;
        units_phase(&state, k);
        mlpc_team_barrier(team);
    }
    if (rank == 0) {
        r->steps += state.steps;
        r->status = r->stopped ? MLPC_ERROR_INTERRUPTED : ends(r, size) ? MLPC_ERROR_DIVERGED : MLPC_OK;
    }
}

static void train_rank(void *context, mlpc_team *team, size_t rank, size_t size) { train(context, team, rank, size); }

/* The loss of a batch from its rows' terms; 0 where it was passed over, and has none. */
static int batch_loss(const run *r, size_t k, double *value)
{
    const double divisor = r->f->divisor[k];
    if (divisor == 0)
        return 0;
    *value = r->job->model.kernels->sum_double(r->job->row_loss + batch_start(r, k), batch_rows(r, k)) / divisor;
    return 1;
}

/* Is there one among the first batches whose loss is not finite although its rows' are?  The epoch ended there. */
static int overflows(run *r, size_t batches)
{
    double value;
    for (size_t k = 0; k < batches; k++)
        if (batch_loss(r, k, &value) && value - value != 0) {
            r->batch = k;
            return 1;
        }
    return 0;
}

mlpc_status mlpc_fused_epoch(mlpc_fused *f, const mlpc_fused_job *job, size_t *correct, double *lr, double *value)
{
    const mlpc_optimizer *const o = &job->training.optimizer;
    run r = {
        .f = f,
        .job = job,
        .batches = (job->training.samples->input.n + job->batch_size - 1) / job->batch_size,
        .steps = o->steps ? *o->steps : 0,
    };
    for (size_t t = 0; t < f->threads; t++)
        f->ranks[t].columns.table = job->training.samples->table;
    mlpc_packed_load(f->packed, &job->model, o->state);
    run *const shared = share(f, &r);
    const size_t size = mlpc_team_run(f->threads, train_rank, shared);
    r = *shared;
    *correct = 0;
    for (size_t t = 0; t < size; t++)
        *correct += f->ranks[t].correct;
    if (r.status != MLPC_ERROR_INTERRUPTED && overflows(&r, r.status == MLPC_OK ? r.batches : r.batch))
        r.status = MLPC_ERROR_DIVERGED;
    if (r.status == MLPC_OK && !mlpc_packed_finite(f->packed, job->model.kernels))
        r.status = MLPC_ERROR_DIVERGED;
    *lr = job->rates[r.batch];
    if (r.status == MLPC_ERROR_DIVERGED)
        for (size_t k = r.batch + 1; k > 0 && !batch_loss(&r, k - 1, value); k--)
            ;
    if (r.status == MLPC_OK || r.status == MLPC_ERROR_INTERRUPTED) {
        mlpc_packed_store(f->packed, &job->model, o->state);
        if (o->steps)
            *o->steps = r.steps;
    }
    if (r.status != MLPC_OK)
        mlpc_fused_clear(f, job->model.kernels->itemsize);
    return r.status;
}
