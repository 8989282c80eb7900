/* The training epoch: shuffle, then per batch gather, forward, loss, backward, step; one after the other here, all in
 * one in fused.c.  Which of the two computes does not change a bit. */
#include <stdlib.h>
#include <string.h>

#include "fpmode.h"
#include "fused.h"
#include "loss.h"
#include "memory.h"
#include "mlpc.h"
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
    size_t n, batch_size;
    mlpc_fused *fused; /* NULL where mlpc_fused_carries no epoch */
    mlpc_workspace *workspace;
    size_t *order;    /* (n,) rows in the order of this epoch */
    double *row_loss; /* (n,) in that order */
    mlpc_rows rows;   /* x (batch_size, n_in), as all below the rows of one batch */
    mlpc_target_rows targets;
    void *gradients; /* (n_parameters,) of the batch */
    /* (n_parameters,) each, as at the end of the last clean epoch; so is the number of steps. */
    void *parameters, *state[MLPC_MAX_STATES];
    double steps;
    void *memory;
};

static size_t last_of(const mlpc_net *net) { return net->n_layers - 1; }

/* A thread more pays where it gets so much of the kernels' pieces per batch, some 20 us of work, against two barriers,
 * and a vector of rows of its own: else the weights of the layers behind the first, each of which both threads read and
 * one wrote, cost more on their way between the CPUs than what is computed with them. */
#define LEAST_OF_BATCH (1 / 500.0)

/* Each thread keeps the columns of a batch for itself, see fused_memory.h: more than two keep so many bytes at most. */
#define MOST_COLUMNS ((double)(256 << 20))

static size_t fused_threads(const mlpc_net *net, const mlpc_kernels *kernels, const mlpc_samples *samples, size_t B,
                            size_t threads)
{
    const size_t vectors = B / kernels->lanes;
    const double columns = (double)B * (double)samples->I * (double)(samples->value ? kernels->itemsize : 1);
    size_t most = threads < vectors ? threads : vectors;
    if (samples->skips_zeros && most > 2 && (double)most * columns > MOST_COLUMNS)
        most = MOST_COLUMNS / columns < 2 ? 2 : (size_t)(MOST_COLUMNS / columns);
    return mlpc_team_size(mlpc_fused_terms(net, B), LEAST_OF_BATCH * (double)kernels->piece, most);
}

static trainer_key key_of(const mlpc_net *net, const mlpc_kernels *kernels, const mlpc_optimizer *optimizer,
                          const mlpc_samples *samples, size_t batch_size, size_t threads)
{
    trainer_key key = {
        .kernels = kernels,
        .n = samples->n,
        .batch_size = batch_size,
        .threads = threads,
        .capacity = samples->capacity,
        .fused = mlpc_fused_carries(net, kernels, optimizer, batch_size < samples->n ? batch_size : samples->n, 0),
        .skips_zeros = samples->skips_zeros,
        .has_values = samples->value != NULL,
    };
    for (int s = 0; s < MLPC_MAX_STATES; s++)
        key.has_state[s] = optimizer->state[s] != NULL;
    return key;
}

int mlpc_trainer_fits(const mlpc_trainer *trainer, const mlpc_net *net, const mlpc_kernels *kernels,
                      const mlpc_optimizer *optimizer, const mlpc_samples *samples, size_t batch_size, size_t threads)
{
    const trainer_key is = trainer->key, other = key_of(net, kernels, optimizer, samples, batch_size, threads);
    int same = is.kernels == other.kernels && is.n == other.n && is.batch_size == other.batch_size &&
               is.threads == other.threads && is.capacity == other.capacity && is.skips_zeros == other.skips_zeros &&
               is.has_values == other.has_values && is.fused == other.fused;
    for (int s = 0; s < MLPC_MAX_STATES; s++)
        same = same && is.has_state[s] == other.has_state[s];
    return same;
}

static void cut_all(mlpc_cutter *c, mlpc_trainer *trainer, const mlpc_net *net)
{
    const size_t size = mlpc_itemsize(net->dtype), I = net->layers[0].n_in, O = net->layers[last_of(net)].n_out;
    const size_t n = trainer->n, B = trainer->batch_size, P = net->n_parameters;
    trainer->order = mlpc_cut(c, n, 1, sizeof(size_t));
    trainer->row_loss = mlpc_cut(c, n, 1, sizeof(double));
    trainer->rows = (mlpc_rows){.x = mlpc_cut(c, B, I, size), .x_row = I};
    trainer->targets.labels = mlpc_cut(c, B, 1, sizeof(int64_t));
    trainer->targets.values = mlpc_cut(c, B, O, size);
    trainer->targets.sample_weight = mlpc_cut(c, B, 1, sizeof(double));
    trainer->gradients = mlpc_cut(c, P, 1, size);
    trainer->parameters = mlpc_cut(c, P, 1, size);
    for (int s = 0; s < MLPC_MAX_STATES; s++)
        if (trainer->key.has_state[s])
            trainer->state[s] = mlpc_cut(c, P, 1, size);
}

