/* Small workloads whose instructions valgrind counts: tests/instructions/.
 *
 *     instructions ISA DTYPE WORKLOAD ROUNDS
 *
 * prepares one network and its data, does the workload ROUNDS times and prints a number that depends on all of it.  Two
 * counts that differ in ROUNDS alone give the cost of a round; what prepares it cancels out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../csrc/kernels/kernels.h"
#include "core.h"

/* Tiles and their rests in every layer, a short last batch, and zeros among the inputs as MNIST has them. */
enum { INPUTS = 196, OUTPUTS = 10, LAYERS = 3, ROWS = 150, BATCH = 64 };
static const size_t sizes[LAYERS + 1] = {INPUTS, 100, 50, OUTPUTS};

typedef struct {
    mlpc_dtype dtype;
    const mlpc_kernels *kernels;
    mlpc_net *net;
    mlpc_workspace *workspace, *for_inference;
    mlpc_predictor *predictor;
    void *parameters, *gradients, *state[MLPC_MAX_STATES], *x, *dense, *z;
    int64_t labels[ROWS];
    double steps, result;
} work;

static const mlpc_loss loss = {.kind = MLPC_LOSS_cross_entropy, .mean = 1};

static void prepare(work *w, mlpc_isa isa)
{
    const mlpc_block hidden[LAYERS - 1] = {{.activation = MLPC_ACTIVATION_relu}, {.activation = MLPC_ACTIVATION_tanh}};
    w->kernels = mlpc_kernels_for(isa, w->dtype);
    check(mlpc_net_create(&w->net, w->dtype, LAYERS, sizes, hidden));
    check(mlpc_workspace_create(&w->workspace, w->net, BATCH, 1));
    check(mlpc_workspace_create_for_inference(&w->for_inference, w->net, BATCH, 1));
    const size_t itemsize = mlpc_itemsize(w->dtype), n = w->net->n_parameters;
    w->parameters = allocate(n, itemsize);
    w->gradients = allocate(n, itemsize);
    for (size_t i = 0; i < MLPC_MAX_STATES; i++)
        w->state[i] = allocate(n, itemsize);
    w->x = allocate(ROWS * INPUTS, itemsize);
    w->dense = allocate(ROWS * INPUTS, itemsize);
    w->z = allocate(ROWS * OUTPUTS, itemsize);
    check(mlpc_initialize(w->net, mlpc_kernels_for(isa, MLPC_FLOAT64), w->parameters, MLPC_INIT_torch, 1, NULL));
    for (size_t i = 0; i < ROWS * INPUTS; i++) {
        const double u = mlpc_random_uniform(2, MLPC_STREAM_INIT, 0, i);
        put(w->x, w->dtype, i, u < 0.8 ? 0 : 5 * (u - 0.8));
        put(w->dense, w->dtype, i, u);
    }
    check(mlpc_predictor_create(&w->predictor, w->net, w->kernels, w->parameters, loss.kind));
    for (size_t i = 0; i < ROWS; i++)
        w->labels[i] = (int64_t)(mlpc_random_bits(3, MLPC_STREAM_INIT, 0, i) % OUTPUTS);
}

/* ---- The workloads ----------------------------------------------------------------------------------------------- */

static void forward_of(work *w, const void *rows, size_t rounds)
{
    const mlpc_input x = {.rows = rows};
    for (size_t i = 0; i < rounds; i++)
        check(mlpc_forward(w->net, w->kernels, w->parameters, w->workspace, &x, BATCH, NULL));
    w->result = w->kernels->sum(w->workspace->z[LAYERS - 1], BATCH * OUTPUTS);
}

/* Zeros would be skipped. */
static void forward(work *w, size_t rounds) { forward_of(w, w->dense, rounds); }

static void predict(work *w, const void *rows, size_t n, size_t rounds)
{
    const mlpc_input x = {.rows = rows};
    for (size_t i = 0; i < rounds; i++)
        check(mlpc_predictor_run(w->predictor, w->for_inference, MLPC_OUTPUT_logits, w->z, &x, n, NULL));
    w->result = w->kernels->sum(w->z, n * OUTPUTS);
}

