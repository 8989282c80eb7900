/* The epoch of one call after the other, as a caller could make them: the contract of the fused one. */
#ifndef MLPC_PLAIN_EPOCH_H
#define MLPC_PLAIN_EPOCH_H

#include "epoch_job.h"

typedef struct mlpc_plain mlpc_plain;

/* Memory for batches of up to batch_size rows, on up to `threads` threads. */
mlpc_status mlpc_plain_create(mlpc_plain **plain, const mlpc_model *model, const mlpc_training *training,
                              size_t batch_size, size_t threads);
void mlpc_plain_free(mlpc_plain *plain);

/* As mlpc_fused_epoch, and where that does not carry the epoch. */
mlpc_status mlpc_plain_epoch(mlpc_plain *plain, const mlpc_epoch_job *job, size_t *correct, mlpc_epoch_result *result);

#endif
