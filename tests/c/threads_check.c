/* What threads share in a call of the core, to be run under ThreadSanitizer: training, passes, answers, and the wish to
 * stop.
 *
 *     threads_check ISA THREADS
 *
 * prints a number for each piece of work, which depends on every bit of its results and on nothing else.  Exits with 4
 * where so many threads cannot be had. */
#include <string.h>

#include "../../csrc/core/team.h"
#include "core.h"

enum { INPUTS = 40, OUTPUTS = 5, LAYERS = 3, ROWS = 3500, BATCH = 512 };
static const size_t sizes[LAYERS + 1] = {INPUTS, 30, 17, OUTPUTS};
static const mlpc_loss loss = {.kind = MLPC_LOSS_cross_entropy, .mean = 1};

typedef struct {
    const mlpc_kernels *kernels;
    size_t threads;
    mlpc_net *net;
    float *parameters, *gradients, *state[MLPC_MAX_STATES], *x, *z, *dx;
    uint8_t *bytes;
    double *row_loss;
    int64_t *labels;
} work;

static void prepare(work *w)
{
    const mlpc_block hidden[LAYERS - 1] = {{.activation = MLPC_ACTIVATION_relu}, {.activation = MLPC_ACTIVATION_tanh}};
    check(mlpc_net_create(&w->net, MLPC_FLOAT32, LAYERS, sizes, hidden));
    w->parameters = allocate(w->net->n_parameters, sizeof(float));
    w->gradients = allocate(w->net->n_parameters, sizeof(float));
    for (size_t i = 0; i < MLPC_MAX_STATES; i++)
        w->state[i] = allocate(w->net->n_parameters, sizeof(float));
    w->x = allocate(ROWS * INPUTS, sizeof(float));
    w->bytes = allocate(ROWS * INPUTS, 1);
    w->dx = allocate(ROWS * INPUTS, sizeof(float));
    w->z = allocate(ROWS * OUTPUTS, sizeof(float));
    w->row_loss = allocate(ROWS, sizeof(double));
    w->labels = allocate(ROWS, sizeof(int64_t));
    for (size_t i = 0; i < ROWS * INPUTS; i++) {
        const double u = mlpc_random_uniform(2, MLPC_STREAM_INIT, 0, i);
        put(w->x, MLPC_FLOAT32, i, u < 0.7 ? 0 : u);
        w->bytes[i] = (uint8_t)(u < 0.7 ? 0 : 255 * u);
    }
    for (size_t i = 0; i < ROWS; i++)
        w->labels[i] = (int64_t)(mlpc_random_bits(3, MLPC_STREAM_INIT, 0, i) % OUTPUTS);
}

/* Every training begins with the same parameters, and an optimizer that has taken no step. */
static void begin(work *w)
{
    const mlpc_kernels *doubles = mlpc_kernels_for(MLPC_ISA_reference, MLPC_FLOAT64);
    check(mlpc_initialize(w->net, doubles, w->parameters, MLPC_INIT_torch, 1, NULL));
    for (size_t i = 0; i < MLPC_MAX_STATES; i++)
        memset(w->state[i], 0, w->net->n_parameters * sizeof(float));
}

/* FNV-1a of the bytes. */
static void print(const char *name, const void *bytes, size_t n)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
    printf("%s %016llx\n", name, (unsigned long long)hash);
}

static void train(work *w, const char *name, const mlpc_optimizer *optimizer, mlpc_zeros zeros, int keeps)
{
    const mlpc_input input = {.rows = w->x};
    const mlpc_targets targets = {.labels = w->labels};
    mlpc_samples *samples;
    mlpc_trainer *trainer;
    mlpc_epoch_result result;
    double *const rates = constant_rates(ROWS, optimizer->steps ? 0.001 : 0.1);
    begin(w);
    check(mlpc_samples_create(&samples, w->kernels, &input, ROWS, INPUTS, zeros, NULL));
    check(mlpc_trainer_create(&trainer, w->net, w->kernels, optimizer, samples, keeps ? ROWS : BATCH, w->threads));
    for (uint32_t i = 0; i < 2; i++) {
        const mlpc_epoch_settings settings = {.shuffle = 1, .seed = 4, .epoch = i, .rates = rates};
        check(mlpc_train_epoch(w->net, w->kernels, w->parameters, keeps ? w->gradients : NULL, trainer, optimizer,
                               &loss, samples, &targets, &settings, &result, NULL));
    }
    mlpc_trainer_free(trainer);
    mlpc_samples_free(samples);
    free(rates);
    print(name, w->parameters, w->net->n_parameters * sizeof(float));
}

