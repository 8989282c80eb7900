/* Digests of trainings with what stands between products: dropout, noise and norms, plain and fused. */
#include <string.h>

#include "../../csrc/core/samples.h"
#include "digest_training.h"

/* Two epochs of a network with both norms, plain on a thread and fused on three: in whole batches, and where a last row
 * joins. */
static void run_norms(const bench *b)
{
    enum { LAYERS = 3 };
    static const size_t widths[LAYERS + 1] = {INPUTS, 17, 21, OUTPUTS}, batch_sizes[] = {BATCH, ROWS - 1};
    static const mlpc_block hidden[] = {{.activation = MLPC_ACTIVATION_tanh, .norm = MLPC_NORM_batch},
                                        {.activation = MLPC_ACTIVATION_relu, .norm = MLPC_NORM_layer}};
    const mlpc_kernels *const k = b->k;
    mlpc_net *net;
    check(mlpc_net_create(&net, b->dtype, LAYERS, widths, hidden));
    const size_t P = net->n_parameters, S = net->n_statistics;
    void *parameters = allocate(P, k->itemsize), *statistics = allocate(S, k->itemsize);
    void *velocity = allocate(P, k->itemsize), *gradients = allocate(P, k->itemsize),
         *z = allocate(ROWS * OUTPUTS, k->itemsize);
    void *x = allocate(ROWS * INPUTS, k->itemsize), *y = allocate(ROWS * OUTPUTS, k->itemsize);
    fill(b->dtype, x, ROWS * INPUTS, TAME, 0);
    fill(b->dtype, y, ROWS * OUTPUTS, UNIT, 1);
    const mlpc_input input = {.rows = x, .n = ROWS};
    mlpc_samples *samples;
    mlpc_workspace *workspace;
    check(mlpc_samples_create(&samples, k, &input, INPUTS, MLPC_ZEROS_MULTIPLY, NULL));
    check(mlpc_workspace_create_for_inference(&workspace, net, ROWS, 1));
    experiment e = {
        .model = {net, k, parameters, statistics},
        .training.samples = samples,
        .training.objective.loss = {.kind = MLPC_LOSS_mse, .mean = 1},
        .training.objective.targets = {.n = ROWS, .O = OUTPUTS, .values = y},
        .training.optimizer = optimizer_named("sgd"),
        .training.shuffle = 1,
        .training.seed = 4,
        .doubles = b->doubles,
        .schedule = {mlpc_schedule_named("cosine"), 0.05, 0.5, {2, 0.001}},
    };
    e.training.optimizer.settings[0] = 0.9;
    e.training.optimizer.state[0] = velocity;
    start();
    for (size_t i = 0; i < 2 * COUNT(batch_sizes); i++) {
        mlpc_trainer *trainer;
        mlpc_epoch_result result;
        e.training.batch_size = batch_sizes[i / 2];
        e.training.threads = i % 2 ? 3 : 1;
        check(mlpc_trainer_create(&trainer, &e.model, &e.training));
        for (uint32_t epoch = 0; epoch < 2; epoch++)
            train(&e, trainer, i % 2 ? NULL : gradients, epoch, &result);
        mlpc_trainer_free(trainer);
        foreign_mode();
        check(mlpc_predict(&e.model, workspace, MLPC_OUTPUT_logits, MLPC_LOSS_mse, z, &input, NULL));
        own_mode();
        add_doubles(&result.loss, 1);
        add_reals(b->dtype, parameters, P);
        add_reals(b->dtype, statistics, S);
        add_reals(b->dtype, z, ROWS * OUTPUTS);
    }
    finish("fit_", "norms", b->dtype);
    mlpc_workspace_free(workspace);
    mlpc_samples_free(samples);
    mlpc_net_free(net);
    void *const arrays[] = {parameters, statistics, velocity, gradients, z, x, y};
    for (size_t i = 0; i < COUNT(arrays); i++)
        free(arrays[i]);
}

