/* Forward passes, see forward.h. */
#include "forward.h"

#include <string.h>

#include "block.h"
#include "draw.h"
#include "fpmode.h"
#include "norm.h"
#include "pass.h"
#include "rows.h"
#include "team.h"

/* The share of zeros of x from which they are skipped.  Of 256 rows one takes, in us:
 *     zeros      0 %   35 %   70 %   80 %   90 %   tiles
 *     784-100    2.7   1.9    1.1    0.8    0.5    2.1
 *     784-512     23    15    7.7    5.6    3.2     10 */
#define SPARSE 0.6
#define SAMPLE_ROWS 8 /* in which zeros are counted */

/* Rows from which a look whether the weight is finite pays: for 784-100 it takes 7 us, and a row of MNIST 1 us then
 * instead of 3.3. */
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
    const mlpc_forward_job *job;
    const mlpc_packed *packed; /* as in the job */
    mlpc_finite finite;        /* what is known by now */
    mlpc_input x;
    size_t at;
    int in_panels; /* the latest layer was computed by panels: its z and a lie in longer rows, in the workspace */
    size_t row;    /* elements between these */
    void *logits;  /* where the last layer's z goes, or NULL */
} rows;

static int is_last(const rows *r, size_t l) { return l + 1 == r->pass->model.net->n_layers; }

static void *in_workspace(const rows *r, void *array, size_t l)
{
    const mlpc_workspace *workspace = r->pass->workspace;
    return mlpc_pass_at(r->pass, array,
                        r->at * (workspace->row ? workspace->row : r->pass->model.net->layers[l].n_out));
}

static void *z_of(const rows *r, size_t l)
{
    return is_last(r, l) && r->logits ? r->logits : in_workspace(r, r->pass->workspace->z[l], l);
}

static void *a_of(const rows *r, size_t l) { return in_workspace(r, r->pass->workspace->a[l], l); }

static void *output_of(const rows *r, size_t l)
{
    return in_workspace(r, mlpc_workspace_output(r->pass->workspace, l), l);
}

/* z of n rows of a layer, from x, which holds them alone. */
static mlpc_status linear(const mlpc_pass *p, size_t l, void *z, const void *x, size_t n, int skip)
{
    const mlpc_layer *layer = &p->model.net->layers[l];
    const mlpc_kernels *kernels = p->model.kernels;
    const size_t I = layer->n_in, O = layer->n_out, most = mlpc_pass_piece(p, n, I, O);
    for (size_t b = 0; b < n; b += most) {
        if (mlpc_pass_stopped(p))
            return MLPC_ERROR_INTERRUPTED;
        const size_t B = n - b < most ? n - b : most;
        (skip                 ? kernels->linear_forward_skip
         : B <= MLPC_FEW_ROWS ? kernels->linear_forward_few
                              : kernels->linear_forward)(
            mlpc_pass_at(p, z, b * O), mlpc_pass_at(p, x, b * I), mlpc_pass_at(p, p->model.parameters, layer->weight),
            mlpc_pass_at(p, p->model.parameters, layer->bias), B, I, O, mlpc_pass_tiles(p));
    }
    return MLPC_OK;
}

/* The same of rows of CSR, whose zeros are skipped. */
static mlpc_status linear_of_csr(const mlpc_pass *p, void *z, const mlpc_input *x)
{
    const mlpc_layer *layer = &p->model.net->layers[0];
    const size_t O = layer->n_out, of_a_row = (size_t)(x->indptr[x->n] - x->indptr[0]) / x->n + 1;
    const size_t most = mlpc_pass_piece(p, x->n, of_a_row, O);
    for (size_t b = 0; b < x->n; b += most) {
        if (mlpc_pass_stopped(p))
            return MLPC_ERROR_INTERRUPTED;
        const mlpc_csr part = {x->n - b < most ? x->n - b : most, layer->n_in, x->rows, x->indices, x->indptr + b};
        p->model.kernels->csr_forward(mlpc_pass_at(p, z, b * O), &part,
                                      mlpc_pass_at(p, p->model.parameters, layer->weight),
                                      mlpc_pass_at(p, p->model.parameters, layer->bias), O);
    }
    return MLPC_OK;
}

/* The same from panels; rows of x are x_row elements apart, those of z as the layer's are. */
static mlpc_status linear_in_panels(const mlpc_pass *p, const mlpc_packed_layer *layer, void *z, const void *x,
                                    size_t x_row, size_t n)
{
    const mlpc_product_piece piece = mlpc_piece_of_panels(p->model.kernels, layer, n, 0, layer->n_panels);
    for (size_t q = 0, panels; q < layer->n_panels; q += panels) {
        panels = layer->n_panels - q < piece.count ? layer->n_panels - q : piece.count;
        for (size_t b = 0; b < n; b += piece.rows) {
            if (mlpc_pass_stopped(p))
                return MLPC_ERROR_INTERRUPTED;
            p->model.kernels->panels_forward(
                mlpc_pass_at(p, z, b * layer->row), layer->row, mlpc_pass_at(p, x, b * x_row), x_row, layer->weight,
                layer->bias, layer->panels + q, panels, n - b < piece.rows ? n - b : piece.rows, layer->I);
        }
    }
    return MLPC_OK;
}

