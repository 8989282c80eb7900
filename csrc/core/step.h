/* One step of an optimizer, prepared once and applied to any part of a tensor: a layer's weight, or its bias. */
#ifndef MLPC_STEP_H
#define MLPC_STEP_H

#include "../kernels/kernels.h"
#include "mlpc.h"

typedef struct {
    const mlpc_optimizer *optimizer;
    double coefficients[MLPC_MAX_COEFFICIENTS];
} mlpc_step_plan;

/* The same optimizer, with those penalties multiplied that are part of the gradient. */
mlpc_optimizer mlpc_step_penalised(const mlpc_optimizer *optimizer, double factor);

/* Step number t >= 1 at the learning rate lr; in the core's floating-point mode, as all below. */
void mlpc_step_prepare(mlpc_step_plan *plan, const mlpc_optimizer *optimizer, double lr, double t);

/* The same for one of the tensors, with its factors. */
mlpc_step_plan mlpc_step_of_tensor(const mlpc_step_plan *plan, size_t tensor);

/* 1 where a tensor's step is p - rate g, of the flushed gradient, and nothing else. */
int mlpc_step_is_plain(const mlpc_step_plan *of_tensor);

/* n parameters of the tensor, their gradients, and their parts of the states, NULL where they are not kept. */
void mlpc_step_apply(const mlpc_step_plan *of_tensor, const mlpc_kernels *kernels, void *parameters,
                     const void *gradients, void *const state[MLPC_MAX_STATES], size_t n);

/* 1 where a step needs no more than the gradient of the elements that it changes. */
int mlpc_step_is_local(const mlpc_optimizer *optimizer);

#endif
