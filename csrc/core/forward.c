/* Forward passes, see forward.h. */
#include "forward.h"

#include "fpmode.h"
#include "pass.h"
#include "team.h"

/* So few rows are computed one by one: 784-100 takes 3.3 us a row then, and 8.8, 5.0, 3.3 us a row of one, two, three
 * in tiles (Zen 3). */
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

/* Rows that go through all layers before the next ones do, where the workspace keeps them all. */
#define KEPT_ROWS 384

/* A thread more pays where it gets so large a part of a piece of work of 10 ms: to wake it takes up to 50 us. */
#define LEAST_PART (1 / 50.0)

/* On several threads rows are taken so many pieces of work at a time at most: the caller is not asked while rank 0
 * waits for the last of others. */
#define MOST_PIECES 20

double mlpc_forward_terms(const mlpc_net *net, size_t rows)
{
    double terms = (double)net->n_parameters; /* of one row */
    for (size_t l = 0; l < net->n_layers; l++)
        terms += MLPC_ACTIVATION_TERMS * (double)net->layers[l].n_out;
    return (double)rows * terms;
}

size_t mlpc_useful_threads(const mlpc_net *net, const mlpc_kernels *kernels, size_t rows, size_t most)
{
    const size_t limit = most < rows ? most : rows;
    return limit < 2 ? 1 : mlpc_team_size(mlpc_forward_terms(net, rows), LEAST_PART * (double)kernels->piece, limit);
}

/* ---- Some rows --------------------------------------------------------------------------------------------------- */

/* Rows of a forward pass: they lie in x and in the workspace, where their first one is row `at`. */
typedef struct {
    const mlpc_pass *pass;
    mlpc_input x;
    size_t at, n;
    void *logits; /* where the last layer's z goes, or NULL */
} rows;

static void *z_of(const rows *r, size_t l)
{
    const mlpc_pass *p = r->pass;
    if (l + 1 == p->net->n_layers && r->logits)
        return r->logits;
    return mlpc_pass_at(p, p->workspace->z[l], r->at * p->net->layers[l].n_out);
}

static void *a_of(const rows *r, size_t l)
{
    return mlpc_pass_at(r->pass, r->pass->workspace->a[l], r->at * r->pass->net->layers[l].n_out);
}

/* z of n rows of a layer, from x, which holds them alone. */
static mlpc_status linear(const mlpc_pass *p, size_t l, void *z, const void *x, size_t n, int skip)
{
    const mlpc_layer *layer = &p->net->layers[l];
    const mlpc_kernels *kernels = p->kernels;
    const size_t I = layer->n_in, O = layer->n_out, most = mlpc_pass_piece(p, n, I, O);
    for (size_t b = 0; b < n; b += most) {
        if (mlpc_pass_stopped(p))
            return MLPC_ERROR_INTERRUPTED;
        const size_t B = n - b < most ? n - b : most;
        (skip            ? kernels->linear_forward_skip
         : B <= FEW_ROWS ? kernels->linear_forward_few
                         : kernels->linear_forward)(
            mlpc_pass_at(p, z, b * O), mlpc_pass_at(p, x, b * I), mlpc_pass_at(p, p->parameters, layer->weight),
            mlpc_pass_at(p, p->parameters, layer->bias), B, I, O, mlpc_pass_tiles(p));
    }
    return MLPC_OK;
}

static mlpc_status activate(const rows *r, size_t l)
{
    const mlpc_pass *p = r->pass;
    const mlpc_layer *layer = &p->net->layers[l];
    const size_t elements = layer->activation == MLPC_ACTIVATION_identity ? 0 : r->n * layer->n_out;
    const size_t part = mlpc_pass_piece(p, elements, MLPC_ACTIVATION_TERMS, 1);
    for (size_t i = 0; i < elements; i += part) {
        if (mlpc_pass_stopped(p))
            return MLPC_ERROR_INTERRUPTED;
        const size_t n = elements - i < part ? elements - i : part;
        p->kernels->activation_forward[layer->activation](mlpc_pass_at(p, a_of(r, l), i),
                                                          mlpc_pass_at(p, z_of(r, l), i), n);
    }
    return MLPC_OK;
}

