/* The tuple that describes an optimizer, see Optimizer in _mlpc.pyi. */
#ifndef MLPC_PY_ARGS_OPTIMIZER_H
#define MLPC_PY_ARGS_OPTIMIZER_H

#include "args.h"

typedef struct {
    mlpc_optimizer optimizer;
    PyArrayObject *arrays[MLPC_MAX_STATES + 1];        /* hold what the optimizer's pointers point to: states, steps */
    const char *names[MLPC_MAX_STATES + 1];            /* of those arrays; NULL where there is none */
    PyArrayObject *lr_factors, *decay_factors, *rates; /* private copies, or NULL */
} args_optimizer;

/* A tuple of as many numbers as there are settings; `what` has them. */
int args_settings(const char *what, const mlpc_setting *settings, PyObject *tuple, mlpc_dtype dtype, double *values);

/* For a network.  Clear the optimizer in any case. */
int args_optimizer_parse(args_optimizer *optimizer, PyObject *tuple, const mlpc_net *net);
void args_optimizer_clear(args_optimizer *optimizer);

/* The rates of the tuple that was parsed, one for each step of an epoch or one for all; ValueError where they are more
 * or fewer. */
int args_optimizer_rates(args_optimizer *optimizer, PyObject *tuple, size_t steps, const double **rates);

/* ValueError where its state overlaps an array that the optimizer reads or writes beside it, or the data
 * of an epoch. */
int args_optimizer_disjoint(const args_optimizer *optimizer, const char *name, PyArrayObject *array);
int args_optimizer_disjoint_objective(const args_optimizer *optimizer, const args_objective *objective);

#endif