/* The logits, which lie in rows of panels, side by side where they are to be. */
static void take_logits(const rows *r)
{
    const mlpc_pass *p = r->pass;
    const size_t last = p->model.net->n_layers - 1, O = p->model.net->layers[last].n_out;
    void *const from = in_workspace(r, p->workspace->z[last], last), *const to = z_of(r, last);
    for (size_t b = 0; b < r->x.n; b++)
        memmove(mlpc_pass_at(p, to, b * O), mlpc_pass_at(p, from, b * r->row), O * p->model.kernels->itemsize);
}

static mlpc_status activate(const rows *r, size_t l)
{
    const mlpc_pass *p = r->pass;
    const mlpc_layer *layer = &p->model.net->layers[l];
    const size_t row = r->row, most = mlpc_pass_piece(p, r->x.n, row, MLPC_ACTIVATION_TERMS);
    if (mlpc_block_is_idle(&layer->block, mlpc_pass_draw(p)))
        return MLPC_OK;
    const int has_norm = layer->block.norm != MLPC_NORM_none;
    mlpc_norm_job norm; /* which takes a single row longer to fill than all else here */
    if (has_norm)
        norm = mlpc_norm_of(&p->model, p->workspace, r->job->folded, l);
    for (size_t b = 0; b < r->x.n; b += most) {
        if (mlpc_pass_stopped(p))
            return MLPC_ERROR_INTERRUPTED;
        const mlpc_block_rows part = {
            .z = mlpc_pass_at(p, z_of(r, l), b * row),
            .normed = mlpc_pass_at(p, in_workspace(r, p->workspace->normed[l], l), b * row),
            .a = mlpc_pass_at(p, a_of(r, l), b * row),
            .dropped = mlpc_pass_at(p, output_of(r, l), b * row),
            .n = r->x.n - b < most ? r->x.n - b : most,
            .stride = row,
            .draw = mlpc_pass_draw(p),
            .layer = l + 1,
            .first = r->at + b,
            .norm = has_norm ? &norm : NULL,
        };
        mlpc_block_forward(&layer->block, p->model.kernels, &part);
    }
    return MLPC_OK;
}

/* Drops elements of x, which lies in the workspace then. */
static mlpc_status drop_x(rows *r)
{
    const mlpc_pass *p = r->pass;
    const size_t I = p->model.net->layers[0].n_in, n = r->x.n, most = mlpc_pass_piece(p, n, I, MLPC_MASK_TERMS);
    const mlpc_mask mask = mlpc_mask_of(p->model.net->input_dropout, &p->workspace->draw, 0);
    void *const dropped = mlpc_pass_at(p, p->workspace->dropped_x, r->at * I);
    for (size_t b = 0; b < n; b += most) {
        if (mlpc_pass_stopped(p))
            return MLPC_ERROR_INTERRUPTED;
        const size_t B = n - b < most ? n - b : most;
        const mlpc_input from = mlpc_input_from(&r->x, b, B, I, p->model.kernels->itemsize);
        const int is_numbers = mlpc_input_is_numbers(&from);
        void *const to = mlpc_pass_at(p, dropped, b * I);
        if (!is_numbers)
            mlpc_input_numbers(&from, p->model.kernels, I, to);
        p->model.kernels->dropout(to, is_numbers ? from.rows : to, I, &mask, r->at + b, B, I);
    }
    r->x = (mlpc_input){.rows = dropped, .n = n};
    return MLPC_OK;
}

/* 1 where most of x is zeros: of all its rows, or of a sample of them. */
static int sparse(const rows *r)
{
    const size_t I = r->pass->model.net->layers[0].n_in, step = (r->x.n + SAMPLE_ROWS - 1) / SAMPLE_ROWS;
    size_t zeros = 0, looked_at = 0;
    for (size_t b = 0; b < r->x.n; b += step, looked_at++)
        zeros += mlpc_input_zeros(&r->x, r->pass->model.kernels, b, I);
    return (double)zeros >= SPARSE * (double)(looked_at * I);
}

/* May the zeros of x be skipped, and does it pay?  Where nobody has looked whether the weight is finite this does, if a
 * look pays. */
