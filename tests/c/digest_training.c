/* Digests of trainings: with each loss and each optimizer, plain and fused, and steps of Adam. */
#include <math.h>
#include <string.h>

#include "../../csrc/core/samples.h"
#include "digest.h"

/* An optimizer as its row has it, without states. */
static mlpc_optimizer optimizer_named(const char *name)
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
        mlpc_step(&optimizer, net, b->k, p, g, lr);
        own_mode();
        add_reals(b->dtype, p, N);
    }
    add_doubles(&steps, 1);
    finish("steps_", name, b->dtype);
    mlpc_net_free(net);
}

/* Two epochs of a network with each loss; over all of them every activation occurs. */
enum { HIDDEN = 3, ROWS = 100, BATCH = 66, INPUTS = 19, OUTPUTS = 7 };
_Static_assert(HIDDEN *MLPC_N_LOSSES >= MLPC_N_ACTIVATIONS, "an activation without a network");

/* A training, and where its numbers lie. */
typedef struct {
    const bench *b;
    const mlpc_net *net;
    mlpc_init init;
    void *parameters, *x;
    const mlpc_optimizer *optimizer;
    const mlpc_schedule *schedule;
    const mlpc_loss *loss;
    const mlpc_targets *targets;
} training;

/* One epoch; the first begins with initial values. */
static void train(const training *t, const mlpc_samples *samples, mlpc_trainer *trainer, void *gradients,
                  uint32_t epoch, mlpc_epoch_result *result)
{
    double rates[(ROWS + BATCH - 1) / BATCH];
    const mlpc_epoch_settings settings = {1, 4, epoch, rates};
    foreign_mode();
    mlpc_learning_rates(t->schedule, epoch, COUNT(rates), rates);
    if (epoch == 0) {
        check(mlpc_initialize(t->net, t->b->doubles, t->parameters, t->init, 3, NULL));
        for (size_t s = 0; s < MLPC_MAX_STATES; s++)
            if (t->optimizer->state[s])
                memset(t->optimizer->state[s], 0, t->net->n_parameters * t->b->k->itemsize);
        if (t->optimizer->steps)
            *t->optimizer->steps = 0;
    }
    check(mlpc_train_epoch(t->net, t->b->k, t->parameters, gradients, trainer, t->optimizer, t->loss, samples,
                           t->targets, &settings, result, NULL));
    own_mode();
}

