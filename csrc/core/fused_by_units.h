/* Products of later layers by units, where a batch has too few rows to share them out: each rank reads its part of the
 * weights, for all rows.  Blocks and losses stay with the ranks whose rows they are of. */
#ifndef MLPC_FUSED_BY_UNITS_H
#define MLPC_FUSED_BY_UNITS_H

#include "fused_run.h"

/* 1 where the product of layer l > 0 is shared out so in batch number k: there are few rows, and many units. */
int mlpc_fused_by_units(const mlpc_fused_view *s, size_t k, size_t l);

/* Its z from all rows of what the block before it lets out, by panels; and back, by inputs, to what mlpc_block_backward
 * begins with.  Between two barriers, for all ranks. */
void mlpc_fused_forward_by_units(const mlpc_fused_view *s, size_t k, size_t l);
void mlpc_fused_backward_by_units(const mlpc_fused_view *s, size_t k, size_t l);

#endif
