/* The second phase of a fused batch: the rank's panels, from gradients to the next batch's first product. */
#ifndef MLPC_FUSED_UNITS_H
#define MLPC_FUSED_UNITS_H

#include "fused_run.h"

/* Gradients of the rank's panels over the whole batch, and the step, unless the batch is passed over; and, where there
 * is a next one, its first products. */
void mlpc_fused_units_phase(mlpc_fused_view *s, size_t k);

/* z of the first layer for the rank's panels of a batch, and its batch norm, where it has one. */
void mlpc_fused_first_products(const mlpc_fused_view *s, size_t k);

#endif
