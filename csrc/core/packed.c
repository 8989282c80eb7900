/* Parameters in panels. */
#include "packed.h"

#include <stdlib.h>
#include <string.h>

#include "../kernels/kernels.h"
#include "memory.h"

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

/* Copies between an array in the public order and one in panels; padding is left at 0. */
static void copy(const mlpc_packed *packed, const mlpc_net *net, char *public, char *panels, int load)
{
    const size_t size = mlpc_itemsize(net->dtype);
    for (size_t l = 0; l < packed->n_layers; l++) {
        const mlpc_packed_layer *layer = &packed->layers[l];
        const size_t I = layer->I, O = layer->O;
        for (size_t p = 0; p < layer->n_panels; p++) {
            const size_t first = layer->panels[p], end = layer->panels[p + 1];
            const size_t bytes = ((end < O ? end : O) - first) * size, width = (end - first) * size;
            char *out = public + (net->layers[l].weight + first) * size, *in = panels + I * first * size;
            for (size_t i = 0; i < I; i++, out += O * size, in += width)
                memcpy(load ? in : out, load ? out : in, bytes);
        }
        panels += I * layer->padded * size;
        for (size_t v = 0; v < vectors_of(&net->layers[l]); v++, panels += layer->padded * size) {
            char *const vector = public + (net->layers[l].bias + v * O) * size;
            memcpy(load ? panels : vector, load ? vector : panels, O * size);
        }
    }
}

void mlpc_packed_load(mlpc_packed *packed, const mlpc_model *model, void *const state[MLPC_MAX_STATES])
{
    copy(packed, model->net, model->parameters, packed->parameters, 1);
    for (size_t s = 0; s < MLPC_MAX_STATES; s++)
        if (packed->states[s])
            copy(packed, model->net, state[s], packed->states[s], 1);
}

void mlpc_packed_store(const mlpc_packed *packed, const mlpc_model *model, void *const state[MLPC_MAX_STATES])
{
    copy(packed, model->net, model->parameters, packed->parameters, 0);
    for (size_t s = 0; s < MLPC_MAX_STATES; s++)
        if (packed->states[s])
            copy(packed, model->net, state[s], packed->states[s], 0);
}

void mlpc_packed_states(const mlpc_packed *packed, const void *p, void *state[MLPC_MAX_STATES])
{
    const ptrdiff_t offset = (const char *)p - (const char *)packed->parameters;
    for (size_t s = 0; s < MLPC_MAX_STATES; s++)
        state[s] = packed->states[s] ? (char *)packed->states[s] + offset : NULL;
}

int mlpc_packed_finite(const mlpc_packed *packed, const mlpc_kernels *kernels)
{
    for (size_t s = 0; s < MLPC_MAX_STATES; s++)
        if (packed->states[s] && !kernels->all_finite(packed->states[s], packed->elements))
            return 0;
    return kernels->all_finite(packed->parameters, packed->elements);
}
