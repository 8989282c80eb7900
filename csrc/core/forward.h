/* Forward over any number of rows, taken piece by piece by as many threads as the work is worth. */
#ifndef MLPC_FORWARD_H
#define MLPC_FORWARD_H

#include "mlpc.h"
#include "packed.h"

/* What is known of the first layer's weight.  Zeros of x are skipped where it is finite, since 0 times infinity would
 * be NaN; the bits are the same with and without. */
typedef enum { MLPC_UNKNOWN, MLPC_FINITE, MLPC_NOT_FINITE } mlpc_finite;

typedef struct {
    mlpc_model model;
    const mlpc_packed *packed; /* its parameters in panels, for more than a few rows, or NULL; the workspace is then
                                * one for inference */
    mlpc_finite finite;        /* UNKNOWN: a call that would gain more than a look costs looks itself */
    mlpc_workspace *workspace;
    const mlpc_poll *poll; /* or NULL */
    mlpc_input x;
    const void *folded;             /* of the batch norms in eval mode, see norm.h; NULL: the call folds them itself */
    size_t first_layer, last_layer; /* set by the functions that take a job: whose products are computed */
    int keeps;    /* z and a of all its rows stay in the workspace, which has room; else each thread's part of it serves
                   * one piece after the other */
    void *logits; /* (n, O), where the last layer's z goes; NULL: to the workspace */
    /* Called by any of the threads, in the core's floating-point mode: the logits z (rows, O) of rows first .. first +
     * rows - 1 are there, to be read or changed.  Or NULL. */
    void (*then)(void *context, void *z, size_t first, size_t rows);
    void *context; /* not on the caller's stack: workspace->shared */
} mlpc_forward_job;

mlpc_status mlpc_forward_rows(const mlpc_forward_job *job);

/* The same for an output of the logits, as mlpc_predict; job's logits, then and context are set here. */
mlpc_status mlpc_forward_output(mlpc_forward_job *job, mlpc_output output, mlpc_loss_kind loss, void *to);

#endif
