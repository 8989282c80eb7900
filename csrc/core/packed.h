/* A network's parameters, and an optimizer's state, in panels: how an epoch keeps them.  See kernels.h.
 *
 * Panels depend on the instruction set and on the number of threads; nothing that anyone else sees does. */
#ifndef MLPC_PACKED_H
#define MLPC_PACKED_H

#include "mlpc.h"
#include "piece.h"

typedef struct {
    size_t I, O, padded; /* padded: outputs, filled up to whole vectors */
    size_t row;          /* between rows of what lies behind the layer: no even number of cache lines, so that the same
                          * column of many rows does not fall into few sets of the cache */
    size_t n_panels, *panels;  /* n_panels + 1 first outputs */
    void *weight;              /* (I, padded) in panels */
    void *bias, *gain, *shift; /* (padded,) each, neighbours; gain and shift where the layer has a norm, else NULL */
} mlpc_packed_layer;

/* Of the product of n > 0 rows and panels p to end - 1, of which there are some. */
static inline mlpc_product_piece mlpc_piece_of_panels(const mlpc_kernels *kernels, const mlpc_packed_layer *layer,
                                                      size_t n, size_t p, size_t end)
{
    const size_t width = (layer->panels[end] - layer->panels[p] + end - p - 1) / (end - p);
    return mlpc_piece_of_product(kernels, n, end - p, width * layer->I);
}

typedef struct {
    size_t n_layers;
    mlpc_packed_layer *layers;
    size_t elements; /* of the parameters, and of each state, padding included */
    void *parameters, *states[MLPC_MAX_STATES];
    void *memory;
} mlpc_packed;

/* Memory for those states that are not NULL.  Where lists is set the first layer's panels are those of the kernels of
 * lists. */
mlpc_status mlpc_packed_create(mlpc_packed **packed, const mlpc_net *net, const mlpc_kernels *kernels,
                               void *const state[MLPC_MAX_STATES], int lists, size_t threads);
void mlpc_packed_free(mlpc_packed *packed);

/* From the public arrays, the model's parameters and states, and back to them: a rank's panels, and of rank 0 what
 * stands beside them. */
void mlpc_packed_load(mlpc_packed *packed, const mlpc_model *model, void *const state[MLPC_MAX_STATES], size_t rank,
                      size_t size);
void mlpc_packed_store(const mlpc_packed *packed, const mlpc_model *model, void *const state[MLPC_MAX_STATES],
                       size_t rank, size_t size);

/* The states of what lies at p among the parameters; NULL where they are not kept. */
void mlpc_packed_states(const mlpc_packed *packed, const void *p, void *state[MLPC_MAX_STATES]);

/* 1 where all of a rank's share of the numbers is finite. */
int mlpc_packed_finite(const mlpc_packed *packed, const mlpc_kernels *kernels, size_t rank, size_t size);

/* Elements between rows of n elements, see above. */
size_t mlpc_packed_row(size_t n, size_t itemsize);

#endif
