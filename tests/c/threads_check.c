/* What threads share in a call of the core, to be run under ThreadSanitizer: training, passes, answers, and the wish to
 * stop.
 *
 *     threads_check ISA THREADS
 *
 * prints a number for each piece of work, which depends on every bit of its results and on nothing else.  Exits with 4
 * where so many threads cannot be had, with 5 where an epoch that was stopped left what no whole batches make, with 6
 * where none was stopped between batches, and with 7 where finite numbers are said not to be. */
#include <string.h>

#include "../../csrc/core/rows.h"
#include "../../csrc/core/team.h"
#include "core.h"

enum { INPUTS = 40, OUTPUTS = 5, LAYERS = 3, ROWS = 3500, BATCH = 512 };
enum { FEW_ROWS = 5, FEW = 2 }; /* in batches of so few; and wide layers with them */
enum { LARGE = 1024 };          /* a batch of which strips are copied side by side, where a layer has many */
enum { MANY = 40000 };          /* rows at which three threads look together */
static const size_t narrow[LAYERS + 1] = {INPUTS, 30, 17, OUTPUTS}, wide[LAYERS + 1] = {INPUTS, 450, 450, OUTPUTS};
static const size_t strips[LAYERS + 1] = {INPUTS, 320, 60, OUTPUTS}, thin[LAYERS + 1] = {INPUTS, 2, 2, OUTPUTS};
static const mlpc_loss loss = {.kind = MLPC_LOSS_cross_entropy, .mean = 1};

typedef struct {
    mlpc_model model;
    size_t rows, batch, threads;
    float *gradients, *state[MLPC_MAX_STATES], *x, *z, *dx;
    uint8_t *bytes;
    double *row_loss, noise;
    int64_t *labels;
} work;

static void plan(work *w, const size_t sizes[LAYERS + 1], const mlpc_block hidden[LAYERS - 1], double input_dropout)
{
    mlpc_net *net;
    check(mlpc_net_create(&net, MLPC_FLOAT32, LAYERS, sizes, hidden));
    net->input_dropout = input_dropout;
    w->model.net = net;
    w->model.parameters = allocate(net->n_parameters, sizeof(float));
    w->model.statistics = net->n_statistics ? allocate(net->n_statistics, sizeof(float)) : NULL;
    w->gradients = allocate(net->n_parameters, sizeof(float));
    for (size_t i = 0; i < MLPC_MAX_STATES; i++)
        w->state[i] = allocate(net->n_parameters, sizeof(float));
}

static void prepare(work *w)
{
    plan(w, narrow, (mlpc_block[]){{.activation = MLPC_ACTIVATION_relu}, {.activation = MLPC_ACTIVATION_tanh}}, 0);
    w->x = allocate(MANY * INPUTS, sizeof(float));
    w->bytes = allocate(ROWS * INPUTS, 1);
    w->dx = allocate(ROWS * INPUTS, sizeof(float));
    w->z = allocate(ROWS * OUTPUTS, sizeof(float));
    w->row_loss = allocate(ROWS, sizeof(double));
    w->labels = allocate(MANY, sizeof(int64_t));
    for (size_t i = 0; i < MANY * INPUTS; i++) {
        const double u = mlpc_random_uniform(2, MLPC_STREAM_INIT, 0, i);
        put(w->x, MLPC_FLOAT32, i, u < 0.7 ? 0 : u);
        if (i < ROWS * INPUTS)
            w->bytes[i] = (uint8_t)(u < 0.7 ? 0 : 255 * u);
    }
    for (size_t i = 0; i < MANY; i++)
        w->labels[i] = (int64_t)(mlpc_random_bits(3, MLPC_STREAM_INIT, 0, i) % OUTPUTS);
}