static int skips(rows *r)
{
    const mlpc_pass *p = r->pass;
    const mlpc_layer *layer = &p->model.net->layers[0];
    if (r->finite == MLPC_FINITE && r->x.n <= MLPC_FEW_ROWS)
        return 1; /* costs a few rows no more than not to */
    if (r->finite == MLPC_NOT_FINITE || (r->finite == MLPC_UNKNOWN && r->x.n < LOOK_ROWS) || !sparse(r))
        return 0;
    if (r->finite == MLPC_UNKNOWN)
        r->finite = p->model.kernels->all_finite(mlpc_pass_at(p, p->model.parameters, layer->weight),
                                                 layer->n_in * layer->n_out)
                        ? MLPC_FINITE
                        : MLPC_NOT_FINITE;
    return r->finite == MLPC_FINITE;
}

/* Where a layer's z goes: rows of panels, which are longer than the layer's, need the workspace. */
static void *place_of(rows *r, size_t l, int in_panels)
{
    r->in_panels = in_panels;
    r->row = in_panels ? r->packed->layers[l].row : r->pass->model.net->layers[l].n_out;
    return in_panels ? in_workspace(r, r->pass->workspace->z[l], l) : z_of(r, l);
}

/* The first layer's z of n rows of numbers. */
static mlpc_status linear_of_numbers(const rows *r, void *z, const void *x, size_t n, int skip)
{
    return r->in_panels ? linear_in_panels(r->pass, &r->packed->layers[0], z, x, r->packed->layers[0].I, n)
                        : linear(r->pass, 0, z, x, n, skip);
}

/* The first layer's z; what are no numbers become some, as many rows at a time as the thread has room for. */
static mlpc_status first_linear(rows *r)
{
    const mlpc_pass *p = r->pass;
    const size_t I = p->model.net->layers[0].n_in, step = p->workspace->input_rows;
    const int skip = skips(r), in_panels = !skip && r->packed && r->x.n > MLPC_FEW_ROWS;
    void *const z = place_of(r, 0, in_panels), *const converted =
                                                   mlpc_pass_at(p, p->workspace->input, p->rank * step * I);
    mlpc_status status = MLPC_OK;
    if (mlpc_input_is_numbers(&r->x))
        return linear_of_numbers(r, z, r->x.rows, r->x.n, skip);
    if (skip && r->x.indptr)
        return linear_of_csr(p, z, &r->x);
    for (size_t b = 0; b < r->x.n && status == MLPC_OK; b += step) {
        const size_t n = r->x.n - b < step ? r->x.n - b : step;
        const mlpc_input from = mlpc_input_from(&r->x, b, n, I, p->model.kernels->itemsize);
        mlpc_input_numbers(&from, p->model.kernels, I, converted);
        status = linear_of_numbers(r, mlpc_pass_at(p, z, b * r->row), converted, n, skip);
    }
    return status;
}

static mlpc_status later_linear(rows *r, size_t l)
{
    const int in_panels = r->packed && r->x.n > MLPC_FEW_ROWS;
    const size_t x_row = r->row;
    const void *const x = output_of(r, l - 1);
    void *const z = place_of(r, l, in_panels);
    return in_panels ? linear_in_panels(r->pass, &r->packed->layers[l], z, x, x_row, r->x.n)
                     : linear(r->pass, l, z, x, r->x.n, 0);
}

/* The block before a layer's product, and that. */
static mlpc_status later_layer(rows *r, size_t l)
{
    const mlpc_status status = activate(r, l - 1);
    return status == MLPC_OK ? later_linear(r, l) : status;
}

static mlpc_status first_layer(rows *r)
{
    const mlpc_status status = mlpc_pass_drops_x(r->pass) ? drop_x(r) : MLPC_OK;
    return status == MLPC_OK ? first_linear(r) : status;
}

static mlpc_status forward(rows *r)
{
    const size_t first = r->job->first_layer;
    mlpc_status status = MLPC_OK;
    r->row = first ? r->pass->model.net->layers[first - 1].n_out : 0;
    for (size_t l = first; l <= r->job->last_layer && status == MLPC_OK; l++)
        status = l ? later_layer(r, l) : first_layer(r);
    if (status == MLPC_OK && r->in_panels)
        take_logits(r);
    return status;
}

/* ---- All rows ---------------------------------------------------------------------------------------------------- */

typedef struct {
    mlpc_forward_job job;
    mlpc_share share;
} run;
_Static_assert(sizeof(run) <= MLPC_SHARED, "room for it in the workspace");

