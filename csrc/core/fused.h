/* The epoch at its fastest: parameters in panels, gradients that the optimizer takes out of the first-level cache, a
 * team of threads.  Bit for bit what mlpc_train_epoch does with one call after the other.
 *
 * Every thread goes through every batch, in two phases with a barrier behind each:
 *
 *   rows    its rows of the batch go through all layers but the first one's product, the loss, and back to the
 *           gradients of the first layer's output; the next batch is brought together
 *   units   its panels of every layer: weight gradients over the whole batch, and the step, piece by piece; then the
 *           first layer's product for the next batch
 *
 * so that weights are written by the thread that owns them, and a sum never crosses threads.  The same thread brings
 * them into panels before, and looks whether they are finite and brings them back behind the last batch, each between
 * barriers.  Batch norm behind the first layer belongs to the units phase.  Behind a later one it stands within the
 * rows, forward and back, between two barriers more: there, too, threads turn from their rows to their panels.  So do
 * products with wide layers in batches of few rows.
 */
#ifndef MLPC_FUSED_H
#define MLPC_FUSED_H

#include "epoch_job.h"
#include "samples.h"

typedef struct mlpc_fused mlpc_fused;

/* Terms of the products of a batch, forward and back, and of what stands between them but activations; noise: its
 * deviation. */
double mlpc_fused_terms(const mlpc_net *net, double noise, size_t B);

/* Work in such terms that so many threads share out by units where there are few rows, less that with layers too narrow
 * for it, whose weights go from one thread to the other. */
double mlpc_fused_terms_by_units(const mlpc_model *model, const mlpc_training *training, size_t B, size_t size);

/* What the fused path carries: 1 where an epoch in batches of B rows can be computed here.  Everything else is computed
 * one call after the other: what needs a whole gradient between backward and step, or keeps it, batches whose
 * update, which is not interrupted, is too large to be waited for, and single rows where there is batch norm. */
int mlpc_fused_carries(const mlpc_model *model, const mlpc_training *training, size_t B, int keeps_gradients);

/* 1 where the first layer's zeros are skipped here: noise leaves none. */
int mlpc_fused_skips_zeros(const mlpc_training *training);

/* Memory for batches of up to batch_size rows of the training's samples, on up to `threads` threads. */
mlpc_status mlpc_fused_create(mlpc_fused **fused, const mlpc_model *model, const mlpc_training *training,
                              size_t batch_size, size_t threads);
void mlpc_fused_free(mlpc_fused *fused);

/* As mlpc_train_epoch on parameters, statistics and the optimizer's state: all of them changed or, on DIVERGED, none.
 * The rows and the correct answers that were reached, the last learning rate and the whole batches are told in any
 * case; result->loss: that of the batch that diverged. */
mlpc_status mlpc_fused_epoch(mlpc_fused *fused, const mlpc_epoch_job *job, size_t *correct, mlpc_epoch_result *result);

#endif