/* 1 where most of x is zeros: of all its rows, or of a sample of them. */
static int sparse(const mlpc_pass *p, const void *x, size_t B)
{
    const size_t I = p->net->layers[0].n_in, step = (B + SAMPLE_ROWS - 1) / SAMPLE_ROWS;
    size_t zeros = 0, looked_at = 0;
    for (size_t b = 0; b < B; b += step, looked_at++)
        zeros += p->kernels->count_zeros(mlpc_pass_at(p, x, b * I), I);
    return (double)zeros >= SPARSE * (double)(looked_at * I);
}

/* May the zeros of x (B, n_in) be skipped, and does it pay? */
static int skips(const mlpc_pass *p, const void *x, size_t B, mlpc_knowledge *knowledge)
{
    const mlpc_layer *layer = &p->net->layers[0];
    if (!knowledge || !(knowledge->finite || knowledge->lasting || B >= LOOK_ROWS))
        return 0;
    if (knowledge->finite && B <= FEW_ROWS)
        return 1; /* costs a few rows no more than not to */
    if (!sparse(p, x, B))
        return 0;
    if (!knowledge->finite)
        knowledge->finite =
            p->kernels->all_finite(mlpc_pass_at(p, p->parameters, layer->weight), layer->n_in * layer->n_out);
    return knowledge->finite;
}

/* The first layer's z, bytes converted as many rows at a time as the thread has room for. */
static mlpc_status first_linear(const rows *r, mlpc_knowledge *knowledge)
{
    const mlpc_pass *p = r->pass;
    const size_t I = p->net->layers[0].n_in, O = p->net->layers[0].n_out, step = p->workspace->input_rows;
    void *const z = z_of(r, 0), *const converted = mlpc_pass_at(p, p->workspace->input, p->rank * step * I);
    mlpc_status status = MLPC_OK;
    if (!r->x.bytes)
        return linear(p, 0, z, r->x.rows, r->n, skips(p, r->x.rows, r->n, knowledge));
    for (size_t b = 0; b < r->n && status == MLPC_OK; b += step) {
        const size_t n = r->n - b < step ? r->n - b : step;
        p->kernels->from_bytes(converted, (const uint8_t *)r->x.rows + b * I, r->x.scale, n * I);
        status = linear(p, 0, mlpc_pass_at(p, z, b * O), converted, n, skips(p, converted, n, knowledge));
    }
    return status;
}

static mlpc_status forward(const rows *r, mlpc_knowledge *knowledge)
{
    mlpc_status status = first_linear(r, knowledge);
    if (status == MLPC_OK)
        status = activate(r, 0);
    for (size_t l = 1; l < r->pass->net->n_layers && status == MLPC_OK; l++) {
        status = linear(r->pass, l, z_of(r, l), a_of(r, l - 1), r->n, 0);
        if (status == MLPC_OK)
            status = activate(r, l);
    }
    return status;
}

mlpc_input mlpc_input_from(const mlpc_input *x, size_t row, size_t I, size_t itemsize)
{
    mlpc_input from = *x;
    from.rows = (const char *)x->rows + row * I * (x->bytes ? 1 : itemsize);
    return from;
}

/* ---- All rows ---------------------------------------------------------------------------------------------------- */

typedef struct {
    mlpc_forward_job job; /* its x and its knowledge are those here */
    mlpc_input x;
    mlpc_knowledge knowledge; /* before the call */
    mlpc_share share;
    atomic_int finite; /* what some rank has found out */
} run;
_Static_assert(sizeof(run) <= MLPC_SHARED, "room for it in the workspace");

