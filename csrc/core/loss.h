/* Parts of a loss for epochs, whose divisor is known and whose targets are checked before. */
#ifndef MLPC_LOSS_H
#define MLPC_LOSS_H

#include "mlpc.h"

/* row_loss (B,) and, unless NULL, dz (B, O) of B rows; in the core's floating-point mode. */
void mlpc_loss_rows(const mlpc_loss *loss, const mlpc_kernels *kernels, const void *z, const mlpc_targets *targets,
                    double divisor, size_t B, size_t O, void *dz, double *row_loss);

/* Right answers: rows (cross-entropy) or elements (bce_with_logits), see mlpc_evaluate; 0 for other losses. */
size_t mlpc_count_right(const mlpc_loss *loss, const mlpc_kernels *kernels, const void *z, const mlpc_targets *targets,
                        size_t B, size_t O);

/* So many of n rows are right: as a share of all answers. */
double mlpc_share_right(const mlpc_loss *loss, size_t right, size_t n, size_t O);

/* Room for the targets of a batch. */
typedef struct {
    int64_t *labels;       /* (batch,) */
    void *values;          /* (batch, O) of real */
    double *sample_weight; /* (batch,) */
} mlpc_target_rows;

/* Rows order[0 .. n - 1] of the targets become rows `at` to at + n - 1 of the batch. */
void mlpc_targets_gather(const mlpc_targets *targets, const mlpc_target_rows *rows, size_t at, const size_t *order,
                         size_t n, size_t O, size_t itemsize);

/* The batch, of whatever the targets have. */
mlpc_targets mlpc_targets_of_rows(const mlpc_targets *targets, const mlpc_target_rows *rows);

#endif
