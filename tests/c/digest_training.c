/* Digests of trainings: with each loss and each optimizer, plain and fused; and steps of Adam. */
#include <math.h>
#include <string.h>

#include "../../csrc/core/samples.h"
#include "digest_training.h"

mlpc_optimizer optimizer_named(const char *name)
{
    mlpc_optimizer optimizer = {.row = mlpc_optimizer_named(name)};
    for (size_t i = 0; i < MLPC_MAX_SETTINGS; i++)
        optimizer.settings[i] = optimizer.row->settings[i].initial;
    return optimizer;
}

/* As input, of numbers of everyday size, rounded upwards. */
static const void *input_upwards(const bench *b, uint32_t array, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double x = number(TAME, b->dtype, array, mlpc_random_bits(20, MLPC_STREAM_DROPOUT, array, i));
        const float narrow = (float)x;
        if (b->dtype == MLPC_FLOAT32)
            put(b->in[array], b->dtype, i, (double)narrow < x ? nextafterf(narrow, INFINITY) : narrow);
        else
            put(b->in[array], b->dtype, i, x);
    }
    return b->in[array];
}

/* Steps of Adam from the first one on, and late ones, whose powers of beta take many squarings. */
static void run_adam(const bench *b, const char *name)
{
    enum { N = 37 };
    static const size_t sizes_of_net[2] = {N - 1, 1};
    /* 0.01, 0.02, ... rounded upwards. */
    static const double rates[8] = {0x1.47ae147ae147bp-7, 0x1.47ae147ae147bp-6, 0x1.eb851eb851eb9p-6,
                                    0x1.47ae147ae147bp-5, 0x1.999999999999ap-5, 0x1.eb851eb851eb9p-5,
                                    0x1.1eb851eb851ecp-4, 0x1.47ae147ae147bp-4};
    double steps = 0;
    mlpc_net *net;
    check(mlpc_net_create(&net, b->dtype, 1, sizes_of_net, NULL));
    void *p = memcpy(output(b, N), input(b, 3, N, TAME), N * b->k->itemsize);
    const mlpc_model model = {net, b->k, p, NULL};
    mlpc_optimizer optimizer = optimizer_named(name);
    optimizer.penalties.weight_decay = 0.01;
    optimizer.state[0] = memset(b->in[1], 0, N * b->k->itemsize);
    optimizer.state[1] = memset(b->in[2], 0, N * b->k->itemsize);
    optimizer.steps = &steps;
    start();
    for (int k = 0; k < 8; k++) {
        const double lr = rates[k];
        const void *const g = input_upwards(b, 0, N);
        steps = k < 4 ? steps : 1234 * k;
        foreign_mode();
        mlpc_step(&model, &optimizer, g, lr);
        own_mode();
        add_reals(b->dtype, p, N);
    }
    add_doubles(&steps, 1);
    finish("steps_", name, b->dtype);
    mlpc_net_free(net);
}

/* Two epochs of a network with each loss; over all of them every activation occurs. */
enum { HIDDEN = 3 };
_Static_assert(HIDDEN *MLPC_N_LOSSES >= MLPC_N_ACTIVATIONS, "an activation without a network");

void train(const experiment *e, mlpc_trainer *trainer, void *gradients, uint32_t number, mlpc_epoch_result *result)
{
    double rates[(ROWS + BATCH - 1) / BATCH];
    const mlpc_epoch epoch = {
        .number = number,
        .rates = rates,
        .draw = {(uint64_t)5 << 32 | 7, number * COUNT(rates)},
        .gradients = gradients,
    };
    const mlpc_optimizer *const optimizer = &e->training.optimizer;
    foreign_mode();
    mlpc_learning_rates(&e->schedule, number, COUNT(rates), rates);
    if (number == 0) {
        check(mlpc_initialize(e->model.net, e->doubles, e->model.parameters, e->init, 3, NULL));
        for (size_t s = 0; s < MLPC_MAX_STATES; s++)
            if (optimizer->state[s])
                memset(optimizer->state[s], 0, e->model.net->n_parameters * e->model.kernels->itemsize);
        if (optimizer->steps)
            *optimizer->steps = 0;
        mlpc_net_start_statistics(e->model.net, e->model.statistics);
    }
    const mlpc_status status = mlpc_train_epoch(&e->model, &e->training, trainer, &epoch, result, e->poll);
    if (!e->poll || status != MLPC_ERROR_INTERRUPTED)
        check(status);
    own_mode();
}