/* The same training fused, with zeros multiplied or skipped and by one thread or several, has the same bits. */
static void train_fused(const training *t)
{
    const size_t P = t->net->n_parameters, bytes = P * t->b->k->itemsize;
    void *expected = memcpy(allocate(P, t->b->k->itemsize), t->parameters, bytes);
    const mlpc_input input = {.rows = t->x};
    for (size_t threads = 1; threads <= 3; threads++)
        for (int skip = 0; skip < 2; skip++) {
            mlpc_samples *samples;
            mlpc_trainer *trainer;
            mlpc_epoch_result result;
            const mlpc_zeros zeros = skip ? MLPC_ZEROS_SKIP : MLPC_ZEROS_MULTIPLY;
            check(mlpc_samples_create(&samples, t->b->k, &input, ROWS, INPUTS, zeros, NULL));
            check(mlpc_trainer_create(&trainer, t->net, t->b->k, t->optimizer, samples, BATCH, threads));
            for (uint32_t epoch = 0; epoch < 2; epoch++)
                train(t, samples, trainer, NULL, epoch, &result);
            mlpc_trainer_free(trainer);
            mlpc_samples_free(samples);
            if (memcmp(t->parameters, expected, bytes) != 0) {
                fprintf(stderr, "digest: a fused epoch gives other bits\n");
                exit(2);
            }
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
    const mlpc_loss loss = {kind, mean, setting, entropy ? class_weight : NULL};
    const mlpc_targets targets = {
        .labels = entropy ? labels : NULL,
        .values = entropy ? NULL : y,
        .sample_weight = entropy || kind % 3 == 0 ? weights : NULL,
    };
    const double lr = mean ? 0.05 : 0.0001;
    const mlpc_schedule schedule = {mlpc_schedule_named("cosine"), lr, 0.5, {2, lr / 100}};
    mlpc_optimizer optimizer = optimizer_named("sgd");
    optimizer.settings[0] = 0.9;
    optimizer.settings[1] = kind % 2;
    optimizer.penalties.weight_decay = 1e-3;
    optimizer.state[0] = velocity;
    mlpc_trainer *trainer;
    mlpc_workspace *workspace;
    mlpc_samples *samples;
    check(mlpc_samples_create(&samples, k, &(mlpc_input){.rows = x}, ROWS, INPUTS, MLPC_ZEROS_MULTIPLY, NULL));
    check(mlpc_trainer_create(&trainer, net, k, &optimizer, samples, BATCH, 1));
    check(mlpc_workspace_create(&workspace, net, BATCH, 1));
    const training t = {b,     net,     (mlpc_init)(kind % MLPC_N_INITS), parameters, x, &optimizer, &schedule,
                        &loss, &targets};

    start();
    for (uint32_t epoch = 0; epoch < 2; epoch++) {
        mlpc_epoch_result result;
        train(&t, samples, trainer, gradients, epoch, &result);
        add_doubles(&result.loss, 1);
        add_doubles(&result.accuracy, 1);
        add_doubles(&result.lr, 1);
    }
    add_reals(dtype, parameters, P);
    add_reals(dtype, velocity, P);
    add_reals(dtype, gradients, P);
    finish("fit_", name, dtype);
    train_fused(&t);

    start();
    double value, accuracy;
    const mlpc_input input = {.rows = x};
    foreign_mode();
    check(
        mlpc_evaluate(net, k, parameters, workspace, &loss, &input, &targets, ROWS, row_loss, &value, &accuracy, NULL));
    check(mlpc_forward(net, k, parameters, workspace, &input, BATCH, NULL));
    check(mlpc_loss_evaluate(&loss, k, workspace->z[HIDDEN], &targets, BATCH, OUTPUTS, &value, z, row_loss, NULL));
    check(mlpc_backward(net, k, parameters, gradients, workspace, x, z, dx, BATCH, 1, NULL));
    own_mode();
    add_doubles(&value, 1);
    add_doubles(&accuracy, 1);
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
    mlpc_optimizer optimizer = optimizer_named(row->name);
    for (size_t i = 0; i < MLPC_MAX_SETTINGS && row->settings[i].name; i++)
        if (!row->settings[i].open && row->settings[i].most == 1 && row->settings[i].initial == 0)
            optimizer.settings[i] = 1;
    for (size_t s = 0; s < MLPC_MAX_STATES && row->states[s].name; s++) {
        if (row->states[s].needs && optimizer.settings[row->states[s].needs - 1] == 0)
            optimizer.settings[row->states[s].needs - 1] = 0.9;
        optimizer.state[s] = allocate(P, k->itemsize);
    }
    optimizer.steps = row->counts ? &steps : NULL;
    optimizer.penalties = (mlpc_penalties){.weight_decay = 0.01, .l1 = 1e-3, .clip_value = 0.02};
    optimizer.lr_factors = lr_factors;
    optimizer.decay_factors = decay_factors;
    const mlpc_schedule schedule = {mlpc_schedule_named("one_cycle"), 0.02, 0, {2, 0.3, 25, 1e4}};
    const mlpc_loss loss = {.kind = MLPC_LOSS_mse, .mean = 1};
    const mlpc_targets targets = {.values = y};
    mlpc_trainer *trainer;
    mlpc_samples *samples;
    check(mlpc_samples_create(&samples, k, &(mlpc_input){.rows = x}, ROWS, INPUTS, MLPC_ZEROS_MULTIPLY, NULL));
    check(mlpc_trainer_create(&trainer, net, k, &optimizer, samples, BATCH, 1));
    const training t = {b, net, MLPC_INIT_torch, parameters, x, &optimizer, &schedule, &loss, &targets};
    mlpc_epoch_result result;
    start();
    for (int limited = 0; limited < 2; limited++) {
        for (uint32_t epoch = 0; epoch < 2; epoch++)
            train(&t, samples, trainer, gradients, epoch, &result);
        add_reals(dtype, parameters, P);
        for (size_t s = 0; s < MLPC_MAX_STATES; s++)
            if (optimizer.state[s])
                add_reals(dtype, optimizer.state[s], P);
        if (!limited)
            train_fused(&t);
        optimizer.penalties.clip_norm = 0.05;
        optimizer.penalties.max_norm = 0.4;
    }
    finish("optimizer_", row->name, dtype);
    mlpc_trainer_free(trainer);
    mlpc_samples_free(samples);
    mlpc_net_free(net);
    void *const arrays[] = {parameters, gradients, x, y, optimizer.state[0], optimizer.state[1], optimizer.state[2]};
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
}
