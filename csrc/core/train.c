/* The training epoch: shuffle, then per batch gather, forward, loss, backward, step; one after the other here, all in
 * one in fused.c.  Which of the two computes does not change a bit. */
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "fpmode.h"
#include "fused.h"
#include "loss.h"
#include "memory.h"
#include "mlpc.h"
#include "norm.h"
#include "pass.h"
#include "progress.h"
#include "samples.h"
#include "step.h"
#include "team.h"

/* What decides how a trainer is made, besides its net. */
typedef struct {
    const mlpc_kernels *kernels;
    size_t n, batch_size, threads, capacity;
    int fused, skips_zeros, has_values, has_state[MLPC_MAX_STATES];
} trainer_key;

struct mlpc_trainer {
    trainer_key key;
    mlpc_fused *fused; /* NULL where mlpc_fused_carries no epoch */
    mlpc_workspace *workspace;
    size_t *order;    /* (n,) rows in the order of this epoch */
    double *row_loss; /* (n,) in that order */
    mlpc_rows rows;   /* x (batch_size, n_in), as all below the rows of one batch */
    mlpc_target_rows targets;
    void *gradients;                       /* (n_parameters,) of the batch */
    double *unit_squares, *unit_absolutes; /* (units of the widest layer,) of their weights */
    /* (n_parameters,) each, and (n_statistics,), as at the end of the last clean epoch; so is the number of steps. */
    void *parameters, *state[MLPC_MAX_STATES], *statistics;
    double steps;
    void *memory;
};

/* A thread more pays where it gets so much of the kernels' pieces per batch, some 20 us of work, against two barriers,
 * and a vector of rows of its own: else the weights of the layers behind the first, each of which both threads read and
 * one wrote, cost more on their way between the CPUs than what is computed with them. */
#define LEAST_OF_BATCH (1 / 500.0)

/* Each thread keeps the columns of a batch for itself, see fused_memory.h: more than two keep so many bytes at most. */
#define MOST_COLUMNS ((double)(256 << 20))

static size_t fused_threads(const mlpc_model *model, const mlpc_training *training, size_t B)
{
    const mlpc_kernels *const kernels = model->kernels;
    const mlpc_samples *const samples = training->samples;
    const size_t vectors = B / kernels->lanes;
    const double columns = (double)B * (double)samples->I * (double)(samples->value ? kernels->itemsize : 1);
    size_t most = training->threads < vectors ? training->threads : vectors;
    if (mlpc_fused_skips_zeros(training) && most > 2 && (double)most * columns > MOST_COLUMNS)
        most = MOST_COLUMNS / columns < 2 ? 2 : (size_t)(MOST_COLUMNS / columns);
    return mlpc_team_size(mlpc_fused_terms(model->net, training->noise, B), LEAST_OF_BATCH * (double)kernels->piece,
                          most);
}

/* Rows of its batches, of which the last one may have others. */
static size_t batch_size_of(const mlpc_training *training)
{
    const size_t n = training->samples->input.n;
    return training->batch_size < n ? training->batch_size : n;
}

static int last_row_joins(const mlpc_net *net, size_t n, size_t batch_size)
{
    return mlpc_norms_batches(net) && n > batch_size && n % batch_size == 1;
}

size_t mlpc_epoch_steps(const mlpc_net *net, size_t n, size_t batch_size)
{
    return n / batch_size + (n % batch_size != 0 && !last_row_joins(net, n, batch_size));
}

size_t mlpc_epoch_rows(const mlpc_net *net, size_t n, size_t batch_size, size_t k)
{
    const size_t left = n - k * batch_size;
    return left < batch_size || (left == batch_size + 1 && last_row_joins(net, n, batch_size)) ? left : batch_size;
}

/* Rows of its largest batch. */
static size_t most_rows(const mlpc_model *model, const mlpc_training *training)
{
    const size_t n = training->samples->input.n, B = batch_size_of(training);
    return B + (size_t)last_row_joins(model->net, n, B);
}

static trainer_key key_of(const mlpc_model *model, const mlpc_training *training)
{
    const mlpc_samples *const samples = training->samples;
    trainer_key key = {
        .kernels = model->kernels,
        .n = samples->input.n,
        .batch_size = batch_size_of(training),
        .threads = training->threads,
        .capacity = samples->capacity,
        .fused = mlpc_fused_carries(model, training, batch_size_of(training), 0),
        .skips_zeros = mlpc_fused_skips_zeros(training),
        .has_values = samples->value != NULL,
    };
    for (int s = 0; s < MLPC_MAX_STATES; s++)
        key.has_state[s] = training->optimizer.state[s] != NULL;
    return key;
}

