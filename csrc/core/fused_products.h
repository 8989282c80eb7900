/* Products of layers for some rows of a fused batch, in pieces. */
#ifndef MLPC_FUSED_PRODUCTS_H
#define MLPC_FUSED_PRODUCTS_H

#include "fused_run.h"

/* z of layer l, of n rows of batch number k from `first` on and panels p to end - 1; there may be none.  The caller
 * need not ask before it whether to go on. */
void mlpc_fused_forward_product(const mlpc_fused_view *s, size_t k, size_t l, size_t first, size_t n, size_t p,
                                size_t end);

/* The way back to inputs i to end - 1 of layer l > 0, to what mlpc_block_backward begins with. */
void mlpc_fused_backward_product(const mlpc_fused_view *s, size_t l, size_t first, size_t n, size_t i, size_t end);

#endif
