/* The input of a fused epoch: rows of a batch, as its forward in train mode reads them. */
#ifndef MLPC_FUSED_INPUT_H
#define MLPC_FUSED_INPUT_H

#include "fused_run.h"

/* Once an epoch, before all: what is the same for all batches. */
void mlpc_fused_prepare_input(const mlpc_fused_run *r);

/* The rank's rows of batch number k with noise and dropout, and what goes with them, into the memory of that batch. */
void mlpc_fused_gather(const mlpc_fused_view *s, size_t k);

#endif
