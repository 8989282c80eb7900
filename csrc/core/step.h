/* One step of an optimizer, prepared once and applied to any part of the parameters. */
#ifndef MLPC_STEP_H
#define MLPC_STEP_H

#include "mlpc.h"

typedef struct {
    const mlpc_optimizer *optimizer;
    double lr;
    mlpc_adam adam; /* Adam, AdamW */
} mlpc_step_plan;

/* The learning rate of step k = 0, 1, ... of the K steps of an epoch that begins at time t0, in epochs. */
double mlpc_step_rate(const mlpc_optimizer *optimizer, double t0, size_t k, size_t K);

/* Step number t >= 1 at the learning rate lr; to be called in the core's floating-point mode. */
void mlpc_step_prepare(mlpc_step_plan *plan, const mlpc_optimizer *optimizer, double lr, double t);

/* n parameters, their gradients, and their parts of the optimizer's state, NULL where there is none. */
void mlpc_step_apply(const mlpc_step_plan *plan, const mlpc_kernels *kernels, void *parameters, const void *gradients,
                     void *const state[MLPC_MAX_STATES], size_t n);

#endif