/* What a training changes, one behind the other: the caller's to free. */
static char *all_numbers(const experiment *e, size_t *bytes)
{
    const mlpc_net *const net = e->model.net;
    const size_t size = e->model.kernels->itemsize, P = net->n_parameters * size, S = net->n_statistics * size;
    char *const all = allocate(1 + MLPC_MAX_STATES, P + S + sizeof(double)), *to = all;
    to = (char *)memcpy(to, e->model.parameters, P) + P;
    for (size_t s = 0; s < MLPC_MAX_STATES; s++)
        if (e->training.optimizer.state[s])
            to = (char *)memcpy(to, e->training.optimizer.state[s], P) + P;
    if (S)
        to = (char *)memcpy(to, e->model.statistics, S) + S;
    if (e->training.optimizer.steps)
        to = (char *)memcpy(to, e->training.optimizer.steps, sizeof(double)) + sizeof(double);
    *bytes = (size_t)(to - all);
    return all;
}

void train_fused(const experiment *plain)
{
    const mlpc_model *const model = &plain->model;
    size_t bytes;
    char *const expected = all_numbers(plain, &bytes);
    for (size_t threads = 1; threads <= 3; threads++)
        for (int skip = 0; skip < 2; skip++) {
            experiment e = *plain;
            mlpc_samples *samples;
            mlpc_trainer *trainer;
            mlpc_epoch_result result;
            const mlpc_zeros zeros = skip ? MLPC_ZEROS_SKIP : MLPC_ZEROS_MULTIPLY;
            check(mlpc_samples_create(&samples, model->kernels, &plain->training.samples->input, INPUTS, zeros, NULL));
            e.training.samples = samples;
            e.training.threads = threads;
            check(mlpc_trainer_create(&trainer, model, &e.training));
            for (uint32_t epoch = 0; epoch < 2; epoch++)
                train(&e, trainer, NULL, epoch, &result);
            mlpc_trainer_free(trainer);
            mlpc_samples_free(samples);
            char *const found = all_numbers(&e, &bytes);
            if (memcmp(found, expected, bytes) != 0) {
                fprintf(stderr, "digest: a fused epoch gives other bits\n");
                exit(2);
            }
            free(found);
        }
    free(expected);
}

