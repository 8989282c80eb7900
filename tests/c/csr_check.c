/* Rows in CSR through the header alone: the bits of the same rows with their zeros, in training, prediction and
 * evaluation; and which indices are canonical.  Prints what is WRONG. */
#include <string.h>

#include "core.h"

enum { N = 150, I = 400, H = 20, O = 3, EPOCHS = 2, BATCH = 32 };

typedef struct {
    float numbers[N * I], value[N * I];
    int32_t indices[N * I];
    int64_t indptr[N + 1];
    int64_t labels[N];
} data;

/* Many zeros, -0 among them; of the values few are different, or many. */
static void make(data *d, int few)
{
    int64_t n = 0;
    for (size_t i = 0; i < N * I; i++) {
        const double x = mlpc_random_normal(7, MLPC_STREAM_INIT, (uint32_t)few, i);
        const int kept = mlpc_random_uniform(7, MLPC_STREAM_INIT, 9, i) < 0.05;
        d->numbers[i] = !kept ? (i % 2 ? -0.0f : 0.0f) : few ? (float)(1 + i % 5) : (float)x;
        if (i % I == 0)
            d->indptr[i / I] = n;
        if (!kept)
            continue;
        d->indices[n] = (int32_t)(i % I);
        d->value[n++] = d->numbers[i];
    }
    d->indptr[N] = n;
    for (int64_t r = 0; r < N; r++)
        d->labels[r] = r * 7 % O;
}

typedef struct {
    float *parameters, probabilities[N * O];
    mlpc_evaluation evaluation;
} answers;

/* What a network learns from rows, and says of them then. */
static answers learn(const mlpc_net *net, const data *d, const mlpc_input *x, double clip)
{
    answers found = {.parameters = allocate(net->n_parameters, sizeof(float))};
    const mlpc_kernels *const kernels = mlpc_kernels_for(mlpc_isa_best(), MLPC_FLOAT32);
    const mlpc_kernels *const doubles = mlpc_kernels_for(mlpc_isa_best(), MLPC_FLOAT64);
    const mlpc_model model = {net, kernels, found.parameters, NULL};
    mlpc_samples *samples;
    mlpc_trainer *trainer;
    mlpc_workspace *workspace;
    double *const rates = constant_rates(N, 0.1), row_loss[N];
    check(mlpc_initialize(net, doubles, found.parameters, MLPC_INIT_torch, 3, NULL));
    check(mlpc_samples_create(&samples, kernels, x, I, MLPC_ZEROS_CHOOSE, 1, NULL));
    mlpc_training training = {
        .samples = samples,
        .objective = {{.kind = MLPC_LOSS_cross_entropy, .mean = 1}, {.n = N, .O = O, .labels = d->labels}},
        .optimizer = sgd(),
        .batch_size = BATCH,
        .threads = 2,
        .shuffle = 1,
    };
    training.optimizer.penalties.clip_norm = clip; /* which the plain path has */
    check(mlpc_trainer_create(&trainer, &model, &training));
    for (uint32_t e = 0; e < EPOCHS; e++) {
        mlpc_epoch_result result;
        check(mlpc_train_epoch(&model, &training, trainer, &(mlpc_epoch){.number = e, .rates = rates}, &result, NULL));
    }
    check(mlpc_workspace_create_for_inference(&workspace, net, 64, 2));
    check(mlpc_predict(&model, workspace, MLPC_OUTPUT_probabilities, MLPC_LOSS_cross_entropy, found.probabilities, x,
                       NULL));
    check(mlpc_evaluate(&model, workspace, &training.objective, x, &found.evaluation, row_loss, NULL));
    mlpc_workspace_free(workspace);
    mlpc_trainer_free(trainer);
    mlpc_samples_free(samples);
    free(rates);
    return found;
}

static void compare(const mlpc_net *net, const data *d, int few, double clip)
{
    const mlpc_input numbers = {.rows = d->numbers, .n = N};
    const mlpc_input csr = {.rows = d->value, .n = N, .indptr = d->indptr, .indices = d->indices};
    answers one = learn(net, d, &numbers, clip), other = learn(net, d, &csr, clip);
    if (memcmp(one.parameters, other.parameters, net->n_parameters * sizeof(float)) != 0 ||
        memcmp(one.probabilities, other.probabilities, sizeof one.probabilities) != 0 ||
        one.evaluation.loss != other.evaluation.loss || one.evaluation.accuracy != other.evaluation.accuracy)
        printf("WRONG: other bits, with %s values, clipped to %g\n", few ? "few" : "many", clip);
    free(one.parameters);
    free(other.parameters);
}

static void expect(const int64_t indptr[3], const int32_t indices[3], int canonical, size_t row, size_t k)
{
    const mlpc_input x = {.n = 2, .indptr = indptr, .indices = indices};
    mlpc_bad_entry bad;
    const int found = mlpc_csr_is_canonical(&x, 4, 3, &bad);
    if (found != canonical || (!canonical && (bad.row != row || bad.k != k)))
        printf("WRONG: rows are called %d in row %zu at %zu\n", found, bad.row, bad.k);
}

static void rules(void)
{
    expect((int64_t[]){0, 2, 3}, (int32_t[]){1, 3, 0}, 1, 0, 0);
    expect((int64_t[]){1, 1, 3}, (int32_t[]){9, 0, 3}, 1, 0, 0);
    expect((int64_t[]){0, 2, 3}, (int32_t[]){1, 1, 0}, 0, 0, 1);
    expect((int64_t[]){0, 2, 3}, (int32_t[]){1, 0, 0}, 0, 0, 1);
    expect((int64_t[]){0, 1, 3}, (int32_t[]){1, 0, 4}, 0, 1, 2);
    expect((int64_t[]){0, 1, 3}, (int32_t[]){-1, 0, 1}, 0, 0, 0);
    expect((int64_t[]){0, 2, 1}, (int32_t[]){0, 1, 2}, 0, 1, SIZE_MAX);
    expect((int64_t[]){0, 2, 4}, (int32_t[]){0, 1, 2}, 0, 1, SIZE_MAX);
    expect((int64_t[]){-1, 2, 3}, (int32_t[]){0, 1, 2}, 0, 0, SIZE_MAX);
}

int main(void)
{
    mlpc_net *net;
    data *const d = allocate(1, sizeof *d);
    const mlpc_block block = mlpc_block_of(MLPC_ACTIVATION_tanh);
    check(mlpc_net_create(&net, MLPC_FLOAT32, 2, (size_t[]){I, H, O}, &block));
    for (int few = 0; few < 2; few++) {
        make(d, few);
        compare(net, d, few, 0);
        compare(net, d, few, 0.1);
    }
    rules();
    mlpc_net_free(net);
    free(d);
    return 0;
}
