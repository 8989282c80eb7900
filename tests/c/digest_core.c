/* Digests of the core but for training: initial values, learning rates, shuffles, and what networks infer. */
#include <string.h>

#include "digest.h"

static void run_numbers(const bench *b)
{
    const mlpc_dtype dtype = b->dtype;
    const size_t widths[] = {19, 23, 23, 5};
    const mlpc_block hidden[] = {{.activation = MLPC_ACTIVATION_tanh}, {.activation = MLPC_ACTIVATION_tanh}};
    mlpc_net *net;
    check(mlpc_net_create(&net, dtype, 3, widths, hidden));
    void *parameters = allocate(net->n_parameters, sizeof(double));
    start();
    for (int init = 0; init < MLPC_N_INITS; init++) {
        foreign_mode();
        check(mlpc_initialize(net, b->doubles, parameters, (mlpc_init)init, 1, NULL));
        own_mode();
        add_reals(dtype, parameters, net->n_parameters);
    }
    finish("initial_values", "", dtype);
    free(parameters);
    mlpc_net_free(net);

    start();
    static const struct {
        const char *name;
        double settings[MLPC_MAX_SETTINGS];
    } schedules[] = {{"constant", {0}},
                     {"step", {2.5, 0.7}},
                     {"cosine", {20, 1e-4}},
                     {"exponential", {0.7}},
                     {"polynomial", {20, 1.7, 1e-4}},
                     {"one_cycle", {20, 0.3, 25, 1e4}}};
    for (size_t i = 0; i < COUNT(schedules); i++) {
        if (i == 3) {
            finish("learning_rates", "", dtype);
            start();
        }
        for (int warmup = 0; warmup < 3; warmup++) {
            mlpc_schedule s = {mlpc_schedule_named(schedules[i].name), 0.3, warmup, {0}};
            memcpy(s.settings, schedules[i].settings, sizeof s.settings);
            for (double t = 0; t < 24; t += 0.15625) {
                foreign_mode();
                const double lr = mlpc_learning_rate(&s, t);
                own_mode();
                add_doubles(&lr, 1);
            }
        }
    }
    finish("learning_rates", "_of_more", dtype);

    size_t order[1021];
    start();
    for (size_t i = 0; i < COUNT(sizes); i++) {
        check(mlpc_shuffle(order, sizes[i], 5, (uint32_t)i, NULL));
        for (size_t j = 0; j < sizes[i]; j++)
            add_bits(order[j], 8);
    }
    finish("shuffles", "", dtype);
}

/* A layer without bias, from tiny inputs: what comes out is subnormal. */
static void run_subnormal(const bench *b)
{
    const mlpc_kernels *const k = b->k;
    const mlpc_dtype dtype = b->dtype;
    const size_t widths[] = {31, 17};
    mlpc_net *net;
    mlpc_workspace *workspace;
    check(mlpc_net_create(&net, dtype, 1, widths, NULL));
    check(mlpc_workspace_create(&workspace, net, 9, 1));
    void *parameters = allocate(net->n_parameters, k->itemsize);
    void *x = allocate(20 * 31, k->itemsize), *z = allocate(20 * 17, k->itemsize);
    const mlpc_model model = {net, k, parameters, NULL};
    const mlpc_input input = {.rows = x, .n = 20};
    check(mlpc_initialize(net, b->doubles, parameters, MLPC_INIT_he, 1, NULL));
    fill(dtype, x, 20 * 31, TINY, 0);
    foreign_mode();
    check(mlpc_predict(&model, workspace, MLPC_OUTPUT_logits, MLPC_LOSS_mse, z, &input, NULL));
    own_mode();
    start();
    add_reals(dtype, z, 20 * 17);
    finish("predict_subnormal", "", dtype);
    free(parameters);
    free(x);
    free(z);
    mlpc_workspace_free(workspace);
    mlpc_net_free(net);
}

/* What inference gives for rows of bytes, most of them 0, and the same as numbers; one, few and many at a time. */
static void run_inference(const bench *b)
{
    const mlpc_kernels *const k = b->k;
    const mlpc_dtype dtype = b->dtype;
    enum { N = 90, IN = 310, OUT = 5 };
    const size_t widths[] = {IN, 29, OUT};
    const mlpc_block hidden[] = {{.activation = MLPC_ACTIVATION_relu}};
    mlpc_net *net;
    mlpc_workspace *workspace, *for_inference;
    mlpc_predictor *predictor;
    check(mlpc_net_create(&net, dtype, 2, widths, hidden));
    check(mlpc_workspace_create(&workspace, net, 64, 1));
    check(mlpc_workspace_create_for_inference(&for_inference, net, 64, 1));
    void *parameters = allocate(net->n_parameters, k->itemsize), *x = allocate(N * IN, k->itemsize);
    const mlpc_model model = {net, k, parameters, NULL};
    void *to = allocate(N * OUT, sizeof(double));
    uint8_t *bytes = allocate(N * IN, 1);
    check(mlpc_initialize(net, b->doubles, parameters, MLPC_INIT_he, 1, NULL));
    check(mlpc_predictor_create(&predictor, &model, MLPC_LOSS_mse));
    for (size_t i = 0; i < N * IN; i++) {
        const uint64_t bits = mlpc_random_bits(20, MLPC_STREAM_DROPOUT, 6, i);
        bytes[i] = bits % 4 ? 0 : (uint8_t)(bits >> 8);
    }
    k->from_bytes(x, bytes, 1.0 / 255, N * IN);

    const mlpc_input inputs[] = {{.rows = x, .n = N}, {.rows = bytes, .n = N, .bytes = 1, .scale = 1.0 / 255}};
    static const size_t counts[] = {1, 2, 9, N};
    start();
    for (size_t i = 0; i < COUNT(inputs); i++)
        for (size_t n = 0; n < COUNT(counts); n++)
            for (int variant = 0; variant < 3; variant++) {
                mlpc_workspace *const memory = variant ? for_inference : workspace;
                mlpc_input input = inputs[i];
                input.n = counts[n];
                foreign_mode();
                if (variant == 2)
                    check(mlpc_predictor_run(predictor, memory, MLPC_OUTPUT_logits, to, &input, NULL));
                else
                    check(mlpc_predict(&model, memory, MLPC_OUTPUT_logits, MLPC_LOSS_mse, to, &input, NULL));
                own_mode();
                add_reals(dtype, to, counts[n] * OUT);
            }
    for (int loss = 0; loss <= MLPC_LOSS_cross_entropy; loss++) /* every link is among them */
        for (int output = 0; output < MLPC_N_OUTPUTS; output++) {
            const int integers = output == MLPC_OUTPUT_prediction &&
                                 (loss == MLPC_LOSS_cross_entropy || loss == MLPC_LOSS_bce_with_logits);
            const size_t count = integers && loss == MLPC_LOSS_cross_entropy ? N : N * OUT;
            foreign_mode();
            check(mlpc_predict(&model, workspace, (mlpc_output)output, (mlpc_loss_kind)loss, to, &inputs[1], NULL));
            own_mode();
            for (size_t j = 0; integers && j < count; j++)
                add_bits((uint64_t)((const int64_t *)to)[j], 8);
            if (!integers)
                add_reals(dtype, to, count);
        }
    finish("inference", "", dtype);
    free(parameters);
    free(x);
    free(to);
    free(bytes);
    mlpc_predictor_free(predictor);
    mlpc_workspace_free(for_inference);
    mlpc_workspace_free(workspace);
    mlpc_net_free(net);
}

void digest_core(const bench *b)
{
    run_numbers(b);
    run_subnormal(b);
    run_inference(b);
}
