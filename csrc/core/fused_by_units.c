/* Products by units, see fused_by_units.h. */
#include "fused_by_units.h"

#include "fused_products.h"

/* However few the rows are, a weight takes as long as so many of them: it comes from afar.  On Zen 3 SGD takes
 * 0.3 ns a weight, Adam 0.8, where the three terms of a row take 0.15. */
enum { LEAST_ROWS = 2 };

/* Where zeros are skipped and an optimizer keeps no state, a weight of the first layer takes a part of that: it is
 * touched where its input is not zero. */
enum { OF_SKIPPED = 8 };

/* Weights of a layer behind the first that each rank gets at least, and those that take as long as two barriers each
 * way: with one row and SGD two ranks take 1.2 times as long as one for 300-256-256-10, and 0.75 times for
 * 784-256-256-10. */
enum { LEAST_WEIGHTS = 1 << 14, WEIGHTS_OF_BARRIERS = 2 * LEAST_WEIGHTS };

static int is_wide(const mlpc_model *model, size_t l, size_t size)
{
    const mlpc_layer *const layer = &model->net->layers[l];
    const size_t panel = (model->kernels->vectors + 1) * model->kernels->lanes;
    return layer->n_out / panel >= size && (l == 0 || layer->n_in * layer->n_out / size >= LEAST_WEIGHTS);
}

int mlpc_fused_by_units(const mlpc_fused_view *s, size_t k, size_t l)
{
    return s->size > 1 && mlpc_fused_has_few_rows(s, mlpc_fused_batch_rows(s->shared, k)) &&
           is_wide(&s->shared->job->model, l, s->size);
}

double mlpc_fused_terms_by_units(const mlpc_model *model, const mlpc_training *training, size_t B, size_t size)
{
    const int touches_few = mlpc_fused_skips_zeros(training) && !training->optimizer.state[0];
    const double rows = (double)(B < LEAST_ROWS ? LEAST_ROWS : B);
    double terms = 0;
    for (size_t l = 0; l < model->net->n_layers; l++) {
        const mlpc_layer *const layer = &model->net->layers[l];
        const double all = 3 * rows * (double)layer->n_in * (double)layer->n_out;
        if (!is_wide(model, l, size))
            terms -= all;
        else if (l > 0)
            terms += all - 3.0 * LEAST_ROWS * WEIGHTS_OF_BARRIERS * (double)size;
        else
            terms += touches_few ? all / OF_SKIPPED : all;
    }
    return terms;
}

void mlpc_fused_forward_by_units(const mlpc_fused_view *s, size_t k, size_t l)
{
    size_t p, end;
    mlpc_fused_share_of_panels(s, l, &p, &end);
    mlpc_team_barrier(s->team);
    mlpc_fused_forward_product(s, k, l, 0, mlpc_fused_batch_rows(s->shared, k), p, end);
    mlpc_team_barrier(s->team);
}

void mlpc_fused_backward_by_units(const mlpc_fused_view *s, size_t k, size_t l)
{
    const mlpc_fused_run *const r = s->shared;
    size_t i, end;
    mlpc_team_share(r->f->packed->layers[l].I, r->job->model.kernels->lanes, s->rank, s->size, &i, &end);
    mlpc_team_barrier(s->team);
    mlpc_fused_backward_product(s, l, 0, mlpc_fused_batch_rows(r, k), i, end);
    mlpc_team_barrier(s->team);
}
