/* Parts of a loss for epochs, whose divisor is known and whose targets are checked before. */
#ifndef MLPC_LOSS_H
#define MLPC_LOSS_H

#include "../kernels/kernels.h"
#include "mlpc.h"

/* The same objective for n rows from a row on. */
mlpc_objective mlpc_objective_from(const mlpc_objective *objective, size_t row, size_t n, size_t itemsize);

/* A job of the loss for all rows, C-contiguous; z, row_loss and dz are the caller's to set. */
mlpc_loss_job mlpc_loss_job_of(const mlpc_objective *objective, double divisor);

/* Of a job's rows, those that are correct (link softmax), or their elements (sigmoid), see mlpc_link; 0 for other
 * losses. */
size_t mlpc_count_correct(mlpc_loss_kind loss, const mlpc_kernels *kernels, const mlpc_loss_job *rows);

/* The accuracy: of all rows, or of their elements, so many are correct. */
double mlpc_accuracy_of(const mlpc_objective *objective, size_t correct);

/* Room for the targets of a batch. */
typedef struct {
    int64_t *labels;       /* (batch,) */
    void *values;          /* (batch, O) of real */
    double *sample_weight; /* (batch,) */
} mlpc_target_rows;

/* Rows order[0 .. n - 1] of the targets become rows `at` to at + n - 1 of the batch. */
void mlpc_targets_gather(const mlpc_targets *targets, const mlpc_target_rows *rows, size_t at, const size_t *order,
                         size_t n, size_t itemsize);

/* The objective of a batch of B rows, which have whatever its targets have. */
mlpc_objective mlpc_objective_of_rows(const mlpc_objective *objective, const mlpc_target_rows *rows, size_t B);

#endif
