/* Initial values of weights and biases. */
#include "../kernels/kernels.h"
#include "fpmode.h"
#include "memory.h"
#include "mlpc.h"
#include "progress.h"
#include "scalar.h"

/* Where the numbers of one layer come from: element `counter` of a normal or uniform distribution times `scale`. */
typedef struct {
    uint64_t seed;
    uint32_t layer;
    int normal;
    double scale;
} source;

static double draw(const source *s, uint64_t counter)
{
    if (s->normal)
        return s->scale * mlpc_random_normal(s->seed, MLPC_STREAM_INIT, s->layer, counter);
    /* 2u - 1 is exact: u has 53 bits. */
    return s->scale * (2 * mlpc_random_uniform(s->seed, MLPC_STREAM_INIT, s->layer, counter) - 1);
}

static void put(void *parameters, mlpc_dtype dtype, size_t i, double value)
{
    if (dtype == MLPC_FLOAT32)
        ((float *)parameters)[i] = (float)value;
    else
        ((double *)parameters)[i] = value;
}

/* ---- Orthogonal matrices: Q of Householder's QR, in double, matrices row-major ---- */

/* y += a x, one fma per element, by the step of gradient descent: it has the same bits on every instruction set. */
static void add_multiple(const mlpc_kernels *doubles, double *y, double a, const double *x, size_t n)
{
    const double coefficients[MLPC_MAX_COEFFICIENTS] = {
        [MLPC_COEFFICIENT_scale] = 1,
        [MLPC_COEFFICIENT_clip] = INFINITY,
        [MLPC_COEFFICIENT_rate] = -a,
    };
    doubles->step[MLPC_STEP_sgd](y, x, (void *[MLPC_MAX_STATES]){NULL}, coefficients, n);
}

/* A = (1 - tau v v^T) A for `rows` rows of `columns` elements, `stride` apart: rows of A are combined as wholes, so
 * that every sum over rows runs in increasing index.  w: room for `columns`. */
static void reflect(const mlpc_kernels *doubles, double *a, size_t stride, const double *v, double tau, size_t rows,
                    size_t columns, double *w)
{
    for (size_t j = 0; j < columns; j++)
        w[j] = 0;
    for (size_t i = 0; i < rows; i++)
        add_multiple(doubles, w, v[i], a + i * stride, columns);
    for (size_t i = 0; i < rows; i++)
        add_multiple(doubles, a + i * stride, -(tau * v[i]), w, columns);
}

/* The reflection that maps x (n,) to a multiple of the first unit vector: overwrites x with v, returns tau, and in
 * *sign the sign of that multiple.  No difference of near numbers is taken: v_0 = x_0 + sign(x_0) |x|.  room: (n,). */
static double householder(const mlpc_kernels *doubles, double *x, size_t n, double *sign, double *room)
{
    for (size_t i = 0; i < n; i++)
        room[i] = x[i] * x[i];
    const double squares = doubles->sum_double(room, n);
    const double norm = v_sqrt(squares);
    *sign = v_copysign(1, -x[0]);
    if (norm == 0)
        return 0;
    const double tau = 1 / v_fma(norm, v_abs(x[0]), squares);
    x[0] = x[0] + v_copysign(norm, x[0]);
    return tau;
}

/* q (m, n), m >= n, of a (m, n), which is lost.  q's columns are orthonormal; the diagonal of R is positive.  a keeps
 * the reflections' vectors below and on its diagonal; v and squares (m,), w, tau and sign (n,) are room for work. */
static mlpc_status orthonormal_columns(const mlpc_kernels *doubles, double *q, double *a, size_t m, size_t n, double *v,
                                       double *squares, double *w, double *tau, double *sign, const mlpc_poll *poll)
{
    for (size_t k = 0; k < n; k++) {
        if (mlpc_stopped(poll, 0))
            return MLPC_ERROR_INTERRUPTED;
        for (size_t i = k; i < m; i++)
            v[i] = a[i * n + k];
        tau[k] = householder(doubles, v + k, m - k, &sign[k], squares);
        for (size_t i = k; i < m; i++)
            a[i * n + k] = v[i];
        reflect(doubles, a + k * n + k + 1, n, v + k, tau[k], m - k, n - k - 1, w);
    }
    for (size_t i = 0; i < m * n; i++)
        q[i] = 0;
    for (size_t k = n; k-- > 0;) {
        if (mlpc_stopped(poll, 0))
            return MLPC_ERROR_INTERRUPTED;
        for (size_t i = k; i < m; i++)
            v[i] = a[i * n + k];
        q[k * n + k] = sign[k];
        reflect(doubles, q + k * n + k, n, v + k, tau[k], m - k, n - k, w);
    }
    return MLPC_OK;
}

/* Raises *room to the bytes that `orthogonal` needs for a layer: a, q (m, n), v, squares (m,), w, tau,
 * sign (n,).  0 where that
 * overflows; the plan of the net has seen that m n does not. */