static void run_training(const bench *b, mlpc_loss_kind kind, const char *name)
{
    const mlpc_kernels *const k = b->k;
    const mlpc_dtype dtype = b->dtype;
    const size_t widths[HIDDEN + 2] = {INPUTS, 17, 21, 13, OUTPUTS};
    mlpc_block hidden[HIDDEN];
    for (int i = 0; i < HIDDEN; i++)
        hidden[i] = mlpc_block_of((mlpc_activation)((HIDDEN * (int)kind + i) % MLPC_N_ACTIVATIONS));
    mlpc_net *net;
    check(mlpc_net_create(&net, dtype, HIDDEN + 1, widths, hidden));
    const size_t P = net->n_parameters;
    void *parameters = allocate(P, k->itemsize), *gradients = allocate(P, k->itemsize);
    void *velocity = allocate(P, k->itemsize), *class_weight = allocate(OUTPUTS, k->itemsize);
    void *x = allocate(ROWS * INPUTS, k->itemsize), *y = allocate(ROWS * OUTPUTS, k->itemsize);
    void *z = allocate(ROWS * OUTPUTS, k->itemsize), *dx = allocate(ROWS * INPUTS, k->itemsize);
    double *row_loss = allocate(ROWS, sizeof *row_loss), *weights = allocate(ROWS, sizeof *weights);
    int64_t *labels = allocate(ROWS, sizeof *labels);
    fill(dtype, x, ROWS * INPUTS, UNIT, 0);
    fill(dtype, y, ROWS * OUTPUTS, UNIT, 1);
    fill(dtype, class_weight, OUTPUTS, UNIT, 2);
    fill(MLPC_FLOAT64, weights, ROWS, UNIT, 3);
    for (size_t i = 0; i < ROWS; i++)
        labels[i] = (int64_t)(mlpc_random_bits(20, MLPC_STREAM_DROPOUT, 4, i) % OUTPUTS);

    const int entropy = kind == MLPC_LOSS_cross_entropy, mean = kind % 2 == 0 || entropy;
    const double setting = entropy ? 0.1 : mlpc_loss_row_of(kind)->setting.initial;
    const double lr = mean ? 0.05 : 0.0001;
    const mlpc_input input = {.rows = x, .n = ROWS};
    mlpc_trainer *trainer;
    mlpc_workspace *workspace;
    mlpc_samples *samples;
    check(mlpc_samples_create(&samples, k, &input, INPUTS, MLPC_ZEROS_MULTIPLY, NULL));
    experiment e = {
        .model = {net, k, parameters, NULL},
        .training.samples = samples,
        .training.objective.loss = {kind, mean, setting, entropy ? class_weight : NULL},
        .training.objective.targets.n = ROWS,
        .training.objective.targets.O = OUTPUTS,
        .training.objective.targets.labels = entropy ? labels : NULL,
        .training.objective.targets.values = entropy ? NULL : y,
        .training.objective.targets.sample_weight = entropy || kind % 3 == 0 ? weights : NULL,
        .training.optimizer = optimizer_named("sgd"),
        .training.batch_size = BATCH,
        .training.threads = 1,
        .training.shuffle = 1,
        .training.seed = 4,
        .doubles = b->doubles,
        .init = (mlpc_init)(kind % MLPC_N_INITS),
        .schedule = {mlpc_schedule_named("cosine"), lr, 0.5, {2, lr / 100}},
    };
    mlpc_optimizer *const optimizer = &e.training.optimizer;
    optimizer->settings[0] = 0.9;
    optimizer->settings[1] = kind % 2;
    optimizer->penalties.weight_decay = 1e-3;
    optimizer->state[0] = velocity;
    check(mlpc_trainer_create(&trainer, &e.model, &e.training));
    check(mlpc_workspace_create(&workspace, net, BATCH, 1));

    start();
    for (uint32_t epoch = 0; epoch < 2; epoch++) {
        mlpc_epoch_result result;
        train(&e, trainer, gradients, epoch, &result);
        add_doubles(&result.loss, 1);
        add_doubles(&result.accuracy, 1);
        add_doubles(&result.lr, 1);
    }
    add_reals(dtype, parameters, P);
    add_reals(dtype, velocity, P);
    add_reals(dtype, gradients, P);
    finish("fit_", name, dtype);
    train_fused(&e);

    start();
    double value;
    mlpc_evaluation evaluation;
    const mlpc_input batch = {.rows = x, .n = BATCH};
    const mlpc_gradients to = {gradients, 1, dx};
    mlpc_objective objective = e.training.objective;
    foreign_mode();
    check(mlpc_evaluate(&e.model, workspace, &objective, &input, &evaluation, row_loss, NULL));
    objective.targets.n = BATCH;
    check(mlpc_forward(&e.model, workspace, &batch, NULL));
    check(mlpc_loss_evaluate(&objective, k, workspace->z[HIDDEN], &value, z, row_loss, NULL));
    check(mlpc_backward(&e.model, workspace, &batch, z, &to, NULL));
    own_mode();
    add_doubles(&value, 1);
    add_doubles(&evaluation.accuracy, 1);
    add_doubles(row_loss, ROWS);
    add_reals(dtype, gradients, P);
    add_reals(dtype, dx, BATCH * INPUTS);
    finish("backward_", name, dtype);

    mlpc_workspace_free(workspace);
    mlpc_trainer_free(trainer);
    mlpc_samples_free(samples);
    mlpc_net_free(net);
    void *const arrays[] = {parameters, gradients, velocity, class_weight, x, y, z, dx, row_loss, weights, labels};
    for (size_t i = 0; i < COUNT(arrays); i++)
        free(arrays[i]);
}

/* Two epochs with an optimizer whose every setting that is a truth is 1, factors for the tensors, L1, and gradients
 * that are cut; plain and fused; and by one call after the other with norms that are limited. */
