/* Digests of trainings with each loss and each optimizer, on every path; and steps of Adam. */
#include <math.h>
#include <string.h>

#include "digest_experiment.h"

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
    mlpc_optimizer optimizer =
        adam(memset(b->in[1], 0, N * b->k->itemsize), memset(b->in[2], 0, N * b->k->itemsize), &steps);
    optimizer.row = mlpc_optimizer_named(name);
    optimizer.penalties.weight_decay = 0.01;
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

/* Of each loss.  Over all of them every activation and every initial value occurs. */
enum { HIDDEN = 3 };
_Static_assert(HIDDEN *MLPC_N_LOSSES >= MLPC_N_ACTIVATIONS, "an activation without a network");

/* What forward, loss and backward of a batch add to gradients, and what is made of all rows. */
static void run_backward(experiment *e, const char *name)
{
    const mlpc_kernels *const k = e->model.kernels;
    void *const z = experiment_array(e, ROWS * OUTPUTS, k->itemsize);
    void *const dx = experiment_array(e, ROWS * INPUTS, k->itemsize);
    double *const row_loss = experiment_array(e, ROWS, sizeof *row_loss);
    double value;
    mlpc_evaluation evaluation;
    mlpc_workspace *workspace;
    const mlpc_input batch = {.rows = e->input.rows, .n = BATCH};
    const mlpc_gradients to = {e->gradients, 1, dx};
    mlpc_objective objective = e->training.objective;
    check(mlpc_workspace_create(&workspace, e->net, BATCH, 1));
    start();
    foreign_mode();
    check(mlpc_evaluate(&e->model, workspace, &objective, &e->input, &evaluation, row_loss, NULL));
    objective.targets.n = BATCH;
    check(mlpc_forward(&e->model, workspace, &batch, NULL));
    check(mlpc_loss_evaluate(&objective, k, workspace->z[HIDDEN], &value, z, row_loss, NULL));
    check(mlpc_backward(&e->model, workspace, &batch, z, &to, NULL));
    own_mode();
    add_doubles(&value, 1);
    add_doubles(&evaluation.accuracy, 1);
    add_doubles(row_loss, ROWS);
    add_reals(e->net->dtype, e->gradients, e->net->n_parameters);
    add_reals(e->net->dtype, dx, BATCH * INPUTS);
    finish("backward_", name, e->net->dtype);
    mlpc_workspace_free(workspace);
}

static void run_loss(const bench *b, mlpc_loss_kind kind, const char *name)
{
    static const size_t widths[HIDDEN + 2] = {INPUTS, 17, 21, 13, OUTPUTS};
    mlpc_block hidden[HIDDEN];
    for (int i = 0; i < HIDDEN; i++)
        hidden[i] = mlpc_block_of((mlpc_activation)((HIDDEN * (int)kind + i) % MLPC_N_ACTIVATIONS));
    experiment e;
    experiment_begin(&e, b, HIDDEN + 1, widths, hidden, UNIT);
    experiment_loss(&e, kind);
    e.init = (mlpc_init)(kind % MLPC_N_INITS);
    e.schedule.lr = e.training.objective.loss.mean > 0 ? 0.05 : 0.0001;
    e.schedule.settings[1] = e.schedule.lr / 100;
    e.training.optimizer.settings[0] = 0.9;
    e.training.optimizer.settings[1] = kind % 2;
    e.training.optimizer.penalties.weight_decay = 1e-3;
    experiment_states(&e);
    start();
    experiment_run(&e, 1);
    for (size_t epoch = 0; epoch < EPOCHS; epoch++) {
        add_doubles(&e.results[epoch].loss, 1);
        add_doubles(&e.results[epoch].accuracy, 1);
        add_doubles(&e.results[epoch].lr, 1);
    }
    experiment_add(&e);
    add_reals(b->dtype, e.gradients, e.net->n_parameters);
    finish("fit_", name, b->dtype);
    experiment_run_again(&e);
    run_backward(&e, name);
    experiment_end(&e);
}

/* Every setting of the optimizer that is a truth is 1, with factors for the tensors, L1, and gradients that are cut;
 * and then with norms that are limited, too. */
static void run_optimizer(const bench *b, const mlpc_optimizer_row *row)
{
    enum { LAYERS = 2 };
    static const size_t widths[LAYERS + 1] = {INPUTS, 17, OUTPUTS};
    static const mlpc_block hidden[] = {{.activation = MLPC_ACTIVATION_tanh}};
    static const double lr_factors[2 * LAYERS] = {1, 0.5, 2, 1}, decay_factors[2 * LAYERS] = {1, 0, 0.25, 0};
    experiment e;
    experiment_begin(&e, b, LAYERS, widths, hidden, UNIT);
    experiment_optimizer(&e, row->name);
    e.schedule = (mlpc_schedule){mlpc_schedule_named("one_cycle"), 0.02, 0, {EPOCHS, 0.3, 25, 1e4}};
    mlpc_optimizer *const optimizer = &e.training.optimizer;
    for (size_t i = 0; i < MLPC_MAX_SETTINGS && row->settings[i].name; i++)
        if (!row->settings[i].open && row->settings[i].most == 1 && row->settings[i].initial == 0)
            optimizer->settings[i] = 1;
    for (size_t s = 0; s < MLPC_MAX_STATES && row->states[s].name; s++)
        if (row->states[s].needs && optimizer->settings[row->states[s].needs - 1] == 0)
            optimizer->settings[row->states[s].needs - 1] = 0.9;
    experiment_states(&e);
    optimizer->penalties = (mlpc_penalties){.weight_decay = 0.01, .l1 = 1e-3, .clip_value = 0.02};
    optimizer->lr_factors = lr_factors;
    optimizer->decay_factors = decay_factors;
    start();
    for (int limited = 0; limited < 2; limited++) {
        experiment_run(&e, 1);
        experiment_add(&e);
        experiment_run_again(&e);
        optimizer->penalties.clip_norm = 0.05;
        optimizer->penalties.max_norm = 0.4;
    }
    finish("optimizer_", row->name, b->dtype);
    experiment_end(&e);
}

void digest_training(const bench *b)
{
#define MLPC_LOSS(name) run_loss(b, MLPC_LOSS_##name, #name);
#include "../../csrc/kernels/kernels.def"
    run_adam(b, "adam");
    run_adam(b, "adamw");
    for (size_t i = 0; mlpc_optimizer_row_at(i); i++)
        run_optimizer(b, mlpc_optimizer_row_at(i));
    digest_blocks(b);
}
