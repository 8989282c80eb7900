/* The panels of a fused batch, see fused_units.h. */
#include "fused_units.h"

#include "fused_norm.h"
#include "samples.h"
#include "step.h"

/* z of the first layer for one panel of a batch.  Where zeros are skipped one of a rank's panels fills its columns:
 * nearly free while it runs over the lists anyway, where lines that another core wrote are dear. */
static void first_product(const mlpc_fused_view *s, size_t k, size_t p, int fills)
{
    const mlpc_fused_run *r = s->shared;
    mlpc_fused *f = r->f;
    const mlpc_kernels *kernels = r->job->model.kernels;
    const mlpc_packed_layer *layer = &f->packed->layers[0];
    const size_t first = layer->panels[p], width = layer->panels[p + 1] - first, B = mlpc_fused_batch_rows(r, k);
    void *const z = mlpc_fused_at(r, f->layers[0].z, first), *const w =
                                                                 mlpc_fused_at(r, layer->weight, layer->I * first);
    void *const bias = mlpc_fused_at(r, layer->bias, first);
    mlpc_rows *const rows = &f->rows[k % 2];
    if (!f->skips_zeros) {
        kernels->panel_forward(z, layer->row, rows->x, rows->x_row, w, bias, B, layer->I, width);
        return;
    }
    mlpc_lists lists = mlpc_samples_lists(r->job->training.samples, rows, B);
    lists.table = f->table;
    for (size_t part = 0; part < lists.blocks; part++)
        kernels->list_forward(z, mlpc_fused_at(r, f->partial, first), layer->row, &lists, part,
                              fills ? &f->ranks[s->rank].columns : NULL,
                              mlpc_fused_at(r, w, part * MLPC_LIST_BLOCK * width), bias, width);
}

void mlpc_fused_first_products(const mlpc_fused_view *s, size_t k)
{
    size_t first, end;
    mlpc_fused_share_of_panels(s, 0, &first, &end);
    for (size_t p = first; p < end; p++) {
        first_product(s, k, p, p == first);
        if (mlpc_fused_norm(s->shared, 0) == MLPC_NORM_batch)
            mlpc_fused_norm_forward(s->shared, k, 0, p);
    }
}

/* The step of n elements of a tensor, which lie at p among the packed parameters. */
static void step(const mlpc_fused_run *r, const mlpc_step_plan *of_tensor, void *p, const void *gradients, size_t n)
{
    void *state[MLPC_MAX_STATES];
    mlpc_packed_states(r->f->packed, p, state);
    mlpc_step_apply(of_tensor, r->job->model.kernels, p, gradients, state, n);
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
    step(r, &of_gain, mlpc_fused_at(r, layer->gain, unit), mlpc_fused_at(r, r->f->layers[l].dgain, unit), n);
    step(r, &of_shift, mlpc_fused_at(r, layer->shift, unit), mlpc_fused_at(r, r->f->layers[l].dshift, unit), n);
}

/* Gradients of a panel of a layer, and the step, strip by strip. */
static void update_panel(const mlpc_fused_view *s, const mlpc_step_plan *plan, size_t k, size_t l, size_t p)
{
    const mlpc_fused_run *r = s->shared;
    mlpc_fused *f = r->f;
    const mlpc_kernels *kernels = r->job->model.kernels;
    const mlpc_packed_layer *layer = &f->packed->layers[l];
    const size_t tensor = r->job->model.net->layers[l].tensor;
    const mlpc_step_plan of_weight = mlpc_step_of_tensor(plan, tensor);
    const mlpc_step_plan of_bias = mlpc_step_of_tensor(plan, tensor + 1);
    void *const strip = f->ranks[s->rank].strip;
    const size_t unit = layer->panels[p], width = layer->panels[p + 1] - unit, B = mlpc_fused_batch_rows(r, k);
    const size_t I = layer->I;
    const size_t most = f->strip_elements / width / MLPC_STRIP_INPUTS * MLPC_STRIP_INPUTS;
    const void *const dz = mlpc_fused_at(r, f->layers[l].dz, unit);
    const int lists = l == 0 && f->skips_zeros;

    if (mlpc_fused_norm(r, l) != MLPC_NORM_none)
        update_norm(r, plan, k, l, p);
    kernels->linear_backward_b(strip, dz, layer->row, B, width);
    step(r, &of_bias, mlpc_fused_at(r, layer->bias, unit), strip, width);

    const void *const x = l ? f->layers[l - 1].dropped : f->rows[k % 2].x;
    const size_t x_row = l ? f->packed->layers[l - 1].row : f->rows[k % 2].x_row;
    void *const w = mlpc_fused_at(r, layer->weight, I * unit);
    if (mlpc_step_is_plain(&of_weight) && B <= MLPC_BATCH_BLOCK) {
        const double rate = of_weight.coefficients[MLPC_COEFFICIENT_rate];
        if (lists)
            kernels->list_sgd_step(w, &f->ranks[s->rank].columns, 0, I, dz, layer->row, B, rate, width);
        else
            kernels->panel_sgd_step(w, x, x_row, dz, layer->row, B, I, rate, width);
        return;
    }
    for (size_t i = 0; i < I; i += most) {
        const size_t n = I - i < most ? I - i : most;
        if (lists)
            kernels->list_backward_w(strip, &f->ranks[s->rank].columns, i, n, dz, layer->row, B, width);
        else
            kernels->panel_backward_w(strip, mlpc_fused_at(r, x, i), x_row, dz, layer->row, B, n, width);
        step(r, &of_weight, mlpc_fused_at(r, w, i * width), strip, n * width);
    }
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

void mlpc_fused_units_phase(mlpc_fused_view *s, size_t k)
{
    const mlpc_fused_run *r = s->shared;
    const mlpc_packed *packed = r->f->packed;
    const mlpc_epoch *const epoch = &r->job->epoch;
    if (!s->passed_over) {
        const double factor = epoch->penalty_factors ? epoch->penalty_factors[k] : 1;
        const mlpc_optimizer optimizer = mlpc_step_penalised(&r->job->training.optimizer, factor);
        mlpc_step_plan plan;
        s->steps += 1;
        mlpc_step_prepare(&plan, &optimizer, epoch->rates[k], r->steps + s->steps);
        for (size_t l = packed->n_layers, first_unit = r->f->units; l-- > 0;) {
            size_t p, end;
            first_unit -= packed->layers[l].padded;
            for (mlpc_fused_share_of_panels(s, l, &p, &end); p < end; p++) {
                sum_weights(r, first_unit, l, p);
                update_panel(s, &plan, k, l, p);
            }
        }
    }
    if (k + 1 < r->batches)
        mlpc_fused_first_products(s, k + 1);
}