static int make_room(size_t *room, const mlpc_layer *layer)
{
    const int wide = layer->n_out < layer->n_in;
    const size_t m = wide ? layer->n_in : layer->n_out, n = wide ? layer->n_out : layer->n_in;
    size_t needed = 0;
    if (!mlpc_size_add(&needed, m * n, 2 * sizeof(double)) || !mlpc_size_add(&needed, 2 * m + 3 * n, sizeof(double)))
        return 0;
    *room = needed > *room ? needed : *room;
    return 1;
}

/* The weight (n_out, n_in) gets orthonormal columns where it is tall, orthonormal rows where it is wide. */
static mlpc_status orthogonal(const mlpc_net *net, const mlpc_kernels *doubles, const mlpc_layer *layer,
                              const source *s, void *parameters, double *room, const mlpc_poll *poll)
{
    const size_t n_in = layer->n_in, n_out = layer->n_out;
    const int wide = n_out < n_in;
    const size_t m = wide ? n_in : n_out, n = wide ? n_out : n_in;
    double *a = room, *q = a + m * n, *v = q + m * n, *squares = v + m, *w = squares + m, *tau = w + n, *sign = tau + n;
    for (size_t j = 0; j < n_out; j++)
        for (size_t k = 0; k < n_in; k++)
            a[wide ? k * n + j : j * n + k] = draw(s, (uint64_t)j * n_in + k);
    const mlpc_status status = orthonormal_columns(doubles, q, a, m, n, v, squares, w, tau, sign, poll);
    if (status != MLPC_OK)
        return status;
    for (size_t j = 0; j < n_out; j++)
        for (size_t k = 0; k < n_in; k++)
            put(parameters, net->dtype, layer->weight + k * n_out + j, q[wide ? k * n + j : j * n + k]);
    return MLPC_OK;
}

/* ---- The table of kinds ---- */

static source source_of(mlpc_init init, uint64_t seed, size_t layer, size_t n_in, size_t n_out)
{
    const double in = (double)n_in, out = (double)n_out;
    source s = {seed, (uint32_t)layer, 1, 0};
    switch (init) {
    case MLPC_INIT_torch:
        s.normal = 0;
        s.scale = 1 / v_sqrt(in);
        break;
    case MLPC_INIT_he: s.scale = v_sqrt(2 / in); break;
    case MLPC_INIT_glorot:
        s.normal = 0;
        s.scale = v_sqrt(6 / (in + out));
        break;
    case MLPC_INIT_lecun: s.scale = v_sqrt(1 / in); break;
    case MLPC_INIT_orthogonal: s.scale = 1; break;
    case MLPC_INIT_course: s.scale = 1 / v_sqrt(out); break;
    case MLPC_INIT_zeros:
    case MLPC_N_INITS: break;
    }
    return s;
}

/* The weight where its elements are independent of one another. */
static mlpc_status independent(const mlpc_net *net, const mlpc_layer *layer, const source *s, int zeros,
                               void *parameters, const mlpc_poll *poll)
{
    const size_t n_in = layer->n_in, n_out = layer->n_out;
    for (size_t j = 0; j < n_out; j++) {
        if (mlpc_stopped(poll, 0))
            return MLPC_ERROR_INTERRUPTED;
        for (size_t k = 0; k < n_in; k++)
            put(parameters, net->dtype, layer->weight + k * n_out + j, zeros ? 0 : draw(s, (uint64_t)j * n_in + k));
    }
    return MLPC_OK;
}

static MLPC_NOINLINE mlpc_status initialize(const mlpc_net *net, const mlpc_kernels *doubles, void *parameters,
                                            mlpc_init init, uint64_t seed, double *room, const mlpc_poll *poll)
{
    for (size_t l = 0; l < net->n_layers; l++) {
        const mlpc_layer *layer = &net->layers[l];
        const size_t n_in = layer->n_in, n_out = layer->n_out;
        const source s = source_of(init, seed, l, n_in, n_out);
        const mlpc_status status = init == MLPC_INIT_orthogonal
                                       ? orthogonal(net, doubles, layer, &s, parameters, room, poll)
                                       : independent(net, layer, &s, init == MLPC_INIT_zeros, parameters, poll);
        if (status != MLPC_OK)
            return status;
        for (size_t j = 0; j < n_out; j++)
            put(parameters, net->dtype, layer->bias + j,
                init == MLPC_INIT_torch ? draw(&s, (uint64_t)n_out * n_in + j) : 0);
    }
    return MLPC_OK;
}

mlpc_status mlpc_initialize(const mlpc_net *net, const mlpc_kernels *doubles, void *parameters, mlpc_init init,
                            uint64_t seed, const mlpc_poll *poll)
{
    size_t size = 0;
    if (init == MLPC_INIT_orthogonal)
        for (size_t l = 0; l < net->n_layers; l++)
            if (!make_room(&size, &net->layers[l]))
                return MLPC_ERROR_MEMORY;
    double *room = size ? mlpc_block_alloc(size) : NULL;
    if (size && !room)
        return MLPC_ERROR_MEMORY;
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    const mlpc_status status = initialize(net, doubles, parameters, init, seed, room, poll);
    mlpc_fpmode_leave(mode);
    mlpc_block_free(room);
    return status;
}