static void trainings(work *w)
{
    double steps = 0;
    const mlpc_optimizer plain = sgd();
    const mlpc_optimizer with_means = adam(w->state[0], w->state[1], &steps);
    train(w, "sgd, zeros skipped", &plain, MLPC_ZEROS_SKIP, 0);
    train(w, "sgd, zeros multiplied", &plain, MLPC_ZEROS_MULTIPLY, 0);
    train(w, "adam, zeros skipped", &with_means, MLPC_ZEROS_SKIP, 0);
    train(w, "sgd, gradients kept", &plain, MLPC_ZEROS_SKIP, 1);
}

static void passes(work *w)
{
    const mlpc_input x = {.rows = w->x};
    const mlpc_targets targets = {.labels = w->labels};
    mlpc_workspace *all, *some;
    mlpc_predictor *predictor;
    double value, accuracy;
    begin(w);
    check(mlpc_workspace_create(&all, w->net, ROWS, w->threads));
    check(mlpc_workspace_create_for_inference(&some, w->net, 100 * w->threads, w->threads));
    check(mlpc_predictor_create(&predictor, w->net, w->kernels, w->parameters, loss.kind));
    check(mlpc_forward(w->net, w->kernels, w->parameters, all, &x, ROWS, NULL));
    check(mlpc_loss_evaluate(&loss, w->kernels, all->z[LAYERS - 1], &targets, ROWS, OUTPUTS, &value, w->z,
                             all->row_loss, NULL));
    for (int accumulate = 0; accumulate < 2; accumulate++)
        check(mlpc_backward(w->net, w->kernels, w->parameters, w->gradients, all, w->x, w->z, w->dx, ROWS, accumulate,
                            NULL));
    print("gradients", w->gradients, w->net->n_parameters * sizeof(float));
    print("gradients of x", w->dx, ROWS * INPUTS * sizeof(float));
    check(mlpc_predict(w->net, w->kernels, w->parameters, some, MLPC_OUTPUT_probabilities, loss.kind, w->z, &x, ROWS,
                       NULL));
    print("probabilities", w->z, ROWS * OUTPUTS * sizeof(float));
    const mlpc_input bytes = {.rows = w->bytes, .bytes = 1, .scale = 1.0 / 255};
    check(
        mlpc_predict(w->net, w->kernels, w->parameters, some, MLPC_OUTPUT_logits, loss.kind, w->z, &bytes, ROWS, NULL));
    print("logits of bytes", w->z, ROWS * OUTPUTS * sizeof(float));
    check(mlpc_predictor_run(predictor, some, MLPC_OUTPUT_logits, w->z, &bytes, ROWS, NULL));
    print("a predictor's", w->z, ROWS * OUTPUTS * sizeof(float));
    check(mlpc_evaluate(w->net, w->kernels, w->parameters, some, &loss, &x, &targets, ROWS, w->row_loss, &value,
                        &accuracy, NULL));
    print("losses", w->row_loss, ROWS * sizeof(double));
    print("right", &accuracy, sizeof accuracy);
    mlpc_predictor_free(predictor);
    mlpc_workspace_free(some);
    mlpc_workspace_free(all);
}

static int stop_at(void *left, size_t rows)
{
    (void)rows;
    return (*(size_t *)left)-- == 1;
}

/* Both passes, stopped at each question that they ask, until they ask no more. */
static void stops(work *w)
{
    const mlpc_input x = {.rows = w->x};
    mlpc_workspace *all;
    check(mlpc_workspace_create(&all, w->net, ROWS, w->threads));
    for (int back = 0; back < 2; back++)
        for (size_t question = 1, ended = 0; !ended; question++) {
            size_t left = question;
            const mlpc_poll poll = {stop_at, &left};
            const mlpc_status status = back ? mlpc_backward(w->net, w->kernels, w->parameters, w->gradients, all, w->x,
                                                            w->z, w->dx, ROWS, 0, &poll)
                                            : mlpc_forward(w->net, w->kernels, w->parameters, all, &x, ROWS, &poll);
            ended = status == MLPC_OK;
            if (!ended && status != MLPC_ERROR_INTERRUPTED)
                check(status);
        }
    mlpc_workspace_free(all);
}

static void nothing(void *context, mlpc_team *team, size_t rank, size_t size)
{
    (void)context, (void)team, (void)rank, (void)size;
}

int main(int argc, char **argv)
{
    work w = {0};
    if (argc != 3)
        return 3;
    for (mlpc_isa isa = 0; isa < MLPC_N_ISAS; isa++)
        if (!strcmp(mlpc_isa_name(isa), argv[1]))
            w.kernels = mlpc_kernels_for(isa, MLPC_FLOAT32);
    w.threads = strtoul(argv[2], NULL, 10);
    if (!w.kernels || !w.threads)
        return 3;
    prepare(&w);
    mlpc_team_give_way(0); /* to what else runs here: all ranks are wanted */
    if (mlpc_team_run(w.threads, nothing, NULL) != w.threads ||
        mlpc_useful_threads(w.net, w.kernels, ROWS, w.threads) != w.threads)
        return 4;
    trainings(&w);
    passes(&w);
    stops(&w);
    return 0;
}