static void run_optimizer(const bench *b, const mlpc_optimizer_row *row)
{
    const mlpc_kernels *const k = b->k;
    const mlpc_dtype dtype = b->dtype;
    enum { LAYERS = 2 };
    static const size_t widths[LAYERS + 1] = {INPUTS, 17, OUTPUTS};
    static const mlpc_block hidden[] = {{.activation = MLPC_ACTIVATION_tanh}};
    static const double lr_factors[2 * LAYERS] = {1, 0.5, 2, 1}, decay_factors[2 * LAYERS] = {1, 0, 0.25, 0};
    mlpc_net *net;
    check(mlpc_net_create(&net, dtype, LAYERS, widths, hidden));
    const size_t P = net->n_parameters;
    void *parameters = allocate(P, k->itemsize), *gradients = allocate(P, k->itemsize);
    void *x = allocate(ROWS * INPUTS, k->itemsize), *y = allocate(ROWS * OUTPUTS, k->itemsize);
    fill(dtype, x, ROWS * INPUTS, UNIT, 0);
    fill(dtype, y, ROWS * OUTPUTS, UNIT, 1);
    double steps = 0;
    const mlpc_input input = {.rows = x, .n = ROWS};
    mlpc_trainer *trainer;
    mlpc_samples *samples;
    check(mlpc_samples_create(&samples, k, &input, INPUTS, MLPC_ZEROS_MULTIPLY, NULL));
    experiment e = {
        .model = {net, k, parameters, NULL},
        .training.samples = samples,
        .training.objective.loss = {.kind = MLPC_LOSS_mse, .mean = 1},
        .training.objective.targets = {.n = ROWS, .O = OUTPUTS, .values = y},
        .training.optimizer = optimizer_named(row->name),
        .training.batch_size = BATCH,
        .training.threads = 1,
        .training.shuffle = 1,
        .training.seed = 4,
        .doubles = b->doubles,
        .init = MLPC_INIT_torch,
        .schedule = {mlpc_schedule_named("one_cycle"), 0.02, 0, {2, 0.3, 25, 1e4}},
    };
    mlpc_optimizer *const optimizer = &e.training.optimizer;
    for (size_t i = 0; i < MLPC_MAX_SETTINGS && row->settings[i].name; i++)
        if (!row->settings[i].open && row->settings[i].most == 1 && row->settings[i].initial == 0)
            optimizer->settings[i] = 1;
    for (size_t s = 0; s < MLPC_MAX_STATES && row->states[s].name; s++) {
        if (row->states[s].needs && optimizer->settings[row->states[s].needs - 1] == 0)
            optimizer->settings[row->states[s].needs - 1] = 0.9;
        optimizer->state[s] = allocate(P, k->itemsize);
    }
    optimizer->steps = row->counts ? &steps : NULL;
    optimizer->penalties = (mlpc_penalties){.weight_decay = 0.01, .l1 = 1e-3, .clip_value = 0.02};
    optimizer->lr_factors = lr_factors;
    optimizer->decay_factors = decay_factors;
    check(mlpc_trainer_create(&trainer, &e.model, &e.training));
    mlpc_epoch_result result;
    start();
    for (int limited = 0; limited < 2; limited++) {
        for (uint32_t epoch = 0; epoch < 2; epoch++)
            train(&e, trainer, gradients, epoch, &result);
        add_reals(dtype, parameters, P);
        for (size_t s = 0; s < MLPC_MAX_STATES; s++)
            if (optimizer->state[s])
                add_reals(dtype, optimizer->state[s], P);
        if (!limited)
            train_fused(&e);
        optimizer->penalties.clip_norm = 0.05;
        optimizer->penalties.max_norm = 0.4;
    }
    finish("optimizer_", row->name, dtype);
    mlpc_trainer_free(trainer);
    mlpc_samples_free(samples);
    mlpc_net_free(net);
    void *const arrays[] = {parameters, gradients, x, y, optimizer->state[0], optimizer->state[1], optimizer->state[2]};
    for (size_t i = 0; i < COUNT(arrays); i++)
        free(arrays[i]);
}

void digest_training(const bench *b)
{
#define MLPC_LOSS(name) run_training(b, MLPC_LOSS_##name, #name);
#include "../../csrc/kernels/kernels.def"
    run_adam(b, "adam");
    run_adam(b, "adamw");
    for (size_t i = 0; mlpc_optimizer_row_at(i); i++)
        run_optimizer(b, mlpc_optimizer_row_at(i));
    digest_blocks(b);
}
