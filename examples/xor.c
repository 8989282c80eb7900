/* Trains a small network on XOR and prints what it has learned.
 *
 *     cc xor.c $(pkg-config --cflags --libs mlpc) -o xor && ./xor
 */
#include <mlpc.h>

#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 4, INPUTS = 2, HIDDEN = 8, OUTPUTS = 1, EPOCHS = 1000 };

static void check(mlpc_status status)
{
    if (status != MLPC_OK) {
        fprintf(stderr, "xor: %s\n", mlpc_status_text(status));
        exit(EXIT_FAILURE);
    }
}

int main(void)
{
    const float x[ROWS][INPUTS] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
    const float y[ROWS][OUTPUTS] = {{0}, {1}, {1}, {0}};
    const mlpc_input input = {.rows = x, .n = ROWS};
    const double learning_rate = 0.5;
    const mlpc_kernels *kernels = mlpc_kernels_for(mlpc_isa_best(), MLPC_FLOAT32);

    /* A network is a plan; its parameters are an array of ours. */
    const size_t sizes[] = {INPUTS, HIDDEN, OUTPUTS};
    const mlpc_block hidden[] = {{.activation = MLPC_ACTIVATION_tanh}};
    mlpc_net *net;
    check(mlpc_net_create(&net, MLPC_FLOAT32, 2, sizes, hidden));
    float *parameters = malloc(net->n_parameters * sizeof *parameters);
    if (!parameters)
        check(MLPC_ERROR_MEMORY);
    const mlpc_model model = {net, kernels, parameters, NULL};
    const mlpc_kernels *doubles = mlpc_kernels_for(mlpc_isa_best(), MLPC_FLOAT64);
    check(mlpc_initialize(net, doubles, parameters, MLPC_INIT_torch, 0, NULL));

    /* An epoch is one call, here with all rows in one batch, on one thread. */
    mlpc_samples *samples;
    check(mlpc_samples_create(&samples, kernels, &input, INPUTS, MLPC_ZEROS_CHOOSE, 1, NULL));
    const mlpc_training training = {
        .samples = samples,
        .objective.loss = {.kind = MLPC_LOSS_bce_with_logits, .mean = 1},
        .objective.targets = {.n = ROWS, .O = OUTPUTS, .values = y},
        .optimizer = {.row = mlpc_optimizer_named("sgd")},
        .batch_size = ROWS,
        .threads = 1,
        .shuffle = 1,
    };
    mlpc_trainer *trainer;
    mlpc_epoch_result result = {0};
    check(mlpc_trainer_create(&trainer, &model, &training));
    for (uint32_t i = 0; i < EPOCHS; i++) {
        const mlpc_epoch epoch = {.number = i, .rates = &learning_rate};
        check(mlpc_train_epoch(&model, &training, trainer, &epoch, &result, NULL));
    }
    printf("loss %.4f after %d epochs\n", result.loss, EPOCHS);

    mlpc_workspace *workspace;
    float probabilities[ROWS][OUTPUTS];
    check(mlpc_workspace_create(&workspace, net, ROWS, 1));
    check(mlpc_predict(&model, workspace, MLPC_OUTPUT_probabilities, training.objective.loss.kind, probabilities,
                       &input, NULL));
    for (int i = 0; i < ROWS; i++)
        printf("%g xor %g is 1 with probability %.3f\n", x[i][0], x[i][1], probabilities[i][0]);

    mlpc_workspace_free(workspace);
    mlpc_trainer_free(trainer);
    mlpc_samples_free(samples);
    free(parameters);
    mlpc_net_free(net);
    return EXIT_SUCCESS;
}
