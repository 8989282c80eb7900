/* Parameters in panels. */
#include "packed.h"

#include <stdlib.h>

#include "../kernels/kernels.h"
#include "memory.h"
#include "team.h"

size_t mlpc_packed_row(size_t n, size_t itemsize)
{
    const size_t line = MLPC_ALIGNMENT, bytes = n * itemsize;
    return (bytes % (2 * line) == 0 ? bytes + line : bytes) / itemsize;
}

/* Panels for so many vectors: of `wide` or one more each, or, for lists, as few as there can be, but as many for each
 * thread. */
static size_t panel_count(size_t vectors, size_t wide, int lists, size_t threads)
{
    if (lists) {
        const size_t fewest = (vectors + MLPC_LIST_VECTORS - 1) / MLPC_LIST_VECTORS;
        const size_t n = (fewest + threads - 1) / threads * threads;
        return n < vectors ? n : vectors;
    }
    const size_t n = vectors / wide;
    return vectors - n * wide > n ? n + 1 : n;
}

/* Vectors of a number for each output that a layer has besides its weight, neighbours here and in the public order. */
static size_t vectors_of(const mlpc_layer *layer) { return layer->block.norm == MLPC_NORM_none ? 1 : 3; }

mlpc_status mlpc_packed_create(mlpc_packed **out, const mlpc_net *net, const mlpc_kernels *kernels,
                               void *const state[MLPC_MAX_STATES], int lists, size_t threads)
{
    const size_t size = kernels->itemsize, L = net->n_layers, lanes = kernels->lanes;
    mlpc_packed *packed = calloc(1, sizeof *packed);
    if (!packed)
        return MLPC_ERROR_MEMORY;
    *packed = (mlpc_packed){.n_layers = L};

    /* The plan, as layers without memory: sizes were checked when the net was made, padding adds less than lanes. */
    size_t total = 0, offset = 0, boundaries = 0, elements = 0;
    int fits = mlpc_size_add(&total, L, sizeof(mlpc_packed_layer));
    for (size_t l = 0; fits && l < L; l++) {
        const size_t vectors = (net->layers[l].n_out + lanes - 1) / lanes, padded = vectors * lanes;
        const size_t rows = net->layers[l].n_in + vectors_of(&net->layers[l]);
        boundaries += panel_count(vectors, kernels->vectors, lists && l == 0, threads) + 1;
        fits = rows < SIZE_MAX / 8 / size / padded;
        elements += fits ? rows * padded : 0;
        fits = fits && elements < SIZE_MAX / 8 / size;
    }
    fits = fits && mlpc_size_add(&total, boundaries, sizeof(size_t));
    fits = fits && mlpc_size_add(&total, elements, size);
    for (size_t s = 0; s < MLPC_MAX_STATES; s++)
        fits = fits && (!state[s] || mlpc_size_add(&total, elements, size));
    if (!fits || !(packed->memory = mlpc_block_alloc(total))) {
        mlpc_packed_free(packed);
        return MLPC_ERROR_MEMORY;
    }
    packed->elements = elements;
    packed->layers = mlpc_block_cut(packed->memory, &offset, L, sizeof(mlpc_packed_layer));
    size_t *panels = mlpc_block_cut(packed->memory, &offset, boundaries, sizeof(size_t));
    packed->parameters = mlpc_block_cut(packed->memory, &offset, elements, size);
    for (size_t s = 0; s < MLPC_MAX_STATES; s++)
        packed->states[s] = state[s] ? mlpc_block_cut(packed->memory, &offset, elements, size) : NULL;

    size_t at = 0;
    for (size_t l = 0; l < L; l++) {
        mlpc_packed_layer *layer = &packed->layers[l];
        const size_t vectors = (net->layers[l].n_out + lanes - 1) / lanes;
        layer->I = net->layers[l].n_in;
        layer->O = net->layers[l].n_out;
        layer->padded = vectors * lanes;
        layer->row = mlpc_packed_row(layer->padded, size);
        layer->n_panels = panel_count(vectors, kernels->vectors, lists && l == 0, threads);
        layer->panels = panels;
        for (size_t p = 0; p <= layer->n_panels; p++)
            *panels++ = vectors * p / layer->n_panels * lanes;
        layer->weight = (char *)packed->parameters + at * size;
        layer->bias = (char *)layer->weight + layer->I * layer->padded * size;
        if (net->layers[l].block.norm != MLPC_NORM_none) {
            layer->gain = (char *)layer->bias + layer->padded * size;
            layer->shift = (char *)layer->gain + layer->padded * size;
        }
        at += (layer->I + vectors_of(&net->layers[l])) * layer->padded;
    }
    *out = packed;
    return MLPC_OK;
}