int mlpc_trainer_fits(const mlpc_trainer *trainer, const mlpc_model *model, const mlpc_training *training)
{
    const trainer_key is = trainer->key, other = key_of(model, training);
    int same = mlpc_workspace_fits(trainer->workspace, model->net) && is.kernels == other.kernels && is.n == other.n &&
               is.batch_size == other.batch_size && is.threads == other.threads && is.capacity == other.capacity &&
               is.skips_zeros == other.skips_zeros && is.has_values == other.has_values && is.fused == other.fused;
    for (int s = 0; s < MLPC_MAX_STATES; s++)
        same = same && is.has_state[s] == other.has_state[s];
    return same;
}

static void cut_all(mlpc_cutter *c, mlpc_trainer *trainer, const mlpc_net *net)
{
    const size_t size = mlpc_itemsize(net->dtype), I = net->layers[0].n_in, O = net->layers[net->n_layers - 1].n_out;
    const size_t n = trainer->key.n, B = trainer->workspace->batch, P = net->n_parameters;
    trainer->order = mlpc_cut(c, n, 1, sizeof(size_t));
    trainer->row_loss = mlpc_cut(c, n, 1, sizeof(double));
    trainer->rows = (mlpc_rows){.x = mlpc_cut(c, B, I, size), .x_row = I};
    trainer->targets.labels = mlpc_cut(c, B, 1, sizeof(int64_t));
    trainer->targets.values = mlpc_cut(c, B, O, size);
    trainer->targets.sample_weight = mlpc_cut(c, B, 1, sizeof(double));
    trainer->gradients = mlpc_cut(c, P, 1, size);
    size_t widest = 0;
    for (size_t l = 0; l < net->n_layers; l++)
        widest = net->layers[l].n_out > widest ? net->layers[l].n_out : widest;
    trainer->unit_squares = mlpc_cut(c, widest, 1, sizeof(double));
    trainer->unit_absolutes = mlpc_cut(c, widest, 1, sizeof(double));
    trainer->parameters = mlpc_cut(c, P, 1, size);
    trainer->statistics = mlpc_cut(c, net->n_statistics, 1, size);
    for (int s = 0; s < MLPC_MAX_STATES; s++)
        if (trainer->key.has_state[s])
            trainer->state[s] = mlpc_cut(c, P, 1, size);
}

mlpc_status mlpc_trainer_create(mlpc_trainer **out, const mlpc_model *model, const mlpc_training *training)
{
    const mlpc_net *const net = model->net;
    const size_t B = batch_size_of(training), rows = most_rows(model, training);
    const size_t useful = mlpc_useful_threads(net, model->kernels, B, training->threads);
    mlpc_trainer *trainer = calloc(1, sizeof *trainer);
    if (!trainer)
        return MLPC_ERROR_MEMORY;
    trainer->key = key_of(model, training);
    if (mlpc_workspace_create(&trainer->workspace, net, rows, useful) != MLPC_OK ||
        (trainer->key.fused &&
         mlpc_fused_create(&trainer->fused, model, training, rows, fused_threads(model, training, B)) != MLPC_OK))
        goto fail;

    mlpc_cutter measure = {.block = NULL};
    cut_all(&measure, trainer, net);
    trainer->memory = measure.overflows ? NULL : mlpc_block_alloc(measure.bytes);
    if (!trainer->memory)
        goto fail;
    cut_all(&(mlpc_cutter){.block = trainer->memory}, trainer, net);
    *out = trainer;
    return MLPC_OK;

fail:
    mlpc_trainer_free(trainer);
    return MLPC_ERROR_MEMORY;
}

void mlpc_trainer_free(mlpc_trainer *trainer)
{
    if (trainer) {
        mlpc_fused_free(trainer->fused);
        mlpc_workspace_free(trainer->workspace);
        mlpc_block_free(trainer->memory);
    }
    free(trainer);
}

/* What an epoch works with, fixed over its batches. */
typedef struct {
    const mlpc_model *model;
    const mlpc_training *training;
    mlpc_trainer *trainer;
    const mlpc_epoch *epoch;
    const mlpc_poll *poll;
} job;

/* Numbers that are copied between two questions whether to go on. */
enum { GATHERED = 1 << 16 };

