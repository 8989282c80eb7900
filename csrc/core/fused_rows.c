/* The rows of a fused batch, see fused_rows.h. */
#include "fused_rows.h"

#include <string.h>

#include "block.h"
#include "fused_by_units.h"
#include "fused_input.h"
#include "fused_norm.h"
#include "fused_products.h"
#include "loss.h"

/* n of the rank's rows of a batch, from `first` on; there may be none. */
typedef struct {
    size_t k, first, n;
    mlpc_draw draw;
} part;

/* These rows around the block of a layer, whose norm's job lies where the caller has room for it. */
static mlpc_block_rows block_rows(const mlpc_fused_run *r, size_t l, const part *of, mlpc_norm_job *norm)
{
    const mlpc_fused_layer *there = &r->f->layers[l];
    const size_t row = r->f->packed->layers[l].row, offset = of->first * row;
    const int has_norm = mlpc_fused_norm(r, l) != MLPC_NORM_none;
    if (has_norm)
        *norm = mlpc_fused_norm_of(r, l, 0, of->n);
    return (mlpc_block_rows){
        .z = mlpc_fused_at(r, there->z, offset),
        .normed = mlpc_fused_at(r, there->normed, offset),
        .a = mlpc_fused_at(r, there->a, offset),
        .dropped = mlpc_fused_at(r, there->dropped, offset),
        .dz = mlpc_fused_at(r, there->dnormed, offset),
        .n = of->n,
        .stride = row,
        .draw = &of->draw,
        .layer = l + 1,
        .first = of->first,
        .norm = has_norm ? norm : NULL,
    };
}

/* The block of a layer, and the product behind it, unless that is shared out by units. */
static void forward_layer(const mlpc_fused_view *s, size_t l, const part *of)
{
    const mlpc_fused_run *r = s->shared;
    mlpc_norm_job norm;
    const mlpc_block_rows rows = block_rows(r, l, of, &norm);
    mlpc_block_forward(&r->job->model.net->layers[l].block, r->job->model.kernels, &rows);
    if (!mlpc_fused_by_units(s, of->k, l + 1))
        mlpc_fused_forward_product(s, of->k, l + 1, of->first, of->n, 0, r->f->packed->layers[l + 1].n_panels);
}

/* Calls the function of a layer's block, and of the product next to it, which asks by itself, for pieces of these rows,
 * unless the caller wants to end. */
static void in_pieces(const mlpc_fused_view *s, size_t l, const part *of,
                      void (*function)(const mlpc_fused_view *s, size_t l, const part *of))
{
    const size_t terms = s->shared->f->packed->layers[l].O * MLPC_FUSED_BLOCK_TERMS;
    const size_t most = mlpc_piece(s->shared->job->model.kernels, of->n, terms, 1);
    for (size_t b = 0; b < of->n; b += most) {
        const part some = {of->k, of->first + b, of->n - b < most ? of->n - b : most, of->draw};
        if (mlpc_fused_stopped(s, some.n, terms))
            return;
        function(s, l, &some);
    }
}

/* Blocks and products, from the first layer's z on. */
static void forward(const mlpc_fused_view *s, const part *of)
{
    const mlpc_fused_run *r = s->shared;
    for (size_t l = 0; l + 1 < r->job->model.net->n_layers; l++) {
        in_pieces(s, l, of, forward_layer);
        if (mlpc_fused_by_units(s, of->k, l + 1))
            mlpc_fused_forward_by_units(s, of->k, l + 1);
        if (mlpc_fused_norm(r, l + 1) == MLPC_NORM_batch)
            mlpc_fused_norm_batch(s, of->k, l + 1, mlpc_fused_norm_forward);
    }
}

static mlpc_objective objective_of(const mlpc_fused_run *r, size_t k)
{
    return mlpc_objective_of_rows(&r->job->training.objective, &r->f->targets[k % 2], mlpc_fused_batch_rows(r, k));
}

