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
    mlpc_model model;
    mlpc_workspace *workspace, *for_inference;
    mlpc_predictor *predictor;
    void *gradients, *state[MLPC_MAX_STATES], *x, *dense, *z;
    int64_t labels[ROWS];
    double steps, result;
} work;

static const mlpc_loss loss = {.kind = MLPC_LOSS_cross_entropy, .mean = 1};

static void prepare(work *w, mlpc_isa isa)
{
    const mlpc_block hidden[LAYERS - 1] = {{.activation = MLPC_ACTIVATION_relu}, {.activation = MLPC_ACTIVATION_tanh}};
    mlpc_net *net;
    check(mlpc_net_create(&net, w->dtype, LAYERS, sizes, hidden));
    check(mlpc_workspace_create(&w->workspace, net, BATCH, 1));
    check(mlpc_workspace_create_for_inference(&w->for_inference, net, BATCH, 1));
    const size_t itemsize = mlpc_itemsize(w->dtype), n = net->n_parameters;
    w->model = (mlpc_model){net, mlpc_kernels_for(isa, w->dtype), allocate(n, itemsize), NULL};
    w->gradients = allocate(n, itemsize);
    for (size_t i = 0; i < MLPC_MAX_STATES; i++)
        w->state[i] = allocate(n, itemsize);
    w->x = allocate(ROWS * INPUTS, itemsize);
    w->dense = allocate(ROWS * INPUTS, itemsize);
    w->z = allocate(ROWS * OUTPUTS, itemsize);
    check(mlpc_initialize(net, mlpc_kernels_for(isa, MLPC_FLOAT64), w->model.parameters, MLPC_INIT_torch, 1, NULL));
    for (size_t i = 0; i < ROWS * INPUTS; i++) {
        const double u = mlpc_random_uniform(2, MLPC_STREAM_INIT, 0, i);
        put(w->x, w->dtype, i, u < 0.8 ? 0 : 5 * (u - 0.8));
        put(w->dense, w->dtype, i, u);
    }
    check(mlpc_predictor_create(&w->predictor, &w->model, loss.kind));
    for (size_t i = 0; i < ROWS; i++)
        w->labels[i] = (int64_t)(mlpc_random_bits(3, MLPC_STREAM_INIT, 0, i) % OUTPUTS);
}

/* ---- The workloads ----------------------------------------------------------------------------------------------- */

static void forward_of(work *w, const void *rows, size_t rounds)
{
    const mlpc_input x = {.rows = rows, .n = BATCH};
    for (size_t i = 0; i < rounds; i++)
        check(mlpc_forward(&w->model, w->workspace, &x, NULL));
    w->result = w->model.kernels->sum(w->workspace->z[LAYERS - 1], BATCH * OUTPUTS);
}

/* Zeros would be skipped. */
static void forward(work *w, size_t rounds) { forward_of(w, w->dense, rounds); }

static void predict(work *w, const void *rows, size_t n, size_t rounds)
{
    const mlpc_input x = {.rows = rows, .n = n};
    for (size_t i = 0; i < rounds; i++)
        check(mlpc_predictor_run(w->predictor, w->for_inference, MLPC_OUTPUT_logits, w->z, &x, NULL));
    w->result = w->model.kernels->sum(w->z, n * OUTPUTS);
}

static void predict_one(work *w, size_t rounds) { predict(w, w->x, 1, rounds); }

static void predict_batch(work *w, size_t rounds) { predict(w, w->dense, BATCH, rounds); }

static mlpc_objective objective_of(const work *w, size_t n)
{
    return (mlpc_objective){loss, {.n = n, .O = OUTPUTS, .labels = w->labels}};
}

static void loss_and_backward(work *w, size_t rounds)
{
    const mlpc_objective objective = objective_of(w, BATCH);
    const mlpc_input x = {.rows = w->x, .n = BATCH};
    const mlpc_gradients gradients = {.parameters = w->gradients};
    forward_of(w, w->x, 1);
    for (size_t i = 0; i < rounds; i++) {
        check(mlpc_loss_evaluate(&objective, w->model.kernels, w->workspace->z[LAYERS - 1], &w->result, w->z,
                                 w->workspace->row_loss, NULL));
        check(mlpc_backward(&w->model, w->workspace, &x, w->z, &gradients, NULL));
    }
}

/* The one place that knows how the core is asked for training. */
static void train(work *w, const mlpc_optimizer *optimizer, double lr, size_t epochs)
{
    mlpc_samples *samples;
    mlpc_trainer *trainer;
    double *const rates = constant_rates((ROWS + BATCH - 1) / BATCH, lr);
    const mlpc_input input = {.rows = w->x, .n = ROWS};
    check(mlpc_samples_create(&samples, w->model.kernels, &input, INPUTS, MLPC_ZEROS_CHOOSE, 1, NULL));
    const mlpc_training training = {
        .samples = samples,
        .objective = objective_of(w, ROWS),
        .optimizer = *optimizer,
        .batch_size = BATCH,
        .threads = 1,
        .shuffle = 1,
        .seed = 4,
    };
    check(mlpc_trainer_create(&trainer, &w->model, &training));
    for (size_t i = 0; i < epochs; i++) {
        const mlpc_epoch epoch = {.number = (uint32_t)i, .rates = rates};
        mlpc_epoch_result result;
        check(mlpc_train_epoch(&w->model, &training, trainer, &epoch, &result, NULL));
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