/* Copies B rows, from number `start` of the epoch on, into the trainer's batch. */
static mlpc_status gather(const job *j, size_t start, size_t B, const mlpc_poll *poll)
{
    mlpc_trainer *trainer = j->trainer;
    const mlpc_samples *const samples = j->training->samples;
    const mlpc_targets *const targets = &j->training->objective.targets;
    const mlpc_kernels *const kernels = j->model->kernels;
    const size_t *const order = trainer->order + start;
    const size_t most = GATHERED / (samples->I + targets->O) + 1;
    for (size_t b = 0; b < B; b += most) {
        const size_t n = B - b < most ? B - b : most;
        if (mlpc_stopped(poll, 0))
            return MLPC_ERROR_INTERRUPTED;
        mlpc_samples_gather_numbers(samples, kernels, &trainer->rows, b, order + b, n, B - b);
        mlpc_targets_gather(targets, &trainer->targets, b, order + b, n, kernels->itemsize);
    }
    return MLPC_OK;
}

static size_t statistics_bytes(const job *j) { return j->model->net->n_statistics * j->model->kernels->itemsize; }

/* The running statistics as they were before a batch that was not brought to its end. */
static void restore_statistics(const job *j)
{
    if (mlpc_norms_batches(j->model->net))
        memcpy(j->model->statistics, j->trainer->workspace->statistics, statistics_bytes(j));
}

