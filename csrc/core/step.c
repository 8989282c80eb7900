/* Steps of optimizers: what all of them share. */
#include "step.h"

#include <math.h>

#include "fpmode.h"
#include "scalar.h"

static double real_at(const void *x, size_t itemsize, size_t i)
{
    return itemsize == sizeof(float) ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

mlpc_optimizer mlpc_step_penalised(const mlpc_optimizer *optimizer, double factor)
{
    mlpc_optimizer penalised = *optimizer;
    penalised.penalties.l1 *= factor;
    if (!optimizer->row->decoupled)
        penalised.penalties.weight_decay *= factor;
    return penalised;
}

MLPC_NOINLINE void mlpc_step_prepare(mlpc_step_plan *plan, const mlpc_optimizer *optimizer, double lr, double t)
{
    const mlpc_penalties *const penalties = &optimizer->penalties;
    lr = lr == 0 ? 0 : lr; /* -0 times a gradient of 0 would make +0 of a weight of -0, where zeros are not skipped */
    *plan = (mlpc_step_plan){.optimizer = optimizer};
    plan->coefficients[MLPC_COEFFICIENT_scale] = 1;
    plan->coefficients[MLPC_COEFFICIENT_clip] = penalties->clip_value > 0 ? penalties->clip_value : INFINITY;
    plan->coefficients[MLPC_COEFFICIENT_l1] = penalties->l1;
    if (optimizer->row->decoupled)
        plan->coefficients[MLPC_COEFFICIENT_shrink] = v_mul(lr, penalties->weight_decay);
    else
        plan->coefficients[MLPC_COEFFICIENT_decay] = penalties->weight_decay;
    optimizer->row->prepare(plan->coefficients, optimizer->settings, lr, t);
}

mlpc_step_plan mlpc_step_of_tensor(const mlpc_step_plan *plan, size_t tensor)
{
    mlpc_step_plan own = *plan;
    double *const c = own.coefficients;
    if (own.optimizer->lr_factors) {
        const double factor = own.optimizer->lr_factors[tensor];
        c[MLPC_COEFFICIENT_rate] *= factor;
        c[MLPC_COEFFICIENT_shrink] *= factor;
    }
    if (own.optimizer->decay_factors) {
        const double factor = own.optimizer->decay_factors[tensor];
        c[MLPC_COEFFICIENT_decay] *= factor;
        c[MLPC_COEFFICIENT_l1] *= factor;
        c[MLPC_COEFFICIENT_shrink] *= factor;
    }
    return own;
}

int mlpc_step_is_plain(const mlpc_step_plan *of_tensor)
{
    const double *const c = of_tensor->coefficients;
    return of_tensor->optimizer->row->step == MLPC_STEP_sgd && !of_tensor->optimizer->state[0] &&
           c[MLPC_COEFFICIENT_scale] == 1 && c[MLPC_COEFFICIENT_clip] == INFINITY && c[MLPC_COEFFICIENT_decay] == 0 &&
           c[MLPC_COEFFICIENT_l1] == 0 && c[MLPC_COEFFICIENT_shrink] == 0;
}

void mlpc_step_apply(const mlpc_step_plan *of_tensor, const mlpc_kernels *kernels, void *parameters,
                     const void *gradients, void *const state[MLPC_MAX_STATES], size_t n)
{
    kernels->step[of_tensor->optimizer->row->step](parameters, gradients, state, of_tensor->coefficients, n);
}

int mlpc_step_is_local(const mlpc_optimizer *optimizer)
{
    return optimizer->penalties.clip_norm == 0 && optimizer->penalties.max_norm == 0;
}

/* The Euclidean norm of n numbers: squares in double, 16 partial sums, element j into partial j mod 16, combined 8, 4,
 * 2, 1; chunks of 4096 in order. */
static double norm(const void *x, size_t itemsize, size_t n)
{
    double total = 0;
    for (size_t chunk = 0; chunk < n; chunk += 4096) {
        double part[16] = {0};
        for (size_t j = chunk; j < n && j < chunk + 4096; j++) {
            const double value = real_at(x, itemsize, j);
            part[j % 16] += v_mul(value, value);
        }
        for (size_t width = 8; width; width /= 2)
            for (size_t i = 0; i < width; i++)
                part[i] += part[i + width];
        total += part[0];
    }
    return v_sqrt(total);
}

/* Units whose norms are added up beside each other. */
enum { UNITS = 64 };

static void scale_columns(void *w, size_t itemsize, size_t I, size_t O, const double factor[UNITS], size_t n)
{
    for (size_t i = 0; i < I; i++)
        for (size_t o = 0; o < n; o++)
            if (factor[o] < 1 && itemsize == sizeof(float))
                ((float *)w)[i * O + o] *= (float)factor[o];
            else if (factor[o] < 1)
                ((double *)w)[i * O + o] *= factor[o];
}

/* Weights (I, O): those of a unit whose norm, a sum over the inputs in their order, is larger than `most` become as
 * long as that. */
static void limit_norms(void *w, size_t itemsize, size_t I, size_t O, double most)
{
    for (size_t first = 0; first < O; first += UNITS) {
        const size_t n = O - first < UNITS ? O - first : UNITS;
        double sum[UNITS] = {0}, factor[UNITS];
        for (size_t i = 0; i < I; i++)
            for (size_t o = 0; o < n; o++) {
                const double value = real_at(w, itemsize, i * O + first + o);
                sum[o] += v_mul(value, value);
            }
        for (size_t o = 0; o < n; o++)
            factor[o] = most / v_sqrt(sum[o]);
        scale_columns((char *)w + first * itemsize, itemsize, I, O, factor, n);
    }
}

static void *at(const mlpc_kernels *kernels, const void *array, size_t elements)
{
    return (char *)array + elements * kernels->itemsize;
}

static void step_tensor(const mlpc_step_plan *plan, const mlpc_kernels *kernels, size_t tensor, char *parameters,
                        const char *gradients, const size_t span[2])
{
    const mlpc_step_plan own = mlpc_step_of_tensor(plan, tensor);
    void *state[MLPC_MAX_STATES] = {NULL};
    for (size_t s = 0; s < MLPC_MAX_STATES; s++)
        if (plan->optimizer->state[s])
            state[s] = at(kernels, plan->optimizer->state[s], span[0]);
    mlpc_step_apply(&own, kernels, at(kernels, parameters, span[0]), at(kernels, gradients, span[0]), state, span[1]);
}

static MLPC_NOINLINE void step(const mlpc_step_plan *unclipped, const mlpc_model *model, const void *gradients)
{
    const mlpc_net *const net = model->net;
    const mlpc_kernels *const kernels = model->kernels;
    void *const parameters = model->parameters;
    const mlpc_penalties *const penalties = &unclipped->optimizer->penalties;
    mlpc_step_plan plan = *unclipped;
    if (penalties->clip_norm > 0) {
        const double length = norm(gradients, kernels->itemsize, net->n_parameters);
        if (length > penalties->clip_norm)
            plan.coefficients[MLPC_COEFFICIENT_scale] = penalties->clip_norm / length;
    }
    for (size_t l = 0; l < net->n_layers; l++) {
        const mlpc_layer *const layer = &net->layers[l];
        const size_t I = layer->n_in, O = layer->n_out;
        const size_t spans[4][2] = {{layer->weight, I * O}, {layer->bias, O}, {layer->gain, O}, {layer->shift, O}};
        const size_t tensors = layer->block.norm == MLPC_NORM_none ? 2 : 4;
        for (size_t t = 0; t < tensors; t++)
            step_tensor(&plan, kernels, layer->tensor + t, parameters, gradients, spans[t]);
        if (penalties->max_norm > 0)
            limit_norms(at(kernels, parameters, layer->weight), kernels->itemsize, I, O, penalties->max_norm);
    }
}

void mlpc_step(const mlpc_model *model, const mlpc_optimizer *optimizer, const void *gradients, double lr)
{
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    mlpc_step_plan plan;
    mlpc_step_prepare(&plan, optimizer, lr, optimizer->steps ? *optimizer->steps += 1 : 1);
    step(&plan, model, gradients);
    mlpc_fpmode_leave(mode);
}
