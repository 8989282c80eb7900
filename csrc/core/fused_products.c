/* Products in pieces, see fused_products.h.  All rows meet the units of a piece before they meet the next: where there
 * are many of either, what a piece reads of the weights comes from nearer than all of them. */
#include "fused_products.h"

/* Inputs that are whole panels, whatever the instruction set. */
enum { WHOLE_PANELS = 96 };

void mlpc_fused_forward_product(const mlpc_fused_view *s, size_t k, size_t l, size_t first, size_t n, size_t p,
                                size_t end)
{
    const mlpc_fused_run *const r = s->shared;
    const mlpc_packed_layer *const layer = &r->f->packed->layers[l];
    const mlpc_rows *const rows = &r->f->rows[k % 2];
    const void *const x = l ? r->f->layers[l - 1].dropped : rows->x;
    const size_t x_row = l ? layer[-1].row : rows->x_row;
    if (n == 0 || p == end)
        return;
    const mlpc_product_piece piece = mlpc_piece_of_panels(r->job->model.kernels, layer, n, p, end);
    for (size_t panels; p < end; p += panels) {
        panels = end - p < piece.count ? end - p : piece.count;
        for (size_t b = first, left = n, part; left; left -= part, b += part) {
            part = left < piece.rows ? left : piece.rows;
            if (mlpc_fused_stopped(s, part, layer->I * (layer->panels[p + panels] - layer->panels[p])))
                return;
            r->job->model.kernels->panels_forward(mlpc_fused_at(r, r->f->layers[l].z, b * layer->row), layer->row,
                                                  mlpc_fused_at(r, x, b * x_row), x_row, layer->weight, layer->bias,
                                                  layer->panels + p, panels, part, layer->I);
        }
    }
}

void mlpc_fused_backward_product(const mlpc_fused_view *s, size_t l, size_t first, size_t n, size_t i, size_t end)
{
    const mlpc_fused_run *const r = s->shared;
    const mlpc_packed_layer *const layer = &r->f->packed->layers[l], *const before = layer - 1;
    if (n == 0 || i == end)
        return;
    const mlpc_product_piece piece = mlpc_piece_of_product(r->job->model.kernels, n, end - i, layer->O);
    const size_t whole = piece.count / WHOLE_PANELS * WHOLE_PANELS;
    const size_t most = piece.count == end - i || !whole ? piece.count : whole;
    for (size_t inputs; i < end; i += inputs) {
        inputs = end - i < most ? end - i : most;
        for (size_t b = first, left = n, part; left; left -= part, b += part) {
            part = left < piece.rows ? left : piece.rows;
            if (mlpc_fused_stopped(s, part, layer->O * inputs))
                return;
            r->job->model.kernels->panels_backward_x(mlpc_fused_at(r, r->f->layers[l - 1].dnormed, b * before->row + i),
                                                     before->row, mlpc_fused_at(r, r->f->layers[l].dz, b * layer->row),
                                                     layer->row, layer->weight, layer->panels, part, layer->I, layer->O,
                                                     i, inputs, r->f->ranks[s->rank].tiles);
        }
    }
}
