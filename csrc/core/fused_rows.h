/* The first phase of a fused batch: the rank's rows, from the first layer's z to its gradient. */
#ifndef MLPC_FUSED_ROWS_H
#define MLPC_FUSED_ROWS_H

#include "fused_run.h"

/* Its loss and correct answers are noted, and whether it diverged; the next batch is brought together before. */
void mlpc_fused_rows_phase(mlpc_fused_view *s, size_t k);

#endif