/* Loss and correct answers, and dz of the last layer. */
static void evaluate(const mlpc_fused_view *s, size_t last, const part *of)
{
    const mlpc_fused_run *r = s->shared;
    const mlpc_epoch_job *j = r->job;
    const mlpc_kernels *kernels = j->model.kernels;
    mlpc_fused_rank *own = &r->f->ranks[s->rank];
    const size_t row = r->f->packed->layers[last].row, n = of->n;
    const mlpc_objective whole = objective_of(r, of->k);
    const mlpc_objective some = mlpc_objective_from(&whole, of->first, n, kernels->itemsize);
    mlpc_loss_job job = mlpc_loss_job_of(&some, s->divisor);
    job.z = mlpc_fused_at(r, r->f->layers[last].z, of->first * row);
    job.dz = mlpc_fused_at(r, r->f->layers[last].dz, of->first * row);
    job.z_row = job.dz_row = row;
    job.row_loss = j->row_loss + mlpc_fused_batch_start(r, of->k) + of->first;
    own->correct += mlpc_count_correct(some.loss.kind, kernels, &job);
    if (s->passed_over) {
        memset(job.row_loss, 0, n * sizeof *job.row_loss);
        return;
    }
    kernels->loss[some.loss.kind](&job);
    for (size_t b = 0; b < n; b++)
        own->diverged |= !(job.row_loss[b] - job.row_loss[b] == 0);
    own->diverged |= !kernels->all_finite(job.z, n * row) || !kernels->all_finite(job.dz, n * row);
}

/* From the next layer's dz to that of this one, unless this has batch norm: to dL/d(normed) then. */
static void backward_layer(const mlpc_fused_view *s, size_t l, const part *of)
{
    const mlpc_fused_run *r = s->shared;
    const mlpc_kernels *kernels = r->job->model.kernels;
    mlpc_norm_job norm;
    const mlpc_block_rows rows = block_rows(r, l, of, &norm);
    if (!mlpc_fused_by_units(s, of->k, l + 1))
        mlpc_fused_backward_product(s, l + 1, of->first, of->n, 0, r->f->packed->layers[l + 1].I);
    mlpc_block_backward(&r->job->model.net->layers[l].block, kernels, &rows);
    if (mlpc_fused_norm(r, l) == MLPC_NORM_layer) {
        norm = mlpc_fused_norm_of(r, l, of->first, of->n);
        kernels->layer_norm_backward(&norm);
    }
}

/* From dz of the last layer to dz of the first. */
static void backward(const mlpc_fused_view *s, const part *of)
{
    const mlpc_fused_run *r = s->shared;
    for (size_t l = r->job->model.net->n_layers - 1; l-- > 0;) {
        if (mlpc_fused_by_units(s, of->k, l + 1))
            mlpc_fused_backward_by_units(s, of->k, l + 1);
        in_pieces(s, l, of, backward_layer);
        if (l > 0 && mlpc_fused_norm(r, l) == MLPC_NORM_batch)
            mlpc_fused_norm_batch(s, of->k, l, mlpc_fused_norm_backward);
    }
}

void mlpc_fused_rows_phase(mlpc_fused_view *s, size_t k)
{
    const mlpc_fused_run *r = s->shared;
    const mlpc_kernels *kernels = r->job->model.kernels;
    const size_t B = mlpc_fused_batch_rows(r, k);
    const mlpc_objective objective = objective_of(r, k);
    part of = {.k = k, .draw = mlpc_fused_draw(r, k)};
    if (k + 1 < r->batches)
        mlpc_fused_gather(s, k + 1);
    mlpc_fused_share_of_rows(s, B, &of.first, &of.n); /* none, where there are more ranks than rows */
    s->passed_over = mlpc_loss_divisor(&objective, kernels, &s->divisor, r->f->ranks[s->rank].weights) != MLPC_OK;
    if (s->rank == 0)
        r->f->divisor[k] = s->passed_over ? 0 : s->divisor;
    forward(s, &of);
    in_pieces(s, r->job->model.net->n_layers - 1, &of, evaluate);
    if (!s->passed_over)
        backward(s, &of);
}
