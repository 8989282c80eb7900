/* What the digests of trainings share. */
#ifndef MLPC_TESTS_DIGEST_TRAINING_H
#define MLPC_TESTS_DIGEST_TRAINING_H

#include "digest.h"

enum { ROWS = 100, BATCH = 66, INPUTS = 19, OUTPUTS = 7 };

/* A training from its beginning. */
typedef struct {
    mlpc_model model;
    mlpc_training training;
    const mlpc_kernels *doubles;
    mlpc_init init;
    mlpc_schedule schedule;
    const mlpc_poll *poll; /* which may end its epochs, or NULL */
} experiment;

/* An optimizer as its row has it, without states. */
mlpc_optimizer optimizer_named(const char *name);

/* One epoch; the first begins with initial values.  Where gradients are kept it is computed one call after the
 * other. */
void train(const experiment *e, mlpc_trainer *trainer, void *gradients, uint32_t number, mlpc_epoch_result *result);

/* Two epochs of the same training fused where it can be, with zeros multiplied or skipped and by one thread or several:
 * they must leave the bits that are there. */
void train_fused(const experiment *plain);

#endif
