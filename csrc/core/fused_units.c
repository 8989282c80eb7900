/* The panels of a fused batch, see fused_units.h. */
#include "fused_units.h"

#include "fused_norm.h"
#include "fused_products.h"
#include "fused_update.h"
#include "samples.h"
#include "step.h"

/* z of the first layer for one panel of a batch, over lists.  One of a rank's panels fills its columns: nearly free
 * while it runs over the lists anyway, where lines that another core wrote are dear. */
static void product_of_lists(const mlpc_fused_view *s, size_t k, size_t p, int fills)
{
    const mlpc_fused_run *r = s->shared;
    mlpc_fused *f = r->f;
    const mlpc_packed_layer *layer = &f->packed->layers[0];
    const size_t first = layer->panels[p], width = layer->panels[p + 1] - first;
    void *const z = mlpc_fused_at(r, f->layers[0].z, first), *const w =
                                                                 mlpc_fused_at(r, layer->weight, layer->I * first);
    mlpc_lists lists = mlpc_samples_lists(r->job->training.samples, &f->rows[k % 2], mlpc_fused_batch_rows(r, k));
    lists.table = f->table;
    for (size_t part = 0; part < lists.blocks; part++)
        r->job->model.kernels->list_forward(
            z, mlpc_fused_at(r, f->partial, first), layer->row, &lists, part, fills ? &f->ranks[s->rank].columns : NULL,
            mlpc_fused_at(r, w, part * MLPC_LIST_BLOCK * width), mlpc_fused_at(r, layer->bias, first), width);
}

/* The same for panels p to end - 1, and the norm behind them. */
static void first_products(const mlpc_fused_view *s, size_t k, size_t p, size_t end)
{
    const mlpc_fused_run *r = s->shared;
    const mlpc_packed_layer *layer = &r->f->packed->layers[0];
    const size_t B = mlpc_fused_batch_rows(r, k), terms = layer->I * (layer->panels[end] - layer->panels[p]);
    if (!r->f->skips_zeros)
        mlpc_fused_forward_product(s, k, 0, 0, B, p, end);
    else if (!mlpc_fused_stopped(s, B, terms))
        for (size_t q = p; q < end; q++)
            product_of_lists(s, k, q, q == p);
    for (size_t q = p; q < end && mlpc_fused_norm(r, 0) == MLPC_NORM_batch; q++)
        mlpc_fused_norm_forward(r, k, 0, q);
}

void mlpc_fused_first_products(const mlpc_fused_view *s, size_t k)
{
    size_t first, end;
    mlpc_fused_share_of_panels(s, 0, &first, &end);
    first_products(s, k, first, end);
}

/* Gradients of a panel's gains and shifts, and their steps; and dL/dz, of batch norm behind the first layer. */
static void update_norm(const mlpc_fused_run *r, const mlpc_step_plan *plan, size_t k, size_t l, size_t p)
{
    const mlpc_packed_layer *const layer = &r->f->packed->layers[l];
    const size_t tensor = r->job->model.net->layers[l].tensor, unit = layer->panels[p];
    const size_t n = layer->panels[p + 1] - unit;
    const mlpc_step_plan of_gain = mlpc_step_of_tensor(plan, tensor + 2);
    const mlpc_step_plan of_shift = mlpc_step_of_tensor(plan, tensor + 3);
    if (l == 0 || mlpc_fused_norm(r, l) == MLPC_NORM_layer)
        mlpc_fused_norm_backward(r, k, l, p);
    mlpc_fused_step(r, &of_gain, mlpc_fused_at(r, layer->gain, unit), mlpc_fused_at(r, r->f->layers[l].dgain, unit), n);
    mlpc_fused_step(r, &of_shift, mlpc_fused_at(r, layer->shift, unit), mlpc_fused_at(r, r->f->layers[l].dshift, unit),
                    n);
}

