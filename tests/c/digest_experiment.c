/* Trainings of the digest program, see digest_experiment.h. */
#include "digest_experiment.h"

#include <string.h>

void *experiment_array(experiment *e, size_t n, size_t size)
{
    if (e->n_arrays == MOST_ARRAYS)
        check(MLPC_ERROR_MEMORY);
    return e->arrays[e->n_arrays++] = allocate(n, size);
}

void experiment_begin(experiment *e, const bench *b, size_t n_layers, const size_t *widths, const mlpc_block *hidden,
                      flavour x)
{
    const size_t itemsize = b->k->itemsize;
    *e = (experiment){.doubles = b->doubles};
    check(mlpc_net_create(&e->net, b->dtype, n_layers, widths, hidden));
    void *const rows = experiment_array(e, ROWS * INPUTS, itemsize);
    void *const y = experiment_array(e, ROWS * OUTPUTS, itemsize);
    fill(b->dtype, rows, ROWS * INPUTS, x, 0);
    fill(b->dtype, y, ROWS * OUTPUTS, UNIT, 1);
    void *const parameters = experiment_array(e, e->net->n_parameters, itemsize);
    void *const statistics = e->net->n_statistics ? experiment_array(e, e->net->n_statistics, itemsize) : NULL;
    e->gradients = experiment_array(e, e->net->n_parameters, itemsize);
    e->model = (mlpc_model){e->net, b->k, parameters, statistics};
    e->input = (mlpc_input){.rows = rows, .n = ROWS};
    check(mlpc_samples_create(&e->samples, b->k, &e->input, INPUTS, MLPC_ZEROS_MULTIPLY, 1, NULL));
    e->training = (mlpc_training){
        .samples = e->samples,
        .objective.loss = {.kind = MLPC_LOSS_mse, .mean = 1},
        .objective.targets = {.n = ROWS, .O = OUTPUTS, .values = y},
        .batch_size = BATCH,
        .threads = 1,
        .shuffle = 1,
        .seed = 4,
    };
    e->schedule = (mlpc_schedule){mlpc_schedule_named("cosine"), 0.05, 0.5, {EPOCHS, 0}};
    experiment_optimizer(e, "sgd");
}

void experiment_end(experiment *e)
{
    mlpc_samples_free(e->samples);
    mlpc_net_free(e->net);
    for (size_t i = 0; i < e->n_arrays; i++)
        free(e->arrays[i]);
}

void experiment_optimizer(experiment *e, const char *name)
{
    mlpc_optimizer *const optimizer = &e->training.optimizer;
    *optimizer = (mlpc_optimizer){.row = mlpc_optimizer_named(name)};
    for (size_t i = 0; i < MLPC_MAX_SETTINGS; i++)
        optimizer->settings[i] = optimizer->row->settings[i].initial;
    optimizer->steps = optimizer->row->counts ? &e->steps : NULL;
}

void experiment_states(experiment *e)
{
    mlpc_optimizer *const optimizer = &e->training.optimizer;
    for (size_t s = 0; s < MLPC_MAX_STATES && optimizer->row->states[s].name; s++) {
        const int needs = optimizer->row->states[s].needs;
        if (needs == 0 || optimizer->settings[needs - 1] != 0)
            optimizer->state[s] = experiment_array(e, e->net->n_parameters, e->model.kernels->itemsize);
    }
}

void experiment_loss(experiment *e, mlpc_loss_kind kind)
{
    const mlpc_dtype dtype = e->net->dtype;
    void *const class_weight = experiment_array(e, OUTPUTS, e->model.kernels->itemsize);
    double *const weights = experiment_array(e, ROWS, sizeof *weights);
    int64_t *const labels = experiment_array(e, ROWS, sizeof *labels);
    fill(dtype, class_weight, OUTPUTS, UNIT, 2);
    fill(MLPC_FLOAT64, weights, ROWS, UNIT, 3);
    for (size_t i = 0; i < ROWS; i++)
        labels[i] = (int64_t)(mlpc_random_bits(20, MLPC_STREAM_DROPOUT, 4, i) % OUTPUTS);
    const int entropy = kind == MLPC_LOSS_cross_entropy, mean = kind % 2 == 0 || entropy;
    const double setting = entropy ? 0.1 : mlpc_loss_row_of(kind)->setting.initial;
    mlpc_objective *const objective = &e->training.objective;
    objective->loss = (mlpc_loss){kind, mean, setting, entropy ? class_weight : NULL};
    if (entropy) {
        objective->targets.labels = labels;
        objective->targets.values = NULL;
    }
    objective->targets.sample_weight = entropy || kind % 3 == 0 ? weights : NULL;
}