static MLPC_NOINLINE void take_rows(void *context, mlpc_team *team, size_t rank, size_t size_of_team)
{
    (void)team;
    (void)size_of_team;
    run *const shared = context;
    const mlpc_forward_job *const job = &shared->job;
    const mlpc_pass pass = {job->net, job->kernels, job->parameters, job->workspace, &shared->share, rank, 0};
    const size_t size = job->kernels->itemsize, I = job->net->layers[0].n_in;
    const size_t O = job->net->layers[job->net->n_layers - 1].n_out;
    /* The rank's own: others find out for themselves, at the same time. */
    mlpc_knowledge known = job->knowledge ? *job->knowledge : (mlpc_knowledge){0};
    rows r = {.pass = &pass};
    for (size_t first; mlpc_share_take(&shared->share, &first, &r.n);) {
        r.x = mlpc_input_from(job->x, first, I, size);
        r.at = job->keeps ? first : rank * shared->share.at_once;
        r.logits = job->logits ? (char *)job->logits + first * O * size : NULL;
        if (forward(&r, job->knowledge ? &known : NULL) != MLPC_OK)
            return;
        if (job->then)
            job->then(job->context, z_of(&r, job->net->n_layers - 1), first, r.n);
    }
    if (job->knowledge && known.finite)
        atomic_store_explicit(&shared->finite, 1, memory_order_relaxed);
}

/* How many of its rows a job takes at once: at most as many as there is memory for, and on several threads about equal
 * parts, of which each thread gets as many. */
static size_t rows_at_once(const mlpc_forward_job *job, size_t threads)
{
    size_t most = job->keeps ? KEPT_ROWS : job->workspace->batch / job->workspace->room;
    if (job->then) /* which does not ask in its middle */
        most = mlpc_piece(job->kernels, most, MLPC_ACTIVATION_TERMS, job->net->layers[job->net->n_layers - 1].n_out);
    if (threads == 1)
        return most;
    const double terms = mlpc_forward_terms(job->net, 1), in_time = MOST_PIECES * (double)job->kernels->piece / terms;
    if (in_time < (double)most)
        most = in_time < 1 ? 1 : (size_t)in_time;
    const size_t parts = ((job->n + most - 1) / most + threads - 1) / threads * threads;
    const size_t even = (job->n + parts - 1) / parts;
    const size_t whole = even < 32 ? even : (even + 7) / 8 * 8; /* for tiles */
    return whole < most ? whole : most;
}

mlpc_status mlpc_forward_rows(const mlpc_forward_job *job)
{
    const size_t threads = mlpc_useful_threads(job->net, job->kernels, job->n, job->workspace->threads);
    run *const shared = job->workspace->pass;
    *shared = (run){
        .job = *job,
        .x = *job->x,
        .share = {.poll = job->poll, .n = job->n, .at_once = rows_at_once(job, threads), .stopped = MLPC_GOES_ON},
    };
    shared->job.x = &shared->x;
    if (job->knowledge) {
        shared->knowledge = *job->knowledge;
        shared->job.knowledge = &shared->knowledge;
    }
    mlpc_team_run(threads, take_rows, shared);
    if (job->knowledge && atomic_load_explicit(&shared->finite, memory_order_relaxed))
        job->knowledge->finite = 1;
    return shared->share.stopped == MLPC_GOES_ON ? MLPC_OK : MLPC_ERROR_INTERRUPTED;
}

mlpc_status mlpc_forward(const mlpc_net *net, const mlpc_kernels *kernels, const void *parameters,
                         mlpc_workspace *workspace, const mlpc_input *x, size_t B, mlpc_knowledge *knowledge,
                         const mlpc_poll *poll)
{
    return mlpc_forward_rows(&(mlpc_forward_job){
        .net = net,
        .kernels = kernels,
        .parameters = parameters,
        .workspace = workspace,
        .knowledge = knowledge,
        .poll = poll,
        .x = x,
        .n = B,
        .keeps = 1,
    });
}
