/* What a forward pass in train mode draws, see mlpc_draw: masks of dropout, and noise of the input.
 *
 * Streams of the generator with the number t as their index, and the layer, 0 for the input, with the stream in the
 * last word of the counter. */
#ifndef MLPC_DRAW_H
#define MLPC_DRAW_H

#include "../kernels/kernels.h"
#include "mlpc.h"

/* An element of a mask, and one of noise, cost as much as this many terms of a product, about. */
#define MLPC_MASK_TERMS 32
#define MLPC_NOISE_TERMS 128

/* The mask of a layer's output, or, for layer 0, of the input; in the core's floating-point mode. */
mlpc_mask mlpc_mask_of(double probability, const mlpc_draw *draw, size_t layer);

/* What noise of the input comes from. */
mlpc_words mlpc_noise_of(const mlpc_draw *draw);

/* x (n, n_in) becomes x + deviation * normal, by the workspace's threads.  INTERRUPTED: x is part old, part new. */
mlpc_status mlpc_add_noise(const mlpc_model *model, mlpc_workspace *workspace, void *x, size_t n, double deviation,
                           const mlpc_poll *poll);

#endif
