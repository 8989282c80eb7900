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

/* A = Q R: q (m, n), m >= n, of a (m, n), which is lost: it keeps the reflections' vectors below and on its diagonal.
 * v and squares (m,), w, tau and sign (n,) are room for work: the reflection at hand, what its norm is the sum of, rows
 * combined; the factor of every reflection, and the sign that it gives the diagonal of R. */
typedef struct {
    const mlpc_kernels *doubles;
    size_t m, n;
    double *a, *q, *v, *squares, *w, *tau, *sign;
} decomposition;

/* Of a layer's weight (n_out, n_in) where that is tall, of its transpose where it is wide. */
static decomposition decomposition_of(const mlpc_kernels *doubles, const mlpc_layer *layer, mlpc_cutter *room)
{
    const int wide = layer->n_out < layer->n_in;
    const size_t m = wide ? layer->n_in : layer->n_out, n = wide ? layer->n_out : layer->n_in;
    decomposition d = {.doubles = doubles, .m = m, .n = n};
    d.a = mlpc_cut(room, m, n, sizeof(double));
    d.q = mlpc_cut(room, m, n, sizeof(double));
    d.v = mlpc_cut(room, m, 1, sizeof(double));
    d.squares = mlpc_cut(room, m, 1, sizeof(double));
    d.w = mlpc_cut(room, n, 1, sizeof(double));
    d.tau = mlpc_cut(room, n, 1, sizeof(double));
    d.sign = mlpc_cut(room, n, 1, sizeof(double));
    return d;
}

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

/* A = (1 - tau_k v v^T) A for rows k to m, columns `first` to n of a or q, v (m - k,) from element k on: rows of A are
 * combined as wholes, so that every sum over rows runs in increasing index. */
static void reflect(const decomposition *d, size_t k, double *matrix, size_t first)
{
    const size_t columns = d->n - first;
    for (size_t j = 0; j < columns; j++)
        d->w[j] = 0;
    for (size_t i = k; i < d->m; i++)
        add_multiple(d->doubles, d->w, d->v[i], matrix + i * d->n + first, columns);
    for (size_t i = k; i < d->m; i++)
        add_multiple(d->doubles, matrix + i * d->n + first, -(d->tau[k] * d->v[i]), d->w, columns);
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

/* Column k of a, from the diagonal on, to v. */
static void load_reflection(const decomposition *d, size_t k)
{
    for (size_t i = k; i < d->m; i++)
        d->v[i] = d->a[i * d->n + k];
}

/* Fills q: its columns are orthonormal, and the diagonal of R is positive. */
static mlpc_status orthonormal_columns(const decomposition *d, const mlpc_poll *poll)
{
    for (size_t k = 0; k < d->n; k++) {
        if (mlpc_stopped(poll, 0))
            return MLPC_ERROR_INTERRUPTED;
        load_reflection(d, k);
        d->tau[k] = householder(d->doubles, d->v + k, d->m - k, &d->sign[k], d->squares);
        for (size_t i = k; i < d->m; i++)
            d->a[i * d->n + k] = d->v[i];
        reflect(d, k, d->a, k + 1);
    }
    for (size_t i = 0; i < d->m * d->n; i++)
        d->q[i] = 0;
    for (size_t k = d->n; k-- > 0;) {
        if (mlpc_stopped(poll, 0))
            return MLPC_ERROR_INTERRUPTED;
        load_reflection(d, k);
        d->q[k * d->n + k] = d->sign[k];
        reflect(d, k, d->q, k);
    }
    return MLPC_OK;
}

/* Raises *size to the bytes that the decomposition of each layer needs; 0 where that overflows. */
static int room_of(const mlpc_net *net, size_t *size)
{
    for (size_t l = 0; l < net->n_layers; l++) {
        mlpc_cutter measure = {.block = NULL};
        (void)decomposition_of(NULL, &net->layers[l], &measure);
        if (measure.overflows)
            return 0;
        *size = measure.bytes > *size ? measure.bytes : *size;
    }
    return 1;
}

/* The weight (n_out, n_in) gets orthonormal columns where it is tall, orthonormal rows where it is wide. */
static mlpc_status orthogonal(const mlpc_net *net, const mlpc_kernels *doubles, const mlpc_layer *layer,
                              const source *s, void *parameters, void *room, const mlpc_poll *poll)
{
    const size_t n_in = layer->n_in, n_out = layer->n_out;
    const int wide = n_out < n_in;
    mlpc_cutter cutter = {.block = room};
    const decomposition d = decomposition_of(doubles, layer, &cutter);
    for (size_t j = 0; j < n_out; j++)
        for (size_t k = 0; k < n_in; k++)
            d.a[wide ? k * d.n + j : j * d.n + k] = draw(s, (uint64_t)j * n_in + k);
    const mlpc_status status = orthonormal_columns(&d, poll);
    if (status != MLPC_OK)
        return status;
    for (size_t j = 0; j < n_out; j++)
        for (size_t k = 0; k < n_in; k++)
            put(parameters, net->dtype, layer->weight + k * n_out + j, d.q[wide ? k * d.n + j : j * d.n + k]);
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
                                            mlpc_init init, uint64_t seed, void *room, const mlpc_poll *poll)
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
        for (size_t j = 0; layer->block.norm != MLPC_NORM_none && j < n_out; j++) {
            put(parameters, net->dtype, layer->gain + j, 1);
            put(parameters, net->dtype, layer->shift + j, 0);
        }
    }
    return MLPC_OK;
}

mlpc_status mlpc_initialize(const mlpc_net *net, const mlpc_kernels *doubles, void *parameters, mlpc_init init,
                            uint64_t seed, const mlpc_poll *poll)
{
    size_t size = 0;
    if (init == MLPC_INIT_orthogonal && !room_of(net, &size))
        return MLPC_ERROR_MEMORY;
    void *room = size ? mlpc_block_alloc(size) : NULL;
    if (size && !room)
        return MLPC_ERROR_MEMORY;
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    const mlpc_status status = initialize(net, doubles, parameters, init, seed, room, poll);
    mlpc_fpmode_leave(mode);
    mlpc_block_free(room);
    return status;
}
