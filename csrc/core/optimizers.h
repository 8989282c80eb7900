/* What is known of optimizers, and what a step of one is computed from.  A part of mlpc.h. */
#ifndef MLPC_OPTIMIZERS_H
#define MLPC_OPTIMIZERS_H

#include <stddef.h>

#include "../kernels/types.h"
#include "settings.h"

/* ---- Optimizers -------------------------------------------------------------------------------------------------- */

/* A state of an optimizer: an array of one number for each parameter. */
typedef struct {
    const char *name; /* NULL: there is none */
    int needs;        /* 1 + the number of the setting that must not be 0 for it to be kept; 0: it is always kept */
} mlpc_state_row;

/* What the core and everyone above knows of an optimizer: a row of the table in optimizers.c.  The kernel of its step
 * knows the formula. */
typedef struct {
    const char *name;
    mlpc_step_kind step;
    mlpc_setting settings[MLPC_MAX_SETTINGS];
    mlpc_state_row states[MLPC_MAX_STATES];
    int decoupled; /* weight decay shrinks the parameters, and is no part of the gradient */
    int counts;    /* it must know how many steps were taken */
    /* The rate, and the kernel's own coefficients, of step number t = 1, 2, ... from the settings and a learning rate;
     * in the core's floating-point mode. */
    void (*prepare)(double *coefficients, const double *settings, double lr, double t);
} mlpc_optimizer_row;

/* Row number i; NULL behind the last one.  The row of a name, or NULL. */
const mlpc_optimizer_row *mlpc_optimizer_row_at(size_t i);
const mlpc_optimizer_row *mlpc_optimizer_named(const char *name);

/* What every optimizer does with a batch's gradient and parameters besides its own step; nothing where it is 0.
 * In this order: the gradient is multiplied by clip_norm / |g| where its norm |g| over all parameters is larger than
 * clip_norm, and each element is cut to -clip_value .. clip_value; weight_decay p + l1 sign(p) is added to it
 * (decoupled: p shrinks by lr weight_decay p instead); after the step a unit's incoming weights are multiplied by
 * max_norm / their norm where that is larger. */
typedef struct {
    double weight_decay, l1, clip_value, clip_norm, max_norm;
} mlpc_penalties;

typedef struct {
    const mlpc_optimizer_row *row;
    double settings[MLPC_MAX_SETTINGS]; /* the row's, in its order */
    mlpc_penalties penalties;
    /* (n_tensors,) each, or NULL, which is 1 for all: of every tensor, a factor of the learning rate,
     * and one of weight decay and L1. */
    const double *lr_factors, *decay_factors;
    void *state[MLPC_MAX_STATES]; /* (n_parameters,) of real each, NULL where it is not kept */
    double *steps;                /* how many were taken, a whole number; NULL where the row does not count */
} mlpc_optimizer;

/* What is noted of each step of an epoch, (mlpc_epoch_steps,) each, or NULL where it is not; up to the last whole batch
 * of an epoch that did not come to its end, and 0 of a batch that took no step. */
typedef struct {
    double *loss; /* that of the batch */
    /* Of all weights of products as they were before the step, those of a layer unit by unit: the sums of their squares
     * and of their absolute values. */
    double *squares, *absolutes;
} mlpc_step_record;

#endif
