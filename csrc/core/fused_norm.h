/* Norms in a fused epoch.  What belongs to rows goes along with them; here is what belongs to features, which threads
 * share out as they do panels. */
#ifndef MLPC_FUSED_NORM_H
#define MLPC_FUSED_NORM_H

#include "../kernels/kernels.h"
#include "fused_run.h"

/* The job of layer l's norm for B rows of the batch, from a row on. */
mlpc_norm_job mlpc_fused_norm_of(const mlpc_fused_run *r, size_t l, size_t first, size_t B);

/* Batch norm of a panel's features over batch number k: normed from z, and the running statistics move. */
void mlpc_fused_norm_forward(const mlpc_fused_run *r, size_t k, size_t l, size_t p);

/* From dL/d(normed) the gradients of a panel's gains and shifts, and, of batch norm, dL/dz. */
void mlpc_fused_norm_backward(const mlpc_fused_run *r, size_t k, size_t l, size_t p);

/* Either for all panels of a layer behind the first, where ranks share out its rows before and after it. */
void mlpc_fused_norm_batch(const mlpc_fused_view *s, size_t k, size_t l,
                           void (*panel)(const mlpc_fused_run *r, size_t k, size_t l, size_t p));

#endif