/* Two epochs with dropout of everything that there can be dropout of, without and with noise; plain and fused. */
static void run_dropout(const bench *b)
{
    const mlpc_kernels *const k = b->k;
    static const size_t widths[] = {INPUTS, 17, 70, OUTPUTS};
    static const mlpc_block hidden[] = {{.activation = MLPC_ACTIVATION_tanh, .dropout = 0.3},
                                        {.activation = MLPC_ACTIVATION_identity, .dropout = 0.5}};
    mlpc_net *net;
    check(mlpc_net_create(&net, b->dtype, COUNT(widths) - 1, widths, hidden));
    net->input_dropout = 0.2;
    void *parameters = allocate(net->n_parameters, k->itemsize);
    void *gradients = allocate(net->n_parameters, k->itemsize);
    void *x = allocate(ROWS * INPUTS, k->itemsize), *y = allocate(ROWS * OUTPUTS, k->itemsize);
    fill(b->dtype, x, ROWS * INPUTS, UNIT, 0);
    fill(b->dtype, y, ROWS * OUTPUTS, UNIT, 1);
    const mlpc_input input = {.rows = x, .n = ROWS};
    mlpc_trainer *trainer;
    mlpc_samples *samples;
    check(mlpc_samples_create(&samples, k, &input, INPUTS, MLPC_ZEROS_MULTIPLY, NULL));
    experiment e = {
        .model = {net, k, parameters, NULL},
        .training.samples = samples,
        .training.objective.loss = {.kind = MLPC_LOSS_mse, .mean = 1},
        .training.objective.targets = {.n = ROWS, .O = OUTPUTS, .values = y},
        .training.optimizer = optimizer_named("sgd"),
        .training.batch_size = BATCH,
        .training.threads = 1,
        .training.shuffle = 1,
        .training.seed = 4,
        .doubles = b->doubles,
        .init = MLPC_INIT_torch,
        .schedule = {mlpc_schedule_named("cosine"), 0.05, 0.5, {2, 0}},
    };
    mlpc_epoch_result result;
    start();
    for (int noisy = 0; noisy < 2; noisy++) {
        e.training.noise = noisy ? 0.1 : 0;
        check(mlpc_trainer_create(&trainer, &e.model, &e.training));
        for (uint32_t epoch = 0; epoch < 2; epoch++)
            train(&e, trainer, gradients, epoch, &result);
        add_reals(b->dtype, parameters, net->n_parameters);
        train_fused(&e);
        mlpc_trainer_free(trainer);
    }
    finish("fit_", "dropout", b->dtype);
    mlpc_samples_free(samples);
    mlpc_net_free(net);
    void *const arrays[] = {parameters, gradients, x, y};
    for (size_t i = 0; i < COUNT(arrays); i++)
        free(arrays[i]);
}

/* Ends an epoch before its second batch. */
static int in_the_first_batch(void *context, size_t rows)
{
    (void)context;
    return rows >= BATCH;
}

/* Where dropout comes or goes behind a trainer's back it computes nothing. */
static void expect_no_other_dropout(const experiment *e, mlpc_trainer *trainer, double *probability)
{
    const double rate = 0.1, before = *probability;
    const mlpc_epoch epoch = {.rates = &rate};
    mlpc_epoch_result result;
    *probability = before > 0 ? 0 : 0.5;
    if (mlpc_trainer_fits(trainer, &e->model, &e->training) ||
        mlpc_train_epoch(&e->model, &e->training, trainer, &epoch, &result, NULL) != MLPC_ERROR_WORKSPACE) {
        fprintf(stderr, "digest: a trainer takes other dropout than it was made for\n");
        exit(2);
    }
    *probability = before;
}

/* Two epochs of AdamW with all of that, and what is first and last of it: batch norm behind the first layer and behind
 * another, layer norm with an identity; without and with noise, plain and fused. */
