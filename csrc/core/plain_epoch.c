/* The epoch of one call after the other, see plain_epoch.h. */
#include "plain_epoch.h"

#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "loss.h"
#include "memory.h"
#include "norm.h"
#include "pass.h"
#include "progress.h"
#include "samples.h"
#include "step.h"

struct mlpc_plain {
    mlpc_workspace *workspace;
    mlpc_rows rows; /* x (batch_size, n_in), as all below the rows of one batch */
    mlpc_target_rows targets;
    void *gradients;                       /* (n_parameters,) of the batch */
    double *unit_squares, *unit_absolutes; /* (units of the widest layer,) of their weights */
    /* (n_parameters,) each, and (n_statistics,), as at the end of the last clean epoch; so is the number of steps. */
    void *parameters, *state[MLPC_MAX_STATES], *statistics;
    double steps;
    void *memory;
};

static void cut_all(mlpc_cutter *c, mlpc_plain *plain, const mlpc_net *net, void *const state[MLPC_MAX_STATES])
{
    const size_t size = mlpc_itemsize(net->dtype), I = net->layers[0].n_in, O = net->layers[net->n_layers - 1].n_out;
    const size_t B = plain->workspace->batch, P = net->n_parameters;
    plain->rows = (mlpc_rows){.x = mlpc_cut(c, B, I, size), .x_row = I};
    plain->targets.labels = mlpc_cut(c, B, 1, sizeof(int64_t));
    plain->targets.values = mlpc_cut(c, B, O, size);
    plain->targets.sample_weight = mlpc_cut(c, B, 1, sizeof(double));
    plain->gradients = mlpc_cut(c, P, 1, size);
    size_t widest = 0;
    for (size_t l = 0; l < net->n_layers; l++)
        widest = net->layers[l].n_out > widest ? net->layers[l].n_out : widest;
    plain->unit_squares = mlpc_cut(c, widest, 1, sizeof(double));
    plain->unit_absolutes = mlpc_cut(c, widest, 1, sizeof(double));
    plain->parameters = mlpc_cut(c, P, 1, size);
    plain->statistics = mlpc_cut(c, net->n_statistics, 1, size);
    for (int s = 0; s < MLPC_MAX_STATES; s++)
        if (state[s])
            plain->state[s] = mlpc_cut(c, P, 1, size);
}

mlpc_status mlpc_plain_create(mlpc_plain **out, const mlpc_model *model, const mlpc_training *training,
                              size_t batch_size, size_t threads)
{
    void *const *const state = training->optimizer.state;
    mlpc_plain *plain = calloc(1, sizeof *plain);
    if (!plain)
        return MLPC_ERROR_MEMORY;
    mlpc_cutter measure = {.block = NULL};
    if (mlpc_workspace_create(&plain->workspace, model->net, batch_size, threads) == MLPC_OK) {
        cut_all(&measure, plain, model->net, state);
        plain->memory = measure.overflows ? NULL : mlpc_block_alloc_dirty(measure.bytes);
    }
    if (!plain->memory) {
        mlpc_plain_free(plain);
        return MLPC_ERROR_MEMORY;
    }
    cut_all(&(mlpc_cutter){.block = plain->memory}, plain, model->net, state);
    *out = plain;
    return MLPC_OK;
}

void mlpc_plain_free(mlpc_plain *plain)
{
    if (plain) {
        mlpc_workspace_free(plain->workspace);
        mlpc_block_free(plain->memory);
    }
    free(plain);
}

/* What an epoch works with, fixed over its batches. */
typedef struct {
    mlpc_plain *plain;
    const mlpc_epoch_job *of;
} job;

/* Numbers that are copied between two questions whether to go on. */
enum { GATHERED = 1 << 16 };