mlpc_status mlpc_trainer_create(mlpc_trainer **out, const mlpc_net *net, const mlpc_kernels *kernels,
                                const mlpc_optimizer *optimizer, const mlpc_samples *samples, size_t batch_size,
                                size_t threads)
{
    const size_t n = samples->n, B = batch_size < n ? batch_size : n;
    mlpc_trainer *trainer = calloc(1, sizeof *trainer);
    if (!trainer)
        return MLPC_ERROR_MEMORY;
    trainer->key = key_of(net, kernels, optimizer, samples, batch_size, threads);
    trainer->n = n;
    trainer->batch_size = B;
    if (mlpc_workspace_create(&trainer->workspace, net, B, mlpc_useful_threads(net, kernels, B, threads)) != MLPC_OK ||
        (trainer->key.fused && mlpc_fused_create(&trainer->fused, net, kernels, optimizer, samples, B,
                                                 fused_threads(net, kernels, samples, B, threads)) != MLPC_OK))
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
    const mlpc_net *net;
    const mlpc_kernels *kernels;
    void *parameters, *gradients; /* gradients: the caller's, or NULL */
    mlpc_trainer *trainer;
    const mlpc_optimizer *optimizer;
    const mlpc_loss *loss;
    const mlpc_samples *samples;
    const mlpc_targets *targets;
    const mlpc_epoch_settings *settings;
} job;

static size_t outputs_of(const job *j) { return j->net->layers[last_of(j->net)].n_out; }

/* Numbers that are copied between two questions whether to go on. */
enum { GATHERED = 1 << 16 };

/* Copies B rows, from number `start` of the epoch on, into the trainer's batch. */
static mlpc_status gather(const job *j, size_t start, size_t B, const mlpc_poll *poll)
{
    mlpc_trainer *trainer = j->trainer;
    const size_t *const order = trainer->order + start;
    const size_t O = outputs_of(j), most = GATHERED / (j->samples->I + O) + 1;
    for (size_t b = 0; b < B; b += most) {
        const size_t n = B - b < most ? B - b : most;
        if (mlpc_stopped(poll, 0))
            return MLPC_ERROR_INTERRUPTED;
        mlpc_samples_gather_numbers(j->samples, j->kernels, &trainer->rows, b, order + b, n, B - b);
        mlpc_targets_gather(j->targets, &trainer->targets, b, order + b, n, O, j->kernels->itemsize);
    }
    return MLPC_OK;
}

/* One batch of B rows, which lie in the trainer: its loss, the terms of which go to row_loss, correct answers and
 * gradients, and the step at the learning rate result->lr. */
static mlpc_status train_batch(const job *j, size_t B, double *row_loss, mlpc_epoch_result *result, size_t *correct,
                               const mlpc_poll *poll)
{
    const mlpc_net *net = j->net;
    mlpc_workspace *workspace = j->trainer->workspace;
    const mlpc_targets batch = mlpc_targets_of_rows(j->targets, &j->trainer->targets);
    const size_t O = outputs_of(j);
    const void *z = workspace->z[last_of(net)];
    void *dz = workspace->dz[net->n_layers % 2]; /* the one that backward does not write first */

    const mlpc_input x = {.rows = j->trainer->rows.x};
    mlpc_status status = mlpc_forward(net, j->kernels, j->parameters, workspace, &x, B, poll);
    if (status != MLPC_OK)
        return status;
    mlpc_loss_job rows = mlpc_loss_job_of(j->loss, &batch, 1, B, O);
    rows.z = z;
    *correct += mlpc_count_correct(j->loss->kind, j->kernels, &rows);
    status = mlpc_loss_evaluate(j->loss, j->kernels, z, &batch, B, O, &result->loss, dz, row_loss, poll);
    if (status == MLPC_ERROR_WEIGHTS) {
        memset(row_loss, 0, B * sizeof *row_loss);
        return MLPC_OK;
    }
    if (status != MLPC_OK)
        return status;
    if (!(result->loss - result->loss == 0) || !j->kernels->all_finite(z, B * O) || !j->kernels->all_finite(dz, B * O))
        return MLPC_ERROR_DIVERGED;
    status =
        mlpc_backward(net, j->kernels, j->parameters, j->trainer->gradients, workspace, x.rows, dz, NULL, B, 0, poll);
    if (status != MLPC_OK)
        return status;
    if (j->gradients)
        memcpy(j->gradients, j->trainer->gradients, net->n_parameters * j->kernels->itemsize);
    mlpc_step(j->optimizer, net, j->kernels, j->parameters, j->trainer->gradients, result->lr);
    return MLPC_OK;
}

/* What training has changed, kept and put back: parameters, the optimizer's state and its number of steps. */
static void remember(const job *j)
{
    const size_t bytes = j->net->n_parameters * j->kernels->itemsize;
    memcpy(j->trainer->parameters, j->parameters, bytes);
    for (int s = 0; s < MLPC_MAX_STATES; s++)
        if (j->optimizer->state[s])
            memcpy(j->trainer->state[s], j->optimizer->state[s], bytes);
    if (j->optimizer->steps)
        j->trainer->steps = *j->optimizer->steps;
}