/* Gradients of the rank's panels of a layer, and the step. */
static void update_layer(const mlpc_fused_view *s, const mlpc_step_plan *plan, size_t k, size_t l, size_t first,
                         size_t end)
{
    const mlpc_fused_run *r = s->shared;
    const mlpc_fused *f = r->f;
    const mlpc_packed_layer *layer = &f->packed->layers[l];
    const size_t tensor = r->job->model.net->layers[l].tensor;
    const mlpc_step_plan of_bias = mlpc_step_of_tensor(plan, tensor + 1);
    const mlpc_fused_update u = {
        .view = s,
        .layer = layer,
        .B = mlpc_fused_batch_rows(r, k),
        .first = first,
        .end = end,
        .step = mlpc_step_of_tensor(plan, tensor),
        .x = l ? f->layers[l - 1].dropped : f->rows[k % 2].x,
        .x_row = l ? f->packed->layers[l - 1].row : f->rows[k % 2].x_row,
        .dz = f->layers[l].dz,
        .dz_row = layer->row,
    };
    void *const strip = f->ranks[s->rank].strip;
    for (size_t p = first; p < end; p++) {
        const size_t unit = layer->panels[p], width = layer->panels[p + 1] - unit;
        if (mlpc_fused_norm(r, l) != MLPC_NORM_none)
            update_norm(r, plan, k, l, p);
        r->job->model.kernels->linear_backward_b(strip, mlpc_fused_at(r, u.dz, unit), u.dz_row, u.B, width);
        mlpc_fused_step(r, &of_bias, mlpc_fused_at(r, layer->bias, unit), strip, width);
    }
    if (l == 0 && f->skips_zeros)
        mlpc_fused_update_over_lists(&u);
    else
        mlpc_fused_update_weights(&u);
}

/* The sums of a panel's weights by units, as the record wants them. */
static void sum_weights(const mlpc_fused_run *r, size_t first_unit, size_t l, size_t p)
{
    const mlpc_step_record *const record = &r->job->epoch.record;
    const mlpc_packed_layer *const layer = &r->f->packed->layers[l];
    const size_t unit = layer->panels[p], width = layer->panels[p + 1] - unit, at = first_unit + unit;
    if (record->squares || record->absolutes)
        r->job->model.kernels->column_sums(record->squares ? r->f->unit_squares + at : NULL,
                                           record->absolutes ? r->f->unit_absolutes + at : NULL,
                                           mlpc_fused_at(r, layer->weight, layer->I * unit), layer->I, width, width);
}

/* Panels of the first layer that get their products of the next batch behind their steps, while a cache still has them:
 * 3000-2048-2 takes 0.9 times as long, with one row and Adam.  Whole numbers of those that kernels take across for few
 * rows, which are 8 and less. */
enum { PANELS_AT_ONCE = 24 };

/* Not where x is larger than a strip, which goes through all panels before the next one does, nor of lists. */
static int goes_by_panels(const mlpc_fused_run *r, size_t k)
{
    const size_t most = MLPC_STRIP_CACHED / r->job->model.kernels->itemsize;
    return k + 1 < r->batches && !r->f->skips_zeros && mlpc_fused_batch_rows(r, k) <= most / r->f->packed->layers[0].I;
}

/* The rank's panels of all layers. */
static void update(mlpc_fused_view *s, size_t k, int by_panels)
{
    const mlpc_fused_run *const r = s->shared;
    const mlpc_packed *const packed = r->f->packed;
    const mlpc_epoch *const epoch = &r->job->epoch;
    const double factor = epoch->penalty_factors ? epoch->penalty_factors[k] : 1;
    const mlpc_optimizer optimizer = mlpc_step_penalised(&r->job->training.optimizer, factor);
    mlpc_step_plan plan;
    s->steps += 1;
    mlpc_step_prepare(&plan, &optimizer, epoch->rates[k], r->steps + s->steps);
    for (size_t l = packed->n_layers, first_unit = r->f->units; l-- > 0;) {
        size_t first, end;
        first_unit -= packed->layers[l].padded;
        mlpc_fused_share_of_panels(s, l, &first, &end);
        const size_t at_once = l == 0 && by_panels ? PANELS_AT_ONCE : end - first;
        for (size_t p = first; p < end; p++)
            sum_weights(r, first_unit, l, p);
        for (size_t p = first; p < end; p += at_once) {
            const size_t stop = end - p < at_once ? end : p + at_once;
            update_layer(s, &plan, k, l, p, stop);
            if (l == 0 && by_panels)
                first_products(s, k + 1, p, stop);
        }
    }
}

void mlpc_fused_units_phase(mlpc_fused_view *s, size_t k)
{
    const int by_panels = !s->passed_over && goes_by_panels(s->shared, k);
    if (!s->passed_over)
        update(s, k, by_panels);
    if (!by_panels && k + 1 < s->shared->batches)
        mlpc_fused_first_products(s, k + 1);
}
