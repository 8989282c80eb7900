/* Digests of trainings with what stands between products: dropout, noise and norms, on every path. */
#include "digest_experiment.h"

/* Dropout of everything that there can be dropout of, without and with noise. */
static void run_dropout(const bench *b)
{
    static const size_t widths[] = {INPUTS, 17, 70, OUTPUTS};
    static const mlpc_block hidden[] = {{.activation = MLPC_ACTIVATION_tanh, .dropout = 0.3},
                                        {.activation = MLPC_ACTIVATION_identity, .dropout = 0.5}};
    experiment e;
    experiment_begin(&e, b, COUNT(widths) - 1, widths, hidden, UNIT);
    e.net->input_dropout = 0.2;
    start();
    for (int noisy = 0; noisy < 2; noisy++) {
        e.training.noise = noisy ? 0.1 : 0;
        experiment_run(&e, 1);
        experiment_add(&e);
        experiment_run_again(&e);
    }
    finish("fit_", "dropout", b->dtype);
    experiment_end(&e);
}

/* What the network of a training makes of all rows, in eval mode. */
static void add_logits(experiment *e)
{
    mlpc_workspace *workspace;
    void *const z = allocate(ROWS * OUTPUTS, e->model.kernels->itemsize);
    const mlpc_loss_kind loss = e->training.objective.loss.kind;
    check(mlpc_workspace_create_for_inference(&workspace, e->net, ROWS, 1));
    foreign_mode();
    check(mlpc_predict(&e->model, workspace, MLPC_OUTPUT_logits, loss, z, &e->input, NULL));
    own_mode();
    add_reals(e->net->dtype, z, ROWS * OUTPUTS);
    mlpc_workspace_free(workspace);
    free(z);
}

/* Both norms: in whole batches, and where a last row joins. */
static void run_norms(const bench *b)
{
    static const size_t widths[] = {INPUTS, 17, 21, OUTPUTS}, batch_sizes[] = {BATCH, ROWS - 1};
    static const mlpc_block hidden[] = {{.activation = MLPC_ACTIVATION_tanh, .norm = MLPC_NORM_batch},
                                        {.activation = MLPC_ACTIVATION_relu, .norm = MLPC_NORM_layer}};
    experiment e;
    experiment_begin(&e, b, COUNT(widths) - 1, widths, hidden, TAME);
    e.schedule.settings[1] = 0.001;
    e.training.optimizer.settings[0] = 0.9;
    experiment_states(&e);
    start();
    for (size_t i = 0; i < 2 * COUNT(batch_sizes); i++) {
        e.training.batch_size = batch_sizes[i / 2];
        e.training.threads = i % 2 ? 3 : 1;
        experiment_run(&e, 1);
        add_doubles(&e.results[EPOCHS - 1].loss, 1);
        add_reals(b->dtype, e.model.parameters, e.net->n_parameters);
        add_reals(b->dtype, e.model.statistics, e.net->n_statistics);
        add_logits(&e);
        experiment_run_again(&e);
    }
    finish("fit_", "norms", b->dtype);
    experiment_end(&e);
}

/* Ends an epoch before its second batch. */
static int in_the_first_batch(void *context, size_t rows)
{
    (void)context;
    return rows >= BATCH;
}

/* Where dropout comes or goes behind a trainer's back it computes nothing. */
static void expect_no_other_dropout(const experiment *e, double *probability)
{
    const double rate = 0.1, before = *probability;
    const mlpc_epoch epoch = {.rates = &rate};
    mlpc_epoch_result result;
    mlpc_trainer *trainer;
    check(mlpc_trainer_create(&trainer, &e->model, &e->training));
    *probability = before > 0 ? 0 : 0.5;
    if (mlpc_trainer_fits(trainer, &e->model, &e->training) ||
        mlpc_train_epoch(&e->model, &e->training, trainer, &epoch, &result, NULL) != MLPC_ERROR_WORKSPACE) {
        fprintf(stderr, "digest: a trainer takes other dropout than it was made for\n");
        exit(2);
    }
    *probability = before;
    mlpc_trainer_free(trainer);
}

/* All of that by AdamW, and what is first and last of it: batch norm behind the first layer and behind another, layer
 * norm with an identity; without and with noise. */