static void predict_one(work *w, size_t rounds) { predict(w, w->x, 1, rounds); }

static void predict_batch(work *w, size_t rounds) { predict(w, w->dense, BATCH, rounds); }

static void loss_and_backward(work *w, size_t rounds)
{
    const mlpc_targets targets = {.labels = w->labels};
    forward_of(w, w->x, 1);
    for (size_t i = 0; i < rounds; i++) {
        check(mlpc_loss_evaluate(&loss, w->kernels, w->workspace->z[LAYERS - 1], &targets, BATCH, OUTPUTS, &w->result,
                                 w->z, w->workspace->row_loss, NULL));
        check(mlpc_backward(w->net, w->kernels, w->parameters, w->gradients, w->workspace, w->x, w->z, NULL, BATCH, 0,
                            NULL));
    }
}

/* The one place that knows how the core is asked for training. */
static void train(work *w, const mlpc_optimizer *optimizer, double lr, size_t epochs)
{
    const mlpc_targets targets = {.labels = w->labels};
    mlpc_samples *samples;
    mlpc_trainer *trainer;
    double *const rates = constant_rates((ROWS + BATCH - 1) / BATCH, lr);
    const mlpc_input input = {.rows = w->x};
    check(mlpc_samples_create(&samples, w->kernels, &input, ROWS, w->net->layers[0].n_in, MLPC_ZEROS_CHOOSE, NULL));
    check(mlpc_trainer_create(&trainer, w->net, w->kernels, optimizer, samples, BATCH, 1));
    for (size_t i = 0; i < epochs; i++) {
        const mlpc_epoch_settings settings = {.shuffle = 1, .seed = 4, .epoch = (uint32_t)i, .rates = rates};
        mlpc_epoch_result result;
        check(mlpc_train_epoch(w->net, w->kernels, w->parameters, NULL, trainer, optimizer, &loss, samples, &targets,
                               &settings, &result, NULL));
        w->result = result.loss;
    }
    mlpc_trainer_free(trainer);
    mlpc_samples_free(samples);
    free(rates);
}

static void train_sgd(work *w, size_t rounds)
{
    const mlpc_optimizer optimizer = sgd();
    train(w, &optimizer, 0.1, rounds);
}

static void train_adam(work *w, size_t rounds)
{
    const mlpc_optimizer optimizer = adam(w->state[0], w->state[1], &w->steps);
    train(w, &optimizer, 0.001, rounds);
}

static const struct {
    const char *name;
    void (*run)(work *, size_t rounds);
} workloads[] = {
    {"forward", forward},
    {"predict_one", predict_one},
    {"predict_batch", predict_batch},
    {"loss_and_backward", loss_and_backward},
    {"train_sgd", train_sgd},
    {"train_adam", train_adam},
};

int main(int argc, char **argv)
{
    work w = {0};
    if (argc != 5) {
        fprintf(stderr, "usage: instructions ISA float32|float64 WORKLOAD ROUNDS\n");
        return 1;
    }
    w.dtype = strcmp(argv[2], "float64") == 0 ? MLPC_FLOAT64 : MLPC_FLOAT32;
    for (int isa = 0; isa < MLPC_N_ISAS; isa++)
        for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
            if (strcmp(mlpc_isa_name((mlpc_isa)isa), argv[1]) == 0 && mlpc_isa_runs((mlpc_isa)isa) &&
                strcmp(workloads[i].name, argv[3]) == 0) {
                prepare(&w, (mlpc_isa)isa);
                workloads[i].run(&w, strtoul(argv[4], NULL, 10));
                printf("%.9g\n", w.result);
                return 0;
            }
    fprintf(stderr, "instructions: no workload %s, or no instruction set %s that runs here\n", argv[3], argv[1]);
    return 1;
}
