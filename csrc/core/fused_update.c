/* The update of weights, see fused_update.h. */
#include "fused_update.h"

#include "memory.h"

/* Strips and panels of a layer up to which nothing is copied: it would cost more than it brings. */
enum { FEW_STRIPS = 6, FEW_PANELS = 3 };

/* Inputs of whole tiles, or nearly so, of 4, 6 and 8 rows. */
enum { TILES = 12 };

void mlpc_fused_step(const mlpc_fused_run *r, const mlpc_step_plan *of_tensor, void *p, const void *gradients, size_t n)
{
    void *state[MLPC_MAX_STATES];
    mlpc_packed_states(r->f->packed, p, state);
    mlpc_step_apply(of_tensor, r->job->model.kernels, p, gradients, state, n);
}

/* 1 where the step is taken within the product. */
static int steps_at_once(const mlpc_fused_update *u)
{
    return mlpc_step_is_plain(&u->step) && u->B <= MLPC_BATCH_BLOCK;
}

/* Inputs whose weights are updated before the next ones are: strips of about the same length, whole tiles. */
static size_t strip_inputs(const mlpc_fused_update *u)
{
    const mlpc_fused *const f = u->view->shared->f;
    const size_t *const panels = u->layer->panels;
    size_t widest = 1, most = MLPC_STRIP_CACHED / (u->B * u->view->shared->job->model.kernels->itemsize);
    if (u->end - u->first == 1)
        most = u->layer->I + MLPC_STRIP_INPUTS; /* all of them at once: no other panel reads them */
    for (size_t p = u->first; p < u->end; p++)
        widest = panels[p + 1] - panels[p] > widest ? panels[p + 1] - panels[p] : widest;
    if (!steps_at_once(u) && f->strip_elements / widest < most)
        most = f->strip_elements / widest;
    most = most < MLPC_STRIP_INPUTS ? MLPC_STRIP_INPUTS : most / MLPC_STRIP_INPUTS * MLPC_STRIP_INPUTS;
    const size_t strips = (u->layer->I + most - 1) / most, even = (u->layer->I + strips - 1) / strips;
    return (even + TILES - 1) / TILES * TILES;
}

/* A part of x or of dz, and how far its rows are apart. */
typedef struct {
    const void *p;
    size_t row;
} rows;

/* Gradients of the weights of n inputs of panel p, and their step; x and dz hold these inputs and that panel alone. */
static void update_strip(const mlpc_fused_update *u, size_t p, size_t input, size_t n, rows x, rows dz)
{
    const mlpc_fused_run *const r = u->view->shared;
    const mlpc_kernels *const kernels = r->job->model.kernels;
    const size_t unit = u->layer->panels[p], width = u->layer->panels[p + 1] - unit, left = u->layer->O - unit;
    const size_t outputs = left < width ? left : width;
    void *const w = mlpc_fused_at(r, u->layer->weight, u->layer->I * unit + input * width);
    void *const strip = r->f->ranks[u->view->rank].strip;
    if (steps_at_once(u)) {
        const double rate = u->step.coefficients[MLPC_COEFFICIENT_rate];
        kernels->panel_sgd_step(w, x.p, x.row, dz.p, dz.row, u->B, n, outputs, rate, width);
        return;
    }
    kernels->panel_backward_w(strip, x.p, x.row, dz.p, dz.row, u->B, n, outputs, width);
    mlpc_fused_step(r, &u->step, w, strip, n * width);
}

/* Copies n elements of each of B rows, which come to lie side by side. */
static rows copy_rows(void *to, rows from, size_t B, size_t n, size_t itemsize)
{
    mlpc_copy_rows(to, n * itemsize, from.p, from.row * itemsize, B, n * itemsize);
    return (rows){to, n};
}

/* Where there are many strips each panel's dz is copied once, and each strip of x: else every row of them would be a
 * line or two of another page. */
void mlpc_fused_update_weights(const mlpc_fused_update *u)
{
    const mlpc_fused_run *const r = u->view->shared;
    const mlpc_fused_rank *const own = &r->f->ranks[u->view->rank];
    const size_t I = u->layer->I, most = strip_inputs(u), size = r->job->model.kernels->itemsize;
    const size_t *const panels = u->layer->panels;
    const int copies = u->B > MLPC_BATCH_BLOCK && I > FEW_STRIPS * most && u->end - u->first > FEW_PANELS;
    for (size_t p = u->first; copies && p < u->end; p++)
        copy_rows(mlpc_fused_at(r, own->dz, u->B * panels[p]), (rows){mlpc_fused_at(r, u->dz, panels[p]), u->dz_row},
                  u->B, panels[p + 1] - panels[p], size);
    for (size_t i = 0; i < I; i += most) {
        const size_t n = I - i < most ? I - i : most;
        rows x = {mlpc_fused_at(r, u->x, i), u->x_row};
        if (copies)
            x = copy_rows(own->x, x, u->B, n, size);
        for (size_t p = u->first; p < u->end; p++) {
            rows dz = {mlpc_fused_at(r, u->dz, panels[p]), u->dz_row};
            if (copies)
                dz = (rows){mlpc_fused_at(r, own->dz, u->B * panels[p]), panels[p + 1] - panels[p]};
            update_strip(u, p, i, n, x, dz);
        }
    }
}

/* Those of a panel. */
static void update_over_lists(const mlpc_fused_update *u, size_t p)
{
    const mlpc_fused_run *const r = u->view->shared;
    const mlpc_kernels *const kernels = r->job->model.kernels;
    const mlpc_fused_rank *const own = &r->f->ranks[u->view->rank];
    const size_t unit = u->layer->panels[p], width = u->layer->panels[p + 1] - unit, I = u->layer->I;
    const size_t most = r->f->strip_elements / width / MLPC_STRIP_INPUTS * MLPC_STRIP_INPUTS;
    const void *const dz = mlpc_fused_at(r, u->dz, unit);
    void *const w = mlpc_fused_at(r, u->layer->weight, I * unit);
    if (steps_at_once(u)) {
        const double rate = u->step.coefficients[MLPC_COEFFICIENT_rate];
        kernels->list_sgd_step(w, &own->columns, 0, I, dz, u->dz_row, u->B, rate, width);
        return;
    }
    for (size_t i = 0; i < I; i += most) {
        const size_t n = I - i < most ? I - i : most;
        kernels->list_backward_w(own->strip, &own->columns, i, n, dz, u->dz_row, u->B, width);
        mlpc_fused_step(r, &u->step, mlpc_fused_at(r, w, i * width), own->strip, n * width);
    }
}

void mlpc_fused_update_over_lists(const mlpc_fused_update *u)
{
    for (size_t p = u->first; p < u->end; p++)
        update_over_lists(u, p);
}