/* Copies B rows, from number `start` of the epoch on, into the batch. */
static mlpc_status gather(const job *j, size_t start, size_t B, const mlpc_poll *poll)
{
    mlpc_plain *plain = j->plain;
    const mlpc_samples *const samples = j->of->training.samples;
    const mlpc_targets *const targets = &j->of->training.objective.targets;
    const mlpc_kernels *const kernels = j->of->model.kernels;
    const size_t *const order = j->of->order + start;
    const size_t most = GATHERED / (samples->I + targets->O) + 1;
    for (size_t b = 0; b < B; b += most) {
        const size_t n = B - b < most ? B - b : most;
        if (mlpc_stopped(poll, 0))
            return MLPC_ERROR_INTERRUPTED;
        mlpc_samples_gather_numbers(samples, kernels, &plain->rows, b, order + b, n, B - b);
        mlpc_targets_gather(targets, &plain->targets, b, order + b, n, kernels->itemsize);
    }
    return MLPC_OK;
}

static size_t statistics_bytes(const job *j) { return j->of->model.net->n_statistics * j->of->model.kernels->itemsize; }

/* The running statistics as they were before a batch that was not brought to its end. */
static void restore_statistics(const job *j)
{
    if (mlpc_norms_batches(j->of->model.net))
        memcpy(j->of->model.statistics, j->plain->workspace->statistics, statistics_bytes(j));
}

/* What is noted of batch k before its step, and with `loss` NULL where it takes none. */
static void record_step(const job *j, size_t k, const double *loss)
{
    const mlpc_model *const model = &j->of->model;
    const mlpc_kernels *const kernels = model->kernels;
    const mlpc_step_record *const record = &j->of->epoch.record;
    double *const unit_squares = j->plain->unit_squares, *const unit_absolutes = j->plain->unit_absolutes;
    double squares = 0, absolutes = 0;
    for (size_t l = 0; loss && (record->squares || record->absolutes) && l < model->net->n_layers; l++) {
        const mlpc_layer *const layer = &model->net->layers[l];
        const size_t O = layer->n_out;
        const void *const w = (const char *)model->parameters + layer->weight * kernels->itemsize;
        kernels->column_sums(unit_squares, unit_absolutes, w, layer->n_in, O, O);
        squares += kernels->sum_double(unit_squares, O);
        absolutes += kernels->sum_double(unit_absolutes, O);
    }
    if (record->loss)
        record->loss[k] = loss ? *loss : 0;
    if (record->squares)
        record->squares[k] = squares;
    if (record->absolutes)
        record->absolutes[k] = absolutes;
}

/* Batch k of B rows, which have been gathered: its loss, the terms of which go to row_loss, correct answers and
 * gradients, and the step. */
static mlpc_status train_batch(const job *j, size_t k, size_t B, mlpc_epoch_result *result, size_t *correct,
                               const mlpc_poll *poll)
{
    const mlpc_model *const model = &j->of->model;
    const mlpc_kernels *const kernels = model->kernels;
    const size_t L = model->net->n_layers;
    mlpc_workspace *workspace = j->plain->workspace;
    const mlpc_objective batch = mlpc_objective_of_rows(&j->of->training.objective, &j->plain->targets, B);
    const void *z = workspace->z[L - 1];
    void *dz = workspace->dz[L % 2]; /* the one that backward does not write first */
    double *const row_loss = j->of->row_loss + k * j->of->batch_size;

    const mlpc_input x = {.rows = j->plain->rows.x, .n = B};
    const double noise = j->of->training.noise;
    mlpc_status status = MLPC_OK;
    if (noise > 0)
        status = mlpc_add_noise(model, workspace, j->plain->rows.x, B, noise, poll);
    if (status == MLPC_OK)
        status = mlpc_forward(model, workspace, &x, poll);
    if (status != MLPC_OK)
        return status;
    mlpc_loss_job rows = mlpc_loss_job_of(&batch, 1);
    rows.z = z;
    *correct += mlpc_count_correct(batch.loss.kind, kernels, &rows);
    status = mlpc_loss_evaluate(&batch, kernels, z, &result->loss, dz, row_loss, poll);
    if (status == MLPC_ERROR_WEIGHTS) {
        memset(row_loss, 0, B * sizeof *row_loss);
        record_step(j, k, NULL);
        return MLPC_OK;
    }
    if (status != MLPC_OK) {
        restore_statistics(j);
        return status;
    }
    const size_t numbers = B * batch.targets.O;
    if (!(result->loss - result->loss == 0) || !kernels->all_finite(z, numbers) || !kernels->all_finite(dz, numbers))
        return MLPC_ERROR_DIVERGED;
    const mlpc_gradients gradients = {.parameters = j->plain->gradients};
    status = mlpc_backward(model, workspace, &x, dz, &gradients, poll);
    if (status != MLPC_OK) {
        restore_statistics(j);
        return status;
    }
    if (j->of->epoch.gradients)
        memcpy(j->of->epoch.gradients, gradients.parameters, model->net->n_parameters * kernels->itemsize);
    record_step(j, k, &result->loss);
    const double factor = j->of->epoch.penalty_factors ? j->of->epoch.penalty_factors[k] : 1;
    const mlpc_optimizer optimizer = mlpc_step_penalised(&j->of->training.optimizer, factor);
    mlpc_step(model, &optimizer, gradients.parameters, result->lr);
    return MLPC_OK;
}