static void run_everything(const bench *b)
{
    const mlpc_kernels *const k = b->k;
    static const size_t widths[] = {INPUTS, 17, 70, 21, OUTPUTS};
    static const mlpc_block hidden[] = {
        {.activation = MLPC_ACTIVATION_tanh, .norm = MLPC_NORM_batch, .dropout = 0.3},
        {.activation = MLPC_ACTIVATION_identity, .norm = MLPC_NORM_layer, .dropout = 0.5},
        {.activation = MLPC_ACTIVATION_relu, .norm = MLPC_NORM_batch},
    };
    mlpc_net *net;
    check(mlpc_net_create(&net, b->dtype, COUNT(widths) - 1, widths, hidden));
    net->input_dropout = 0.2;
    const size_t P = net->n_parameters, S = net->n_statistics;
    void *parameters = allocate(P, k->itemsize), *statistics = allocate(S, k->itemsize);
    void *gradients = allocate(P, k->itemsize);
    void *mean = allocate(P, k->itemsize), *square = allocate(P, k->itemsize);
    void *x = allocate(ROWS * INPUTS, k->itemsize), *y = allocate(ROWS * OUTPUTS, k->itemsize);
    fill(b->dtype, x, ROWS * INPUTS, UNIT, 0);
    fill(b->dtype, y, ROWS * OUTPUTS, UNIT, 1);
    double steps = 0;
    const mlpc_input input = {.rows = x, .n = ROWS};
    mlpc_trainer *trainer;
    mlpc_samples *samples;
    check(mlpc_samples_create(&samples, k, &input, INPUTS, MLPC_ZEROS_MULTIPLY, NULL));
    experiment e = {
        .model = {net, k, parameters, statistics},
        .training.samples = samples,
        .training.objective.loss = {.kind = MLPC_LOSS_mse, .mean = 1},
        .training.objective.targets = {.n = ROWS, .O = OUTPUTS, .values = y},
        .training.optimizer = optimizer_named("adamw"),
        .training.batch_size = BATCH,
        .training.threads = 1,
        .training.shuffle = 1,
        .training.seed = 4,
        .doubles = b->doubles,
        .init = MLPC_INIT_torch,
        .schedule = {mlpc_schedule_named("cosine"), 0.05, 0.5, {2, 0}},
    };
    e.training.optimizer.penalties.weight_decay = 0.01;
    e.training.optimizer.state[0] = mean;
    e.training.optimizer.state[1] = square;
    e.training.optimizer.steps = &steps;
    mlpc_epoch_result result;
    start();
    for (int noisy = 0; noisy < 2; noisy++) {
        e.training.noise = noisy ? 0.1 : 0;
        check(mlpc_trainer_create(&trainer, &e.model, &e.training));
        for (uint32_t epoch = 0; epoch < 2; epoch++)
            train(&e, trainer, gradients, epoch, &result);
        add_doubles(&result.loss, 1);
        add_reals(b->dtype, parameters, P);
        add_reals(b->dtype, statistics, S);
        add_reals(b->dtype, square, P);
        train_fused(&e);
        if (noisy) {
            double *const probabilities[] = {&net->input_dropout, &net->layers[0].block.dropout,
                                             &net->layers[2].block.dropout};
            for (size_t i = 0; i < COUNT(probabilities); i++)
                expect_no_other_dropout(&e, trainer, probabilities[i]);
            e.poll = &(mlpc_poll){in_the_first_batch, NULL};
            for (uint32_t epoch = 0; epoch < 2; epoch++)
                train(&e, trainer, gradients, epoch, &result);
            train_fused(&e);
        }
        mlpc_trainer_free(trainer);
    }
    finish("fit_", "everything", b->dtype);
    mlpc_samples_free(samples);
    mlpc_net_free(net);
    void *const arrays[] = {parameters, statistics, gradients, mean, square, x, y};
    for (size_t i = 0; i < COUNT(arrays); i++)
        free(arrays[i]);
}

void digest_blocks(const bench *b)
{
    run_dropout(b);
    run_norms(b);
    run_everything(b);
}