void mlpc_packed_free(mlpc_packed *packed)
{
    if (packed)
        mlpc_block_free(packed->memory);
    free(packed);
}

/* Rows whose parts are copied to all panels before the next ones are: they stay in a cache meanwhile. */
enum { ROWS_AT_ONCE = 16 };

/* The panels first to end - 1 of a layer's weight, with rows of the public order so many bytes apart. */
static void copy_weight(const mlpc_packed_layer *layer, size_t first, size_t end, char *public, char *panels,
                        size_t size, int load)
{
    const size_t I = layer->I, O = layer->O, row = O * size;
    for (size_t i = 0; i < I; i += ROWS_AT_ONCE) {
        const size_t rows = I - i < ROWS_AT_ONCE ? I - i : ROWS_AT_ONCE;
        for (size_t p = first; p < end; p++) {
            const size_t unit = layer->panels[p], stop = layer->panels[p + 1], width = (stop - unit) * size;
            const size_t bytes = ((stop < O ? stop : O) - unit) * size;
            char *const out = public + i * row + unit * size, *const in = panels + I * unit * size + i * width;
            if (load)
                mlpc_copy_rows(in, width, out, row, rows, bytes);
            else
                mlpc_copy_rows(out, row, in, width, rows, bytes);
        }
    }
}

/* Copies a rank's share between an array in the public order and one in panels; padding is left at 0. */
static void copy(const mlpc_packed *packed, const mlpc_net *net, char *public, char *panels, int load, size_t rank,
                 size_t ranks)
{
    const size_t size = mlpc_itemsize(net->dtype);
    for (size_t l = 0; l < packed->n_layers; l++) {
        const mlpc_packed_layer *const layer = &packed->layers[l];
        const size_t vectors = vectors_of(&net->layers[l]), O = layer->O, padded = layer->padded;
        size_t first, end;
        mlpc_team_share(layer->n_panels, 1, rank, ranks, &first, &end);
        copy_weight(layer, first, end, public + net->layers[l].weight * size, panels, size, load);
        panels += layer->I * padded * size;
        char *const of_outputs = public + net->layers[l].bias * size;
        if (rank == 0 && load)
            mlpc_copy_rows(panels, padded * size, of_outputs, O * size, vectors, O * size);
        else if (rank == 0)
            mlpc_copy_rows(of_outputs, O * size, panels, padded * size, vectors, O * size);
        panels += vectors * padded * size;
    }
}

void mlpc_packed_load(mlpc_packed *packed, const mlpc_model *model, void *const state[MLPC_MAX_STATES], size_t rank,
                      size_t size)
{
    copy(packed, model->net, model->parameters, packed->parameters, 1, rank, size);
    for (size_t s = 0; s < MLPC_MAX_STATES; s++)
        if (packed->states[s])
            copy(packed, model->net, state[s], packed->states[s], 1, rank, size);
}

void mlpc_packed_store(const mlpc_packed *packed, const mlpc_model *model, void *const state[MLPC_MAX_STATES],
                       size_t rank, size_t size)
{
    copy(packed, model->net, model->parameters, packed->parameters, 0, rank, size);
    for (size_t s = 0; s < MLPC_MAX_STATES; s++)
        if (packed->states[s])
            copy(packed, model->net, state[s], packed->states[s], 0, rank, size);
}

void mlpc_packed_states(const mlpc_packed *packed, const void *p, void *state[MLPC_MAX_STATES])
{
    const ptrdiff_t offset = (const char *)p - (const char *)packed->parameters;
    for (size_t s = 0; s < MLPC_MAX_STATES; s++)
        state[s] = packed->states[s] ? (char *)packed->states[s] + offset : NULL;
}

int mlpc_packed_finite(const mlpc_packed *packed, const mlpc_kernels *kernels, size_t rank, size_t size)
{
    size_t from, to;
    mlpc_team_share(packed->elements, MLPC_ALIGNMENT / kernels->itemsize, rank, size, &from, &to);
    const size_t offset = from * kernels->itemsize;
    for (size_t s = 0; s < MLPC_MAX_STATES; s++)
        if (packed->states[s] && !kernels->all_finite((char *)packed->states[s] + offset, to - from))
            return 0;
    return kernels->all_finite((char *)packed->parameters + offset, to - from);
}