static void restore(const job *j)
{
    const size_t bytes = j->net->n_parameters * j->kernels->itemsize;
    memcpy(j->parameters, j->trainer->parameters, bytes);
    for (int s = 0; s < MLPC_MAX_STATES; s++)
        if (j->optimizer->state[s])
            memcpy(j->optimizer->state[s], j->trainer->state[s], bytes);
    if (j->optimizer->steps)
        *j->optimizer->steps = j->trainer->steps;
}

static int finite(const job *j)
{
    const size_t P = j->net->n_parameters;
    for (int s = 0; s < MLPC_MAX_STATES; s++)
        if (j->optimizer->state[s] && !j->kernels->all_finite(j->optimizer->state[s], P))
            return 0;
    return j->kernels->all_finite(j->parameters, P);
}

/* The batches of an epoch, one call after the other. */
static mlpc_status plain_epoch(const job *j, mlpc_epoch_result *result, size_t *correct, const mlpc_poll *poll)
{
    mlpc_trainer *trainer = j->trainer;
    const size_t n = trainer->n;
    const size_t batches = (n + trainer->batch_size - 1) / trainer->batch_size;
    mlpc_status status = MLPC_OK;
    mlpc_progress progress = {poll, 0};
    const mlpc_poll batch_poll = {mlpc_progress_ask, &progress};
    remember(j);
    for (size_t k = 0; k < batches && status == MLPC_OK; k++) {
        const size_t start = k * trainer->batch_size;
        const size_t B = n - start < trainer->batch_size ? n - start : trainer->batch_size;
        progress.rows = start;
        result->lr = j->settings->rates[k];
        status = gather(j, start, B, &batch_poll);
        if (status == MLPC_OK)
            status = train_batch(j, B, trainer->row_loss + start, result, correct, &batch_poll);
    }
    if (status == MLPC_OK && !finite(j))
        status = MLPC_ERROR_DIVERGED;
    if (status == MLPC_ERROR_DIVERGED)
        restore(j);
    return status;
}

static mlpc_status fused_epoch(const job *j, mlpc_epoch_result *result, size_t *correct, const mlpc_poll *poll)
{
    const mlpc_fused_job fused = {
        .net = j->net,
        .kernels = j->kernels,
        .optimizer = j->optimizer,
        .loss = j->loss,
        .samples = j->samples,
        .targets = j->targets,
        .order = j->trainer->order,
        .rates = j->settings->rates,
        .batch_size = j->trainer->batch_size,
        .row_loss = j->trainer->row_loss,
        .poll = poll,
    };
    return mlpc_fused_epoch(j->trainer->fused, &fused, j->parameters, correct, &result->lr, &result->loss);
}

static MLPC_NOINLINE mlpc_status epoch(const job *j, mlpc_epoch_result *result, const mlpc_poll *poll)
{
    mlpc_trainer *trainer = j->trainer;
    const size_t n = trainer->n, O = outputs_of(j);
    double divisor;
    size_t correct = 0;
    mlpc_status status = mlpc_loss_divisor(j->loss, j->kernels, j->targets, n, O, &divisor, trainer->row_loss);
    if (status != MLPC_OK)
        return status;
    if (j->settings->shuffle)
        status = mlpc_shuffle(trainer->order, n, j->settings->seed, j->settings->epoch, poll);
    else
        for (size_t i = 0; i < n; i++)
            trainer->order[i] = i;
    if (status != MLPC_OK)
        return status;

    const int carries = mlpc_fused_carries(j->net, j->kernels, j->optimizer, trainer->batch_size, j->gradients != NULL);
    status = carries ? fused_epoch(j, result, &correct, poll) : plain_epoch(j, result, &correct, poll);
    result->accuracy = mlpc_accuracy_of(j->loss->kind, correct, n, O);
    if (status == MLPC_OK)
        result->loss = j->kernels->sum_double(trainer->row_loss, n) / divisor;
    return status;
}

mlpc_status mlpc_train_epoch(const mlpc_net *net, const mlpc_kernels *kernels, void *parameters, void *gradients,
                             mlpc_trainer *trainer, const mlpc_optimizer *optimizer, const mlpc_loss *loss,
                             const mlpc_samples *samples, const mlpc_targets *targets,
                             const mlpc_epoch_settings *settings, mlpc_epoch_result *result, const mlpc_poll *poll)
{
    const job j = {
        .net = net,
        .kernels = kernels,
        .parameters = parameters,
        .gradients = gradients,
        .trainer = trainer,
        .optimizer = optimizer,
        .loss = loss,
        .samples = samples,
        .targets = targets,
        .settings = settings,
    };
    *result = (mlpc_epoch_result){0};
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    const mlpc_status status = epoch(&j, result, poll);
    mlpc_fpmode_leave(mode);
    return status;
}
