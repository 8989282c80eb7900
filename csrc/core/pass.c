/* Forward and backward passes: the order of kernels, and pieces small enough to be interrupted between them. */
#include "fpmode.h"
#include "mlpc.h"
#include "progress.h"

/* An element of an activation costs as much as this many terms of a product, about, the dearest of them. */
#define ACTIVATION_TERMS 64

/* How many of `count` things, of a * b terms each, make a piece of work: at least one. */
static size_t piece_of(const mlpc_kernels *kernels, size_t count, size_t a, size_t b)
{
    const size_t fit = kernels->piece / a / b;
    return fit == 0 ? 1 : fit < count ? fit : count;
}

static const void *at(const void *p, size_t elements, size_t size) { return (const char *)p + elements * size; }
static void *at_mutable(void *p, size_t elements, size_t size) { return (char *)p + elements * size; }

static MLPC_NOINLINE mlpc_status forward(const mlpc_net *net, const mlpc_kernels *kernels, const void *parameters,
                                         mlpc_workspace *workspace, const void *x, size_t B, const mlpc_poll *poll)
{
    const size_t size = kernels->itemsize;
    for (size_t l = 0; l < net->n_layers; l++) {
        const mlpc_layer *layer = &net->layers[l];
        const size_t I = layer->n_in, O = layer->n_out, rows = piece_of(kernels, B, I, O);
        for (size_t b = 0; b < B; b += rows) {
            if (mlpc_stopped(poll, 0))
                return MLPC_ERROR_INTERRUPTED;
            kernels->linear_forward(at_mutable(workspace->z[l], b * O, size), at(x, b * I, size),
                                    at(parameters, layer->weight, size), at(parameters, layer->bias, size),
                                    B - b < rows ? B - b : rows, I, O);
        }
        const size_t elements = layer->activation == MLPC_ACTIVATION_identity ? 0 : B * O;
        const size_t part = piece_of(kernels, elements, ACTIVATION_TERMS, 1);
        for (size_t i = 0; i < elements; i += part) {
            if (mlpc_stopped(poll, 0))
                return MLPC_ERROR_INTERRUPTED;
            kernels->activation_forward[layer->activation](at_mutable(workspace->a[l], i, size),
                                                           at(workspace->z[l], i, size),
                                                           elements - i < part ? elements - i : part);
        }
        x = workspace->a[l];
    }
    return MLPC_OK;
}

mlpc_status mlpc_forward(const mlpc_net *net, const mlpc_kernels *kernels, const void *parameters,
                         mlpc_workspace *workspace, const void *x, size_t B, const mlpc_poll *poll)
{
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    const mlpc_status status = forward(net, kernels, parameters, workspace, x, B, poll);
    mlpc_fpmode_leave(mode);
    return status;
}

/* dw and db of one layer, into the gradients or added to them; dw in pieces of whole rows, one input each. */
static mlpc_status layer_gradients(const mlpc_layer *layer, const mlpc_kernels *kernels, void *gradients,
                                   mlpc_workspace *workspace, const void *x, const void *dz, size_t B, int accumulate,
                                   const mlpc_poll *poll)
{
    const size_t size = kernels->itemsize, I = layer->n_in, O = layer->n_out;
    size_t rows = B ? piece_of(kernels, I, B, O) : I;
    if (accumulate && rows > workspace->scratch_size / O)
        rows = workspace->scratch_size / O;
    for (size_t i = 0; i < I; i += rows) {
        if (mlpc_stopped(poll, 0))
            return MLPC_ERROR_INTERRUPTED;
        const size_t n = I - i < rows ? I - i : rows;
        void *dw = at_mutable(gradients, layer->weight + i * O, size);
        kernels->linear_backward_w(accumulate ? workspace->scratch : dw, at(x, i, size), I, dz, B, n, O);
        if (accumulate)
            kernels->add(dw, workspace->scratch, n * O);
    }
    void *db = at_mutable(gradients, layer->bias, size);
    kernels->linear_backward_b(accumulate ? workspace->scratch : db, dz, O, B, O);
    if (accumulate)
        kernels->add(db, workspace->scratch, O);
    return MLPC_OK;
}