static void start_anew(experiment *e)
{
    const mlpc_optimizer *const optimizer = &e->training.optimizer;
    check(mlpc_initialize(e->net, e->doubles, e->model.parameters, e->init, 3, NULL));
    mlpc_net_start_statistics(e->net, e->model.statistics);
    for (size_t s = 0; s < MLPC_MAX_STATES; s++)
        if (optimizer->state[s])
            memset(optimizer->state[s], 0, e->net->n_parameters * e->model.kernels->itemsize);
    e->steps = 0;
}

void experiment_run(experiment *e, int plain)
{
    double rates[(ROWS + BATCH - 1) / BATCH];
    mlpc_trainer *trainer;
    check(mlpc_trainer_create(&trainer, &e->model, &e->training));
    foreign_mode();
    start_anew(e);
    for (uint32_t number = 0; number < EPOCHS; number++) {
        const mlpc_epoch epoch = {
            .number = number,
            .rates = rates,
            .draw = {(uint64_t)5 << 32 | 7, number * COUNT(rates)},
            .gradients = plain ? e->gradients : NULL,
        };
        mlpc_learning_rates(&e->schedule, number, COUNT(rates), rates);
        const mlpc_status status =
            mlpc_train_epoch(&e->model, &e->training, trainer, &epoch, &e->results[number], e->poll);
        if (!e->poll || status != MLPC_ERROR_INTERRUPTED)
            check(status);
    }
    own_mode();
    mlpc_trainer_free(trainer);
}

/* What a training changes, one behind the other: the caller's to free. */
static char *all_numbers(const experiment *e, size_t *bytes)
{
    const size_t size = e->model.kernels->itemsize, P = e->net->n_parameters * size, S = e->net->n_statistics * size;
    char *const all = allocate(1 + MLPC_MAX_STATES, P + S + sizeof(double)), *to = all;
    to = (char *)memcpy(to, e->model.parameters, P) + P;
    for (size_t s = 0; s < MLPC_MAX_STATES; s++)
        if (e->training.optimizer.state[s])
            to = (char *)memcpy(to, e->training.optimizer.state[s], P) + P;
    if (S)
        to = (char *)memcpy(to, e->model.statistics, S) + S;
    to = (char *)memcpy(to, &e->steps, sizeof e->steps) + sizeof e->steps;
    *bytes = (size_t)(to - all);
    return all;
}

void experiment_run_again(experiment *e)
{
    const mlpc_training before = e->training;
    size_t bytes;
    char *const expected = all_numbers(e, &bytes);
    for (size_t threads = 1; threads <= 3; threads++)
        for (int skip = 0; skip < 2; skip++) {
            mlpc_samples *samples;
            const mlpc_zeros zeros = skip ? MLPC_ZEROS_SKIP : MLPC_ZEROS_MULTIPLY;
            check(mlpc_samples_create(&samples, e->model.kernels, &e->input, INPUTS, zeros, 1, NULL));
            e->training.samples = samples;
            e->training.threads = threads;
            experiment_run(e, 0);
            mlpc_samples_free(samples);
            char *const found = all_numbers(e, &bytes);
            if (memcmp(found, expected, bytes) != 0) {
                fprintf(stderr, "digest: a training gives other bits on another path\n");
                exit(2);
            }
            free(found);
        }
    e->training = before;
    free(expected);
}

void experiment_add(const experiment *e)
{
    const mlpc_dtype dtype = e->net->dtype;
    add_reals(dtype, e->model.parameters, e->net->n_parameters);
    add_reals(dtype, e->model.statistics, e->net->n_statistics);
    for (size_t s = 0; s < MLPC_MAX_STATES; s++)
        if (e->training.optimizer.state[s])
            add_reals(dtype, e->training.optimizer.state[s], e->net->n_parameters);
}