static MLPC_NOINLINE void take_rows(void *context, mlpc_team *team, size_t rank, size_t size_of_team)
{
    (void)team;
    (void)size_of_team;
    run *const shared = context;
    const mlpc_forward_job *const job = &shared->job;
    const mlpc_pass pass = {job->model, job->workspace, &shared->share, rank, 0};
    const size_t size = job->model.kernels->itemsize, I = job->model.net->layers[0].n_in;
    const size_t O = job->model.net->layers[job->model.net->n_layers - 1].n_out;
    /* Each rank looks for itself whether the weight is finite: all would wait for the first. */
    rows r = {.pass = &pass, .job = job, .packed = job->packed, .finite = job->finite};
    for (size_t first, n; mlpc_share_take(&shared->share, &first, &n);) {
        r.x = mlpc_input_from(&job->x, first, n, I, size);
        r.at = job->keeps ? first : rank * shared->share.at_once;
        r.logits = job->logits ? (char *)job->logits + first * O * size : NULL;
        if (forward(&r) != MLPC_OK)
            return;
        if (job->then)
            job->then(job->context, z_of(&r, job->model.net->n_layers - 1), first, n);
    }
}

/* How many of its rows a job takes at once: at most as many as there is memory for, and on several threads about equal
 * parts, of which each thread gets as many. */
static size_t rows_at_once(const mlpc_forward_job *job, size_t threads)
{
    size_t most = job->keeps ? KEPT_ROWS : job->workspace->batch / job->workspace->room;
    if (job->then) /* which does not ask in its middle */
        most = mlpc_piece(job->model.kernels, most, MLPC_ACTIVATION_TERMS,
                          job->model.net->layers[job->model.net->n_layers - 1].n_out);
    if (threads == 1)
        return most;
    const double terms = mlpc_forward_terms(job->model.net, 1);
    const double in_time = MOST_PIECES * (double)job->model.kernels->piece / terms;
    if (in_time < (double)most)
        most = in_time < 1 ? 1 : (size_t)in_time;
    const size_t parts = ((job->x.n + most - 1) / most + threads - 1) / threads * threads;
    const size_t even = (job->x.n + parts - 1) / parts;
    const size_t whole = even < 32 ? even : (even + 7) / 8 * 8; /* for tiles */
    return whole < most ? whole : most;
}

/* The products of some layers, and the blocks between them. */
static mlpc_status forward_layers(const mlpc_forward_job *job)
{
    const size_t threads = mlpc_useful_threads(job->model.net, job->model.kernels, job->x.n, job->workspace->threads);
    run *const shared = job->workspace->pass;
    *shared = (run){
        .job = *job,
        .share = {.poll = job->poll, .n = job->x.n, .at_once = rows_at_once(job, threads), .stopped = MLPC_GOES_ON},
    };
    mlpc_team_run(threads, take_rows, shared);
    return shared->share.stopped == MLPC_GOES_ON ? MLPC_OK : MLPC_ERROR_INTERRUPTED;
}

mlpc_status mlpc_forward_rows(const mlpc_forward_job *job)
{
    mlpc_forward_job all = *job;
    all.last_layer = job->model.net->n_layers - 1;
    if (mlpc_norms_batches(job->model.net) && !job->folded) {
        const mlpc_fpmode mode = mlpc_fpmode_enter();
        mlpc_norm_fold(&job->model, job->workspace, job->workspace->folded);
        mlpc_fpmode_leave(mode);
        all.folded = job->workspace->folded;
    }
    return forward_layers(&all);
}

/* The layers up to each batch norm, whose statistics are those of all rows, and then that. */
static mlpc_status forward_batch(mlpc_forward_job *job)
{
    const mlpc_net *const net = job->model.net;
    mlpc_status status = MLPC_OK;
    for (size_t l = 0; l < net->n_layers && status == MLPC_OK; l++) {
        const int is_norm = net->layers[l].block.norm == MLPC_NORM_batch;
        if (!is_norm && l + 1 < net->n_layers)
            continue;
        job->last_layer = l;
        status = forward_layers(job);
        if (status == MLPC_OK && is_norm)
            status = mlpc_norm_batch(&job->model, job->workspace, l, job->x.n, job->poll);
        job->first_layer = l + 1;
    }
    return status;
}

mlpc_status mlpc_forward(const mlpc_model *model, mlpc_workspace *workspace, const mlpc_input *x, const mlpc_poll *poll)
{
    mlpc_forward_job job = {.model = *model, .workspace = workspace, .poll = poll, .x = *x, .keeps = 1};
    const size_t bytes = model->net->n_statistics * model->kernels->itemsize;
    if (!mlpc_workspace_fits(workspace, model->net))
        return MLPC_ERROR_WORKSPACE;
    if (!workspace->trains || !mlpc_norms_batches(model->net))
        return mlpc_forward_rows(&job);
    if (x->n == 1)
        return MLPC_ERROR_ONE_ROW;
    memcpy(workspace->statistics, model->statistics, bytes);
    const mlpc_status status = forward_batch(&job);
    if (status != MLPC_OK)
        memcpy(model->statistics, workspace->statistics, bytes);
    return status;
}
