/* Steps of optimizers. */
#include "step.h"

#include "fpmode.h"
#include "scalar.h"

double mlpc_step_rate(const mlpc_optimizer *optimizer, double t0, size_t k, size_t K)
{
    return optimizer->rates ? optimizer->rates[k]
                            : mlpc_learning_rate(&optimizer->schedule, t0 + ((double)k + 0.5) / (double)K);
}

static void set_coefficients(mlpc_adam *a, const mlpc_optimizer *optimizer, double lr, double t)
{
    const int decoupled = optimizer->kind == MLPC_OPTIMIZER_adamw;
    *a = (mlpc_adam){
        .beta1 = optimizer->beta1,
        .beta2 = optimizer->beta2,
        .eps = optimizer->eps,
        .decay = decoupled ? 0 : optimizer->weight_decay,
        .shrink = decoupled ? lr * optimizer->weight_decay : 0,
        .rate = lr / (1 - mlpc_power(optimizer->beta1, (uint64_t)t)),
        .correction = 1 / v_sqrt(1 - mlpc_power(optimizer->beta2, (uint64_t)t)),
    };
}

MLPC_NOINLINE void mlpc_step_prepare(mlpc_step_plan *plan, const mlpc_optimizer *optimizer, double lr, double t)
{
    lr = lr == 0 ? 0 : lr; /* -0 times a gradient of 0 would make +0 of a weight of -0, where zeros are not skipped */
    *plan = (mlpc_step_plan){.optimizer = optimizer, .lr = lr};
    if (optimizer->kind != MLPC_OPTIMIZER_sgd)
        set_coefficients(&plan->adam, optimizer, lr, t);
}

void mlpc_step_apply(const mlpc_step_plan *plan, const mlpc_kernels *kernels, void *parameters, const void *gradients,
                     void *const state[MLPC_MAX_STATES], size_t n)
{
    const mlpc_optimizer *const o = plan->optimizer;
    if (o->kind == MLPC_OPTIMIZER_sgd)
        kernels->sgd_step(parameters, gradients, state[0], plan->lr, o->momentum, o->nesterov, o->weight_decay, n);
    else
        kernels->adam_step(parameters, gradients, state[0], state[1], &plan->adam, n);
}

mlpc_status mlpc_step(const mlpc_optimizer *optimizer, const mlpc_kernels *kernels, void *parameters,
                      const void *gradients, double lr, size_t n)
{
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    mlpc_step_plan plan;
    mlpc_step_prepare(&plan, optimizer, lr, optimizer->steps ? *optimizer->steps += 1 : 1);
    mlpc_step_apply(&plan, kernels, parameters, gradients, optimizer->state, n);
    mlpc_fpmode_leave(mode);
    return MLPC_OK;
}
