/* Forward and backward passes: the order of kernels, and pieces small enough to be interrupted between them. */
#include "fpmode.h"
#include "mlpc.h"
#include "progress.h"

/* An element of an activation costs as much as this many terms of a product, about, the dearest of them. */
#define ACTIVATION_TERMS 64

/* So few rows are computed one by one: 784-100 takes 3.3 us a row then, and 8.8, 5.0, 3.3 us a row of one, two, three in
 * tiles (Zen 3). */
#define FEW_ROWS 2

/* The share of zeros of x from which they are skipped.  Of 256 rows one takes, in us:
 *     zeros      0 %   35 %   70 %   80 %   90 %   tiles
 *     784-100    2.7   1.9    1.1    0.8    0.5    2.1
 *     784-512     23    15    7.7    5.6    3.2     10 */
#define SPARSE 0.6
#define SAMPLE_ROWS 8 /* in which zeros are counted */

/* Rows from which a look whether the weight is finite pays in the same call: for 784-100 it takes 7 us, and a row of
 * MNIST 1 us then instead of 3.3. */
#define LOOK_ROWS 4

/* How many of `count` things, of a * b terms each, make a piece of work: at least one. */
static size_t piece_of(const mlpc_kernels *kernels, size_t count, size_t a, size_t b)
{
    const size_t fit = kernels->piece / a / b;
    return fit == 0 ? 1 : fit < count ? fit : count;
}

static const void *at(const void *p, size_t elements, size_t size) { return (const char *)p + elements * size; }
static void *at_mutable(void *p, size_t elements, size_t size) { return (char *)p + elements * size; }

/* What a forward pass works with, fixed over its layers. */
typedef struct {
    const mlpc_net *net;
    const mlpc_kernels *kernels;
    const void *parameters;
    mlpc_workspace *workspace;
    const mlpc_poll *poll;
} pass;

/* z of rows first .. first + B - 1 of a layer, from x, which holds them alone. */
static mlpc_status linear(const pass *p, size_t l, const void *x, size_t first, size_t B, int skip)
{
    const mlpc_layer *layer = &p->net->layers[l];
    const mlpc_kernels *kernels = p->kernels;
    const size_t size = kernels->itemsize, I = layer->n_in, O = layer->n_out, rows = piece_of(kernels, B, I, O);
    for (size_t b = 0; b < B; b += rows) {
        if (mlpc_stopped(p->poll, 0))
            return MLPC_ERROR_INTERRUPTED;
        const size_t n = B - b < rows ? B - b : rows;
        (skip             ? kernels->linear_forward_skip
         : n <= FEW_ROWS ? kernels->linear_forward_few
                          : kernels->linear_forward)(
            at_mutable(p->workspace->z[l], (first + b) * O, size), at(x, b * I, size),
            at(p->parameters, layer->weight, size), at(p->parameters, layer->bias, size), n, I, O);
    }
    return MLPC_OK;
}

static mlpc_status activate(const pass *p, size_t l, size_t B)
{
    const mlpc_layer *layer = &p->net->layers[l];
    const size_t size = p->kernels->itemsize;
    const size_t elements = layer->activation == MLPC_ACTIVATION_identity ? 0 : B * layer->n_out;
    const size_t part = piece_of(p->kernels, elements, ACTIVATION_TERMS, 1);
    for (size_t i = 0; i < elements; i += part) {
        if (mlpc_stopped(p->poll, 0))
            return MLPC_ERROR_INTERRUPTED;
        p->kernels->activation_forward[layer->activation](at_mutable(p->workspace->a[l], i, size),
                                                          at(p->workspace->z[l], i, size),
                                                          elements - i < part ? elements - i : part);
    }
    return MLPC_OK;
}

/* 1 where most of x is zeros: of all its rows, or of a sample of them. */
static int sparse(const pass *p, const void *x, size_t B)
{
    const size_t I = p->net->layers[0].n_in, step = (B + SAMPLE_ROWS - 1) / SAMPLE_ROWS;
    size_t zeros = 0, rows = 0;
    for (size_t b = 0; b < B; b += step, rows++)
        zeros += p->kernels->count_zeros(at(x, b * I, p->kernels->itemsize), I);
    return (double)zeros >= SPARSE * (double)(rows * I);
}

/* May the zeros of x (B, n_in) be skipped, and does it pay? */
static int skips(const pass *p, const void *x, size_t B, mlpc_knowledge *knowledge)
{
    const mlpc_layer *layer = &p->net->layers[0];
    if (!knowledge || !(knowledge->finite || knowledge->lasting || B >= LOOK_ROWS))
        return 0;
    if (knowledge->finite && B <= FEW_ROWS)
        return 1; /* costs a few rows no more than not to */
    if (!sparse(p, x, B))
        return 0;
    if (!knowledge->finite)
        knowledge->finite = p->kernels->all_finite(at(p->parameters, layer->weight, p->kernels->itemsize),
                                                   layer->n_in * layer->n_out);
    return knowledge->finite;
}

/* The first layer's z, bytes converted as many rows at a time as the workspace takes. */
static mlpc_status first_linear(const pass *p, const mlpc_input *x, size_t B, mlpc_knowledge *knowledge)
{
    const size_t I = p->net->layers[0].n_in, step = p->workspace->input_rows;
    mlpc_status status = MLPC_OK;
    if (!x->bytes)
        return linear(p, 0, x->rows, 0, B, skips(p, x->rows, B, knowledge));
    for (size_t b = 0; b < B && status == MLPC_OK; b += step) {
        const size_t n = B - b < step ? B - b : step;
        p->kernels->from_bytes(p->workspace->input, (const uint8_t *)x->rows + b * I, x->scale, n * I);
        status = linear(p, 0, p->workspace->input, b, n, skips(p, p->workspace->input, n, knowledge));
    }
    return status;
}

static MLPC_NOINLINE mlpc_status forward(const pass *p, const mlpc_input *x, size_t B, mlpc_knowledge *knowledge)
{
    mlpc_status status = first_linear(p, x, B, knowledge);
    if (status == MLPC_OK)
        status = activate(p, 0, B);
    for (size_t l = 1; l < p->net->n_layers && status == MLPC_OK; l++) {
        status = linear(p, l, p->workspace->a[l - 1], 0, B, 0);
        if (status == MLPC_OK)
            status = activate(p, l, B);
    }
    return status;
}

mlpc_input mlpc_input_from(const mlpc_input *x, size_t row, size_t I, size_t itemsize)
{
    mlpc_input from = *x;
    from.rows = at(x->rows, row * I, x->bytes ? 1 : itemsize);
    return from;
}

mlpc_status mlpc_forward(const mlpc_net *net, const mlpc_kernels *kernels, const void *parameters,
                         mlpc_workspace *workspace, const mlpc_input *x, size_t B, mlpc_knowledge *knowledge,
                         const mlpc_poll *poll)
{
    const pass p = {.net = net, .kernels = kernels, .parameters = parameters, .workspace = workspace, .poll = poll};
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    const mlpc_status status = forward(&p, x, B, knowledge);
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
