/* What an epoch is computed from, whichever path computes it. */
#ifndef MLPC_EPOCH_JOB_H
#define MLPC_EPOCH_JOB_H

#include "mlpc.h"

typedef struct {
    mlpc_model model;
    mlpc_training training;
    mlpc_epoch epoch;
    const size_t *order; /* (n,) */
    size_t batch_size;   /* no more than there are samples */
    double *row_loss;    /* (n,) in that order */
    const mlpc_poll *poll;
} mlpc_epoch_job;

#endif
