/* The training epoch: shuffle, then per batch gather, forward, loss, backward, step; one after the other in
 * plain_epoch.c, all in one in fused.c.  Which of the two computes does not change a bit. */
#include <stdlib.h>
#include <string.h>

#include "fpmode.h"
#include "fused.h"
#include "loss.h"
#include "memory.h"
#include "mlpc.h"
#include "norm.h"
#include "plain_epoch.h"
#include "samples.h"
#include "team.h"

/* What decides how a trainer is made, besides its net. */
typedef struct {
    const mlpc_kernels *kernels;
    size_t n, batch_size, threads, capacity;
    int skips_zeros, has_values, has_state[MLPC_MAX_STATES];
} trainer_key;

struct mlpc_trainer {
    trainer_key key;
    /* Each made for the first epoch that it computes: NULL before. */
    mlpc_fused *fused;
    mlpc_plain *plain;
    unsigned char *drops; /* (n_layers + 1,) 1 where there is dropout: of the input, then behind the layers */
    size_t *order;        /* (n,) rows in the order of this epoch */
    double *row_loss;     /* (n,) in that order */
    void *memory;
};

/* A thread more pays where it gets so much of the kernels' pieces per batch, some 20 us of work, against two barriers,
 * and either a vector of rows of its own, or a part of wide layers: else the weights of the layers behind the first,
 * each of which both threads read and one wrote, cost more on their way between the CPUs than what is computed with
 * them. */
#define LEAST_OF_BATCH (1 / 500.0)

/* Each thread keeps the columns of a batch for itself, see fused_memory.h: more than two keep so many bytes at most. */
#define MOST_COLUMNS ((double)(256 << 20))

/* Threads whose columns there is room for. */
static size_t most_threads(const mlpc_training *training, size_t B, size_t itemsize)
{
    const mlpc_samples *const samples = training->samples;
    const size_t rows = (B + MLPC_BATCH_BLOCK - 1) / MLPC_BATCH_BLOCK * MLPC_BATCH_BLOCK;
    const double columns = (double)rows * (double)samples->I * (double)(samples->value ? itemsize : 1);
    const size_t most = training->threads;
    if (!mlpc_fused_skips_zeros(training) || most <= 2 || (double)most * columns <= MOST_COLUMNS)
        return most;
    return MOST_COLUMNS / columns < 2 ? 2 : (size_t)(MOST_COLUMNS / columns);
}

static size_t fused_threads(const mlpc_model *model, const mlpc_training *training, size_t B)
{
    const mlpc_kernels *const kernels = model->kernels;
    const size_t vectors = B / kernels->lanes, most = most_threads(training, B, kernels->itemsize);
    const double least = LEAST_OF_BATCH * (double)kernels->piece;
    for (size_t n = most; n > 1 && n > vectors; n--)
        if (mlpc_fused_terms_by_units(model, training, B, n) >= (double)n * least)
            return n;
    return mlpc_team_size(mlpc_fused_terms(model->net, training->noise, B), least, most < vectors ? most : vectors);
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
        .skips_zeros = mlpc_fused_skips_zeros(training),
        .has_values = samples->value != NULL,
    };
    for (int s = 0; s < MLPC_MAX_STATES; s++)
        key.has_state[s] = training->optimizer.state[s] != NULL;
    return key;
}

/* 1 where no dropout has come or gone. */
static int drops_as(const mlpc_trainer *trainer, const mlpc_net *net)
{
    int same = trainer->drops[0] == (net->input_dropout > 0);
    for (size_t l = 0; l < net->n_layers; l++)
        same = same && trainer->drops[l + 1] == (net->layers[l].block.dropout > 0);
    return same;
}

int mlpc_trainer_fits(const mlpc_trainer *trainer, const mlpc_model *model, const mlpc_training *training)
{
    const trainer_key is = trainer->key, other = key_of(model, training);
    int same = drops_as(trainer, model->net) && is.kernels == other.kernels && is.n == other.n &&
               is.batch_size == other.batch_size && is.threads == other.threads && is.capacity == other.capacity &&
               is.skips_zeros == other.skips_zeros && is.has_values == other.has_values;
    for (int s = 0; s < MLPC_MAX_STATES; s++)
        same = same && is.has_state[s] == other.has_state[s];
    return same;
}

static void cut_all(mlpc_cutter *c, mlpc_trainer *trainer, const mlpc_net *net)
{
    trainer->drops = mlpc_cut(c, net->n_layers + 1, 1, 1);
    trainer->order = mlpc_cut(c, trainer->key.n, 1, sizeof(size_t));
    trainer->row_loss = mlpc_cut(c, trainer->key.n, 1, sizeof(double));
}

mlpc_status mlpc_trainer_create(mlpc_trainer **out, const mlpc_model *model, const mlpc_training *training)
{
    const mlpc_net *const net = model->net;
    mlpc_trainer *trainer = calloc(1, sizeof *trainer);
    if (!trainer)
        return MLPC_ERROR_MEMORY;
    trainer->key = key_of(model, training);
    mlpc_cutter measure = {.block = NULL};
    cut_all(&measure, trainer, net);
    trainer->memory = measure.overflows ? NULL : mlpc_block_alloc_dirty(measure.bytes);
    if (!trainer->memory) {
        mlpc_trainer_free(trainer);
        return MLPC_ERROR_MEMORY;
    }
    cut_all(&(mlpc_cutter){.block = trainer->memory}, trainer, net);
    trainer->drops[0] = net->input_dropout > 0;
    for (size_t l = 0; l < net->n_layers; l++)
        trainer->drops[l + 1] = net->layers[l].block.dropout > 0;
    *out = trainer;
    return MLPC_OK;
}

void mlpc_trainer_free(mlpc_trainer *trainer)
{
    if (trainer) {
        mlpc_fused_free(trainer->fused);
        mlpc_plain_free(trainer->plain);
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

/* The epoch by the path that carries it, with memory that the first such epoch takes. */
static mlpc_status compute(const job *j, mlpc_epoch_result *result, size_t *correct)
{
    mlpc_trainer *const trainer = j->trainer;
    const mlpc_model *const model = j->model;
    const mlpc_training *const training = j->training;
    const size_t B = trainer->key.batch_size, rows = most_rows(model, training);
    const mlpc_epoch_job of = {
        .model = *model,
        .training = *training,
        .epoch = *j->epoch,
        .order = trainer->order,
        .batch_size = B,
        .row_loss = trainer->row_loss,
        .poll = j->poll,
    };
    mlpc_status status = MLPC_OK;
    if (mlpc_fused_carries(model, training, B, j->epoch->gradients != NULL)) {
        if (!trainer->fused)
            status = mlpc_fused_create(&trainer->fused, model, training, rows, fused_threads(model, training, B));
        return status == MLPC_OK ? mlpc_fused_epoch(trainer->fused, &of, correct, result) : status;
    }
    if (!trainer->plain)
        status = mlpc_plain_create(&trainer->plain, model, training, rows,
                                   mlpc_useful_threads(model->net, model->kernels, B, training->threads));
    return status == MLPC_OK ? mlpc_plain_epoch(trainer->plain, &of, correct, result) : status;
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

    status = compute(j, result, &correct);
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
    if (!drops_as(trainer, model->net))
        return MLPC_ERROR_WORKSPACE;
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    const mlpc_status status = train(&j, result);
    mlpc_fpmode_leave(mode);
    return status;
}