static void run_everything(const bench *b)
{
    static const size_t widths[] = {INPUTS, 17, 70, 21, OUTPUTS};
    static const mlpc_block hidden[] = {
        {.activation = MLPC_ACTIVATION_tanh, .norm = MLPC_NORM_batch, .dropout = 0.3},
        {.activation = MLPC_ACTIVATION_identity, .norm = MLPC_NORM_layer, .dropout = 0.5},
        {.activation = MLPC_ACTIVATION_relu, .norm = MLPC_NORM_batch},
    };
    experiment e;
    experiment_begin(&e, b, COUNT(widths) - 1, widths, hidden, UNIT);
    experiment_optimizer(&e, "adamw");
    experiment_states(&e);
    e.net->input_dropout = 0.2;
    e.training.optimizer.penalties.weight_decay = 0.01;
    start();
    for (int noisy = 0; noisy < 2; noisy++) {
        e.training.noise = noisy ? 0.1 : 0;
        experiment_run(&e, 1);
        add_doubles(&e.results[EPOCHS - 1].loss, 1);
        add_reals(b->dtype, e.model.parameters, e.net->n_parameters);
        add_reals(b->dtype, e.model.statistics, e.net->n_statistics);
        add_reals(b->dtype, e.training.optimizer.state[1], e.net->n_parameters);
        experiment_run_again(&e);
    }
    finish("fit_", "everything", b->dtype);
    double *const probabilities[] = {&e.net->input_dropout, &e.net->layers[0].block.dropout,
                                     &e.net->layers[2].block.dropout};
    for (size_t i = 0; i < COUNT(probabilities); i++)
        expect_no_other_dropout(&e, probabilities[i]);
    e.poll = &(mlpc_poll){in_the_first_batch, NULL};
    experiment_run(&e, 1);
    experiment_run_again(&e);
    experiment_end(&e);
}

/* All of it with smoothed labels and weights of everything, momentum, penalties and factors; and then with norms that
 * are limited, too. */
static void run_penalised(const bench *b)
{
    static const size_t widths[] = {INPUTS, 17, 70, 21, OUTPUTS};
    static const mlpc_block hidden[] = {
        {.activation = MLPC_ACTIVATION_tanh, .dropout = 0.3, .norm = MLPC_NORM_batch},
        {.activation = MLPC_ACTIVATION_leaky_relu, .setting = 0.2, .dropout = 0.5, .norm = MLPC_NORM_layer},
        {.activation = MLPC_ACTIVATION_gelu, .dropout = 0.1}};
    static const double lr_factors[] = {1, 0.5, 2, 1, 1, 1, 0.5, 0.25, 1, 1, 1, 2};
    static const double decay_factors[] = {1, 0, 0, 0, 1, 0, 0, 0, 0.5, 0, 1, 0};
    experiment e;
    experiment_begin(&e, b, COUNT(widths) - 1, widths, hidden, UNIT);
    experiment_loss(&e, MLPC_LOSS_cross_entropy);
    e.net->input_dropout = 0.2;
    e.training.noise = 0.1;
    e.training.optimizer.settings[0] = 0.9;
    experiment_states(&e);
    mlpc_optimizer *const optimizer = &e.training.optimizer;
    optimizer->penalties = (mlpc_penalties){.weight_decay = 0.01, .l1 = 1e-3, .clip_value = 0.02};
    optimizer->lr_factors = lr_factors;
    optimizer->decay_factors = decay_factors;
    start();
    for (int limited = 0; limited < 2; limited++) {
        experiment_run(&e, 1);
        for (size_t epoch = 0; epoch < EPOCHS; epoch++)
            add_doubles(&e.results[epoch].loss, 1);
        experiment_add(&e);
        add_logits(&e);
        experiment_run_again(&e);
        optimizer->penalties.clip_norm = 0.05;
        optimizer->penalties.max_norm = 0.4;
    }
    finish("fit_", "everything_penalised", b->dtype);
    experiment_end(&e);
}

void digest_blocks(const bench *b)
{
    run_dropout(b);
    run_norms(b);
    run_everything(b);
    run_penalised(b);
}