static mlpc_status input_gradients(const mlpc_layer *layer, const mlpc_kernels *kernels, const void *parameters,
                                   void *dx, const void *dz, size_t B, const mlpc_poll *poll)
{
    const size_t size = kernels->itemsize, I = layer->n_in, O = layer->n_out, rows = piece_of(kernels, B, I, O);
    for (size_t b = 0; b < B; b += rows) {
        if (mlpc_stopped(poll, 0))
            return MLPC_ERROR_INTERRUPTED;
        kernels->linear_backward_x(at_mutable(dx, b * I, size), at(dz, b * O, size),
                                   at(parameters, layer->weight, size), B - b < rows ? B - b : rows, I, O);
    }
    return MLPC_OK;
}

/* da, n elements, becomes dz of the layer before. */
static mlpc_status activation_gradients(const mlpc_layer *layer, const mlpc_kernels *kernels, void *da, const void *z,
                                        const void *a, size_t n, const mlpc_poll *poll)
{
    const size_t size = kernels->itemsize, part = piece_of(kernels, n, ACTIVATION_TERMS, 1);
    if (layer->activation == MLPC_ACTIVATION_identity)
        return MLPC_OK;
    for (size_t i = 0; i < n; i += part) {
        if (mlpc_stopped(poll, 0))
            return MLPC_ERROR_INTERRUPTED;
        void *const here = at_mutable(da, i, size);
        kernels->activation_backward[layer->activation](here, here, at(z, i, size), at(a, i, size),
                                                        n - i < part ? n - i : part);
    }
    return MLPC_OK;
}

static MLPC_NOINLINE mlpc_status backward(const mlpc_net *net, const mlpc_kernels *kernels, const void *parameters,
                                          void *gradients, mlpc_workspace *workspace, const void *x, const void *dz,
                                          void *dx, size_t B, int accumulate, const mlpc_poll *poll)
{
    for (size_t l = net->n_layers; l-- > 0;) {
        const mlpc_layer *layer = &net->layers[l];
        const void *input = l ? workspace->a[l - 1] : x;
        mlpc_status status =
            layer_gradients(layer, kernels, gradients, workspace, input, dz, B, accumulate, poll);
        void *d_input = l ? workspace->dz[l % 2] : dx;
        if (status == MLPC_OK && d_input)
            status = input_gradients(layer, kernels, parameters, d_input, dz, B, poll);
        if (status == MLPC_OK && l)
            status = activation_gradients(layer - 1, kernels, d_input, workspace->z[l - 1], workspace->a[l - 1],
                                          B * layer->n_in, poll);
        if (status != MLPC_OK)
            return status;
        dz = d_input;
    }
    return MLPC_OK;
}

mlpc_status mlpc_backward(const mlpc_net *net, const mlpc_kernels *kernels, const void *parameters, void *gradients,
                          mlpc_workspace *workspace, const void *x, const void *dz, void *dx, size_t B, int accumulate,
                          const mlpc_poll *poll)
{
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    const mlpc_status status =
        backward(net, kernels, parameters, gradients, workspace, x, dz, dx, B, accumulate, poll);
    mlpc_fpmode_leave(mode);
    return status;
}

mlpc_status mlpc_predict(const mlpc_net *net, const mlpc_kernels *kernels, const void *parameters,
                         mlpc_workspace *workspace, void *z, const void *x, size_t n, const mlpc_poll *poll)
{
    const size_t size = kernels->itemsize, I = net->layers[0].n_in, last = net->n_layers - 1;
    const size_t O = net->layers[last].n_out;
    void *const kept = workspace->z[last];
    mlpc_status status = MLPC_OK;
    mlpc_progress progress = {poll, 0};
    const mlpc_poll part = {mlpc_progress_ask, &progress};
    for (size_t i = 0; i < n && status == MLPC_OK; i += workspace->batch) {
        progress.rows = i;
        /* The last layer's output goes straight to its place. */
        workspace->z[last] = workspace->a[last] = at_mutable(z, i * O, size);
        status = mlpc_forward(net, kernels, parameters, workspace, at(x, i * I, size),
                              n - i < workspace->batch ? n - i : workspace->batch, &part);
    }
    workspace->z[last] = workspace->a[last] = kept;
    return status;
}
