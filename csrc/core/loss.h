/* Parts of a loss for epochs, whose divisor is known and whose targets are checked before. */
#ifndef MLPC_LOSS_H
#define MLPC_LOSS_H

#include "mlpc.h"

/* row_loss (B,) and, unless NULL, dz (B, O) of B rows; in the core's floating-point mode. */
void mlpc_loss_rows(const mlpc_loss *loss, const mlpc_kernels *kernels, const void *z, const mlpc_targets *targets,
                    double divisor, size_t B, size_t O, void *dz, double *row_loss);

/* Right answers: rows (cross-entropy) or elements (bce_with_logits), see mlpc_count_correct; 0 for other losses. */
size_t mlpc_count_right(const mlpc_loss *loss, const mlpc_kernels *kernels, const void *z,
                        const mlpc_targets *targets, size_t B, size_t O);

/* So many of n rows are right: as a share of all answers. */
double mlpc_share_right(const mlpc_loss *loss, size_t right, size_t n, size_t O);

#endif