/* What is noted of batch k before its step, and with `loss` NULL where it takes none. */
static void record_step(const job *j, size_t k, const double *loss)
{
    const mlpc_model *const model = j->model;
    const mlpc_kernels *const kernels = model->kernels;
    const mlpc_step_record *const record = &j->epoch->record;
    double *const unit_squares = j->trainer->unit_squares, *const unit_absolutes = j->trainer->unit_absolutes;
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

/* Batch k of B rows, which lie in the trainer: its loss, the terms of which go to row_loss, correct answers and
 * gradients, and the step. */
static mlpc_status train_batch(const job *j, size_t k, size_t B, mlpc_epoch_result *result, size_t *correct,
                               const mlpc_poll *poll)
{
    const mlpc_model *const model = j->model;
    const mlpc_kernels *const kernels = model->kernels;
    const size_t L = model->net->n_layers;
    mlpc_workspace *workspace = j->trainer->workspace;
    const mlpc_objective batch = mlpc_objective_of_rows(&j->training->objective, &j->trainer->targets, B);
    const void *z = workspace->z[L - 1];
    void *dz = workspace->dz[L % 2]; /* the one that backward does not write first */
    double *const row_loss = j->trainer->row_loss + k * j->trainer->key.batch_size;

    const mlpc_input x = {.rows = j->trainer->rows.x, .n = B};
    const double noise = j->training->noise;
    mlpc_status status = MLPC_OK;
    if (noise > 0)
        status = mlpc_add_noise(model, workspace, j->trainer->rows.x, B, noise, poll);
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
    const mlpc_gradients gradients = {.parameters = j->trainer->gradients};
    status = mlpc_backward(model, workspace, &x, dz, &gradients, poll);
    if (status != MLPC_OK) {
        restore_statistics(j);
        return status;
    }
    if (j->epoch->gradients)
        memcpy(j->epoch->gradients, gradients.parameters, model->net->n_parameters * kernels->itemsize);
    record_step(j, k, &result->loss);
    const double factor = j->epoch->penalty_factors ? j->epoch->penalty_factors[k] : 1;
    const mlpc_optimizer optimizer = mlpc_step_penalised(&j->training->optimizer, factor);
    mlpc_step(model, &optimizer, gradients.parameters, result->lr);
    return MLPC_OK;
}

/* What training has changed, kept and put back: parameters, statistics, the optimizer's state and its number of
 * steps. */
static void remember(const job *j)
{
    const mlpc_optimizer *const optimizer = &j->training->optimizer;
    const size_t bytes = j->model->net->n_parameters * j->model->kernels->itemsize;
    memcpy(j->trainer->parameters, j->model->parameters, bytes);
    if (mlpc_norms_batches(j->model->net))
        memcpy(j->trainer->statistics, j->model->statistics, statistics_bytes(j));
    for (int s = 0; s < MLPC_MAX_STATES; s++)
        if (optimizer->state[s])
            memcpy(j->trainer->state[s], optimizer->state[s], bytes);
    if (optimizer->steps)
        j->trainer->steps = *optimizer->steps;
}

static void restore(const job *j)
{
    const mlpc_optimizer *const optimizer = &j->training->optimizer;
    const size_t bytes = j->model->net->n_parameters * j->model->kernels->itemsize;
    memcpy(j->model->parameters, j->trainer->parameters, bytes);
    if (mlpc_norms_batches(j->model->net))
        memcpy(j->model->statistics, j->trainer->statistics, statistics_bytes(j));
    for (int s = 0; s < MLPC_MAX_STATES; s++)
        if (optimizer->state[s])
            memcpy(optimizer->state[s], j->trainer->state[s], bytes);
    if (optimizer->steps)
        *optimizer->steps = j->trainer->steps;
}

static int finite(const job *j)
{
    void *const *const state = j->training->optimizer.state;
    const mlpc_kernels *const kernels = j->model->kernels;
    const size_t P = j->model->net->n_parameters;
    for (int s = 0; s < MLPC_MAX_STATES; s++)
        if (state[s] && !kernels->all_finite(state[s], P))
            return 0;
    return kernels->all_finite(j->model->parameters, P) &&
           kernels->all_finite(j->model->statistics, j->model->net->n_statistics);
}

/* The batches of an epoch, one call after the other. */
static mlpc_status plain_epoch(const job *j, mlpc_epoch_result *result, size_t *correct)
{
    mlpc_trainer *trainer = j->trainer;
    const size_t n = trainer->key.n, most = trainer->key.batch_size;
    const size_t batches = mlpc_epoch_steps(j->model->net, n, most);
    mlpc_status status = MLPC_OK;
    mlpc_progress progress = {j->poll, 0};
    const mlpc_poll batch_poll = {mlpc_progress_ask, &progress};
    remember(j);
    for (size_t k = 0; k < batches && status == MLPC_OK; k++) {
        const size_t start = k * most, B = mlpc_epoch_rows(j->model->net, n, most, k);
        progress.rows = start;
        result->lr = j->epoch->rates[k];
        trainer->workspace->trains = 1;
        trainer->workspace->draw = (mlpc_draw){j->epoch->draw.seed, j->epoch->draw.t + k};
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

static mlpc_status fused_epoch(const job *j, mlpc_epoch_result *result, size_t *correct)
{
    const mlpc_fused_job fused = {
        .model = *j->model,
        .training = *j->training,
        .epoch = *j->epoch,
        .order = j->trainer->order,
        .batch_size = j->trainer->key.batch_size,
        .row_loss = j->trainer->row_loss,
        .poll = j->poll,
    };
    return mlpc_fused_epoch(j->trainer->fused, &fused, correct, result);
}

static MLPC_NOINLINE mlpc_status train(const job *j, mlpc_epoch_result *result)
{
    mlpc_trainer *trainer = j->trainer;
    const mlpc_training *const training = j->training;
    const mlpc_kernels *const kernels = j->model->kernels;
    const size_t n = trainer->key.n;
    double divisor;
    size_t correct = 0;
    mlpc_status status = mlpc_loss_divisor(&training->objective, kernels, &divisor, trainer->row_loss);
    if (status != MLPC_OK)
        return status;
    if (j->epoch->order)
        memcpy(trainer->order, j->epoch->order, n * sizeof *trainer->order);
    else if (training->shuffle)
        status = mlpc_shuffle(trainer->order, n, training->seed, j->epoch->number, j->poll);
    else
        for (size_t i = 0; i < n; i++)
            trainer->order[i] = i;
    if (status != MLPC_OK)
        return status;

    const int keeps_gradients = j->epoch->gradients != NULL;
    const int carries = mlpc_fused_carries(j->model, training, trainer->key.batch_size, keeps_gradients);
    status = carries ? fused_epoch(j, result, &correct) : plain_epoch(j, result, &correct);
    result->accuracy = mlpc_accuracy_of(&training->objective, correct);
    if (status == MLPC_OK)
        result->loss = kernels->sum_double(trainer->row_loss, n) / divisor;
    return status;
}

mlpc_status mlpc_train_epoch(const mlpc_model *model, const mlpc_training *training, mlpc_trainer *trainer,
                             const mlpc_epoch *epoch, mlpc_epoch_result *result, const mlpc_poll *poll)
{
    const job j = {.model = model, .training = training, .trainer = trainer, .epoch = epoch, .poll = poll};
    *result = (mlpc_epoch_result){0};
    if (!mlpc_workspace_fits(trainer->workspace, model->net))
        return MLPC_ERROR_WORKSPACE;
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    const mlpc_status status = train(&j, result);
    mlpc_fpmode_leave(mode);
    return status;
}
