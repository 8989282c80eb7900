/* The weights of a rank's panels of a layer: their gradients over the whole batch, and the step, piece by piece. */
#ifndef MLPC_FUSED_UPDATE_H
#define MLPC_FUSED_UPDATE_H

#include "fused_run.h"
#include "step.h"

/* From x, which lies before the layer, and dz behind it. */
typedef struct {
    const mlpc_fused_view *view;
    const mlpc_packed_layer *layer;
    size_t B;
    size_t first, end;   /* panels: first to end - 1 */
    mlpc_step_plan step; /* of the weight */
    const void *x;       /* (B, I), rows x_row apart */
    size_t x_row;
    const void *dz; /* (B, padded), rows dz_row apart */
    size_t dz_row;
} mlpc_fused_update;

/* Strip by strip of the inputs, each through all of the panels. */
void mlpc_fused_update_weights(const mlpc_fused_update *u);

/* The same of the first layer where zeros are skipped. */
void mlpc_fused_update_over_lists(const mlpc_fused_update *u);

/* The step of n elements of a tensor, which lie at p among the packed parameters. */
void mlpc_fused_step(const mlpc_fused_run *r, const mlpc_step_plan *of_tensor, void *p, const void *gradients,
                     size_t n);

#endif