/* What training has changed, kept and put back: parameters, statistics, the optimizer's state and its number of
 * steps. */
static void remember(const job *j)
{
    const mlpc_optimizer *const optimizer = &j->of->training.optimizer;
    const size_t bytes = j->of->model.net->n_parameters * j->of->model.kernels->itemsize;
    memcpy(j->plain->parameters, j->of->model.parameters, bytes);
    if (mlpc_norms_batches(j->of->model.net))
        memcpy(j->plain->statistics, j->of->model.statistics, statistics_bytes(j));
    for (int s = 0; s < MLPC_MAX_STATES; s++)
        if (optimizer->state[s])
            memcpy(j->plain->state[s], optimizer->state[s], bytes);
    if (optimizer->steps)
        j->plain->steps = *optimizer->steps;
}

static void restore(const job *j)
{
    const mlpc_optimizer *const optimizer = &j->of->training.optimizer;
    const size_t bytes = j->of->model.net->n_parameters * j->of->model.kernels->itemsize;
    memcpy(j->of->model.parameters, j->plain->parameters, bytes);
    if (mlpc_norms_batches(j->of->model.net))
        memcpy(j->of->model.statistics, j->plain->statistics, statistics_bytes(j));
    for (int s = 0; s < MLPC_MAX_STATES; s++)
        if (optimizer->state[s])
            memcpy(optimizer->state[s], j->plain->state[s], bytes);
    if (optimizer->steps)
        *optimizer->steps = j->plain->steps;
}

static int finite(const job *j)
{
    void *const *const state = j->of->training.optimizer.state;
    const mlpc_kernels *const kernels = j->of->model.kernels;
    const size_t P = j->of->model.net->n_parameters;
    for (int s = 0; s < MLPC_MAX_STATES; s++)
        if (state[s] && !kernels->all_finite(state[s], P))
            return 0;
    return kernels->all_finite(j->of->model.parameters, P) &&
           kernels->all_finite(j->of->model.statistics, j->of->model.net->n_statistics);
}

mlpc_status mlpc_plain_epoch(mlpc_plain *plain, const mlpc_epoch_job *of, size_t *correct, mlpc_epoch_result *result)
{
    const job *const j = &(job){plain, of};
    const size_t n = of->training.samples->input.n, most = of->batch_size;
    const size_t batches = mlpc_epoch_steps(j->of->model.net, n, most);
    mlpc_status status = MLPC_OK;
    mlpc_progress progress = {j->of->poll, 0};
    const mlpc_poll batch_poll = {mlpc_progress_ask, &progress};
    remember(j);
    for (size_t k = 0; k < batches && status == MLPC_OK; k++) {
        const size_t start = k * most, B = mlpc_epoch_rows(j->of->model.net, n, most, k);
        progress.rows = start;
        result->lr = j->of->epoch.rates[k];
        plain->workspace->trains = 1;
        plain->workspace->draw = (mlpc_draw){j->of->epoch.draw.seed, j->of->epoch.draw.t + k};
        status = gather(j, start, B, &batch_poll);
        if (status == MLPC_OK)
            status = train_batch(j, k, B, result, correct, &batch_poll);
        result->batches += status == MLPC_OK;
    }
    if (status == MLPC_OK && !finite(j))
        status = MLPC_ERROR_DIVERGED;
    if (status == MLPC_ERROR_DIVERGED) {
        restore(j);
        result->batches = 0;
    }
    return status;
}
