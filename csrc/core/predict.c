/* Logits, predictions and probabilities for any number of rows. */
#include "fpmode.h"
#include "mlpc.h"
#include "progress.h"

/* Makes the output of B rows from their logits; where that has the size of logits, z is where it goes. */
static MLPC_NOINLINE void finish(const mlpc_kernels *kernels, mlpc_output output, mlpc_loss_kind loss, void *to, void *z,
                                 size_t B, size_t O)
{
    if (output == MLPC_OUTPUT_probabilities) {
        if (loss == MLPC_LOSS_bce_with_logits)
            kernels->activation_forward[MLPC_ACTIVATION_sigmoid](z, z, B * O);
        else
            kernels->rowwise[MLPC_ROWWISE_softmax](z, z, B, O);
    } else if (output == MLPC_OUTPUT_prediction && loss == MLPC_LOSS_poisson) {
        kernels->map[MLPC_MAP_exp](z, z, B * O);
    } else if (output == MLPC_OUTPUT_prediction && loss == MLPC_LOSS_bce_with_logits) {
        int64_t *positive = to;
        for (size_t i = 0; i < B * O; i++)
            positive[i] = kernels->dtype == MLPC_FLOAT32 ? ((const float *)z)[i] > 0 : ((const double *)z)[i] > 0;
    } else if (output == MLPC_OUTPUT_prediction && loss == MLPC_LOSS_cross_entropy) {
        mlpc_labels(kernels, to, z, B, O);
    }
}

mlpc_status mlpc_predict(const mlpc_net *net, const mlpc_kernels *kernels, const void *parameters,
                         mlpc_workspace *workspace, mlpc_output output, mlpc_loss_kind loss, void *to,
                         const mlpc_input *x, size_t n, mlpc_knowledge *knowledge, const mlpc_poll *poll)
{
    const size_t size = kernels->itemsize, I = net->layers[0].n_in, last = net->n_layers - 1;
    const size_t O = net->layers[last].n_out;
    const int integers = output == MLPC_OUTPUT_prediction &&
                         (loss == MLPC_LOSS_cross_entropy || loss == MLPC_LOSS_bce_with_logits);
    const size_t to_row = loss == MLPC_LOSS_cross_entropy ? 1 : O; /* of integers */
    void *const kept = workspace->z[last];
    mlpc_status status = MLPC_OK;
    mlpc_progress progress = {poll, 0};
    const mlpc_poll part = {mlpc_progress_ask, &progress};
    for (size_t i = 0; i < n && status == MLPC_OK; i += workspace->batch) {
        const size_t B = n - i < workspace->batch ? n - i : workspace->batch;
        const mlpc_input rows = mlpc_input_from(x, i, I, size);
        progress.rows = i;
        /* The last layer's output goes straight to its place, unless integers are made of it. */
        if (!integers)
            workspace->z[last] = workspace->a[last] = (char *)to + i * O * size;
        status = mlpc_forward(net, kernels, parameters, workspace, &rows, B, knowledge, poll ? &part : NULL);
        if (status == MLPC_OK) {
            const mlpc_fpmode mode = mlpc_fpmode_enter();
            finish(kernels, output, loss, integers ? (int64_t *)to + i * to_row : to, workspace->z[last], B, O);
            mlpc_fpmode_leave(mode);
        }
    }
    workspace->z[last] = workspace->a[last] = kept;
    return status;
}