/* Every training begins with the same parameters, and an optimizer that has taken no step. */
static void begin(work *w)
{
    const mlpc_kernels *doubles = mlpc_kernels_for(MLPC_ISA_reference, MLPC_FLOAT64);
    check(mlpc_initialize(w->model.net, doubles, w->model.parameters, MLPC_INIT_torch, 1, NULL));
    for (size_t i = 0; i < MLPC_MAX_STATES; i++)
        memset(w->state[i], 0, w->model.net->n_parameters * sizeof(float));
    if (w->model.statistics)
        mlpc_net_start_statistics(w->model.net, w->model.statistics);
}

/* FNV-1a of the bytes. */
static void print(const char *name, const void *bytes, size_t n)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
    printf("%s %016llx\n", name, (unsigned long long)hash);
}

static mlpc_objective objective_of(const work *w)
{
    return (mlpc_objective){loss, {.n = w->rows, .O = OUTPUTS, .labels = w->labels}};
}

static void train(work *w, const char *name, const mlpc_optimizer *optimizer, mlpc_zeros zeros, int keeps)
{
    const mlpc_input input = {.rows = w->x, .n = w->rows};
    mlpc_samples *samples;
    mlpc_trainer *trainer;
    mlpc_epoch_result result;
    double *const rates = constant_rates(ROWS, optimizer->steps ? 0.001 : 0.1);
    begin(w);
    check(mlpc_samples_create(&samples, w->model.kernels, &input, INPUTS, zeros, w->threads, NULL));
    const mlpc_training training = {
        .samples = samples,
        .objective = objective_of(w),
        .optimizer = *optimizer,
        .batch_size = keeps ? w->rows : w->batch,
        .threads = w->threads,
        .shuffle = 1,
        .seed = 4,
        .noise = w->noise,
    };
    check(mlpc_trainer_create(&trainer, &w->model, &training));
    for (uint32_t i = 0; i < 2; i++) {
        const mlpc_epoch epoch = {.number = i, .rates = rates, .gradients = keeps ? w->gradients : NULL};
        check(mlpc_train_epoch(&w->model, &training, trainer, &epoch, &result, NULL));
    }
    mlpc_trainer_free(trainer);
    mlpc_samples_free(samples);
    free(rates);
    print(name, w->model.parameters, w->model.net->n_parameters * sizeof(float));
    if (w->model.statistics)
        print("running statistics", w->model.statistics, w->model.net->n_statistics * sizeof(float));
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

/* Each norm behind each hidden layer, with dropout, whose zeros are skipped, and with noise, which leaves none. */
static void norms(const work *of)
{
    const mlpc_norm norm[][LAYERS - 1] = {{MLPC_NORM_batch, MLPC_NORM_layer}, {MLPC_NORM_layer, MLPC_NORM_batch}};
    const mlpc_optimizer plain = sgd();
    for (size_t i = 0; i < 2; i++) {
        work w = *of;
        plan(&w, narrow,
             (mlpc_block[]){{.activation = MLPC_ACTIVATION_relu, .norm = norm[i][0], .dropout = 0.3},
                            {.activation = MLPC_ACTIVATION_identity, .norm = norm[i][1]}},
             0.2);
        train(&w, "norms and dropout", &plain, MLPC_ZEROS_SKIP, 0);
        w.noise = 0.1;
        train(&w, "with noise", &plain, MLPC_ZEROS_SKIP, 0);
        train(&w, "gradients kept", &plain, MLPC_ZEROS_SKIP, 1);
    }
}

/* Few rows, whose products behind the first are shared out by units, on both sides of batch norm. */
static void few_rows(const work *of)
{
    const mlpc_optimizer plain = sgd();
    work w = *of;
    w.rows = FEW_ROWS;
    w.batch = FEW;
    plan(&w, wide,
         (mlpc_block[]){{.activation = MLPC_ACTIVATION_relu, .norm = MLPC_NORM_layer, .dropout = 0.3},
                        {.activation = MLPC_ACTIVATION_relu, .norm = MLPC_NORM_batch}},
         0);
    train(&w, "few rows", &plain, MLPC_ZEROS_MULTIPLY, 0);
}

/* Strips that are copied; and as many rows as threads list, and look at, together. */
static void large(const work *of)
{
    const mlpc_optimizer plain = sgd();
    const mlpc_block hidden[] = {{.activation = MLPC_ACTIVATION_relu}, {.activation = MLPC_ACTIVATION_relu}};
    work w = *of;
    w.rows = w.batch = LARGE;
    plan(&w, strips, hidden, 0);
    train(&w, "a large batch", &plain, MLPC_ZEROS_MULTIPLY, 0);
    w.rows = MANY;
    plan(&w, thin, hidden, 0);
    train(&w, "many rows", &plain, MLPC_ZEROS_SKIP, 0);
    const int finite = mlpc_all_finite(w.model.kernels, w.x, MANY * INPUTS, w.threads);
    if (!finite)
        exit(7);
}

static void passes(work *w)
{
    const mlpc_input x = {.rows = w->x, .n = ROWS};
    const mlpc_objective objective = objective_of(w);
    mlpc_workspace *all, *some;
    mlpc_predictor *predictor;
    double value;
    mlpc_evaluation evaluation;
    begin(w);
    check(mlpc_workspace_create(&all, w->model.net, ROWS, w->threads));
    check(mlpc_workspace_create_for_inference(&some, w->model.net, 100 * w->threads, w->threads));
    check(mlpc_predictor_create(&predictor, &w->model, loss.kind));
    check(mlpc_forward(&w->model, all, &x, NULL));
    check(mlpc_loss_evaluate(&objective, w->model.kernels, all->z[LAYERS - 1], &value, w->z, all->row_loss, NULL));
    for (int accumulate = 0; accumulate < 2; accumulate++) {
        const mlpc_gradients gradients = {w->gradients, accumulate, w->dx};
        check(mlpc_backward(&w->model, all, &x, w->z, &gradients, NULL));
    }
    print("gradients", w->gradients, w->model.net->n_parameters * sizeof(float));
    print("gradients of x", w->dx, ROWS * INPUTS * sizeof(float));
    check(mlpc_predict(&w->model, some, MLPC_OUTPUT_probabilities, loss.kind, w->z, &x, NULL));
    print("probabilities", w->z, ROWS * OUTPUTS * sizeof(float));
    const mlpc_input bytes = {.rows = w->bytes, .n = ROWS, .bytes = 1, .scale = 1.0 / 255};
    check(mlpc_predict(&w->model, some, MLPC_OUTPUT_logits, loss.kind, w->z, &bytes, NULL));
    print("logits of bytes", w->z, ROWS * OUTPUTS * sizeof(float));
    check(mlpc_predictor_run(predictor, some, MLPC_OUTPUT_logits, w->z, &bytes, NULL));
    print("a predictor's", w->z, ROWS * OUTPUTS * sizeof(float));
    check(mlpc_evaluate(&w->model, some, &objective, &x, &evaluation, w->row_loss, NULL));
    print("losses", w->row_loss, ROWS * sizeof(double));
    print("right", &evaluation.accuracy, sizeof evaluation.accuracy);
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
    const mlpc_input x = {.rows = w->x, .n = ROWS};
    const mlpc_gradients gradients = {.parameters = w->gradients, .x = w->dx};
    mlpc_workspace *all;
    check(mlpc_workspace_create(&all, w->model.net, ROWS, w->threads));
    for (int back = 0; back < 2; back++)
        for (size_t question = 1, ended = 0; !ended; question++) {
            size_t left = question;
            const mlpc_poll poll = {stop_at, &left};
            const mlpc_status status = back ? mlpc_backward(&w->model, all, &x, w->z, &gradients, &poll)
                                            : mlpc_forward(&w->model, all, &x, &poll);
            ended = status == MLPC_OK;
            if (!ended && status != MLPC_ERROR_INTERRUPTED)
                check(status);
        }
    mlpc_workspace_free(all);
}

/* An epoch of so many rows in their order, from the first parameters on; how many batches it did. */
static mlpc_status epoch_of(work *w, size_t rows, const mlpc_poll *poll, size_t *batches)
{
    const mlpc_input input = {.rows = w->x, .n = rows};
    double *const rates = constant_rates(ROWS, 0.1);
    mlpc_samples *samples;
    mlpc_trainer *trainer;
    mlpc_epoch_result result;
    begin(w);
    check(mlpc_samples_create(&samples, w->model.kernels, &input, INPUTS, MLPC_ZEROS_MULTIPLY, w->threads, NULL));
    const mlpc_training training = {
        .samples = samples,
        .objective = {loss, {.n = rows, .O = OUTPUTS, .labels = w->labels}},
        .optimizer = sgd(),
        .batch_size = w->batch,
        .threads = w->threads,
    };
    const mlpc_epoch epoch = {.rates = rates};
    check(mlpc_trainer_create(&trainer, &w->model, &training));
    const mlpc_status status = mlpc_train_epoch(&w->model, &training, trainer, &epoch, &result, poll);
    *batches = result.batches;
    mlpc_trainer_free(trainer);
    mlpc_samples_free(samples);
    free(rates);
    return status;
}

/* Epochs, stopped at each question that they ask: each leaves what whole batches of it had made. */
static void stopped_epochs(const work *of, const char *name, const size_t sizes[LAYERS + 1], size_t batch,
                           size_t batches)
{
    const mlpc_block hidden[] = {{.activation = MLPC_ACTIVATION_relu}, {.activation = MLPC_ACTIVATION_tanh}};
    work w = *of;
    w.batch = batch;
    plan(&w, sizes, hidden, 0);
    const size_t n = w.model.net->n_parameters;
    float *const after = allocate((batches + 1) * n, sizeof(float));
    size_t done, stopped = 0;
    for (size_t b = 0; b <= batches; b++) {
        if (b)
            check(epoch_of(&w, b * batch, NULL, &done));
        else
            begin(&w);
        memcpy(after + b * n, w.model.parameters, n * sizeof(float));
    }
    for (size_t question = 1, ended = 0; !ended; question++) {
        size_t left = question;
        const mlpc_poll poll = {stop_at, &left};
        const mlpc_status status = epoch_of(&w, batches * batch, &poll, &done);
        ended = status == MLPC_OK;
        if (!ended && status != MLPC_ERROR_INTERRUPTED)
            check(status);
        if (done > batches || (ended && done < batches) ||
            memcmp(w.model.parameters, after + done * n, n * sizeof(float)))
            exit(5);
        stopped += done > 0 && done < batches;
    }
    if (!stopped)
        exit(6);
    print(name, after, (batches + 1) * n * sizeof(float));
}

static void nothing(void *context, mlpc_team *team, size_t rank, size_t size)
{
    (void)context, (void)team, (void)rank, (void)size;
}

int main(int argc, char **argv)
{
    work w = {.rows = ROWS, .batch = BATCH};
    if (argc != 3)
        return 3;
    for (mlpc_isa isa = 0; isa < MLPC_N_ISAS; isa++)
        if (!strcmp(mlpc_isa_name(isa), argv[1]))
            w.model.kernels = mlpc_kernels_for(isa, MLPC_FLOAT32);
    w.threads = strtoul(argv[2], NULL, 10);
    if (!w.model.kernels || !w.threads)
        return 3;
    prepare(&w);
    mlpc_team_give_way(0); /* to what else runs here: all ranks are wanted */
    if (mlpc_team_run(w.threads, nothing, NULL) != w.threads ||
        mlpc_useful_threads(w.model.net, w.model.kernels, ROWS, w.threads) != w.threads)
        return 4;
    trainings(&w);
    norms(&w);
    few_rows(&w);
    large(&w);
    passes(&w);
    stops(&w);
    stopped_epochs(&w, "stopped", narrow, BATCH, 4);
    stopped_epochs(&w, "stopped by units", wide, FEW, 6);
    return 0;
}
