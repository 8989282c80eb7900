/* The tuples that describe schedules and optimizers, see Schedule and Optimizer in _mlpc.pyi. */
#ifndef MLPC_PY_ARGS_OPTIMIZER_H
#define MLPC_PY_ARGS_OPTIMIZER_H

#include "args.h"

typedef struct {
    mlpc_optimizer optimizer;
    PyArrayObject *arrays[MLPC_MAX_STATES + 1]; /* hold what the optimizer's pointers point to: state, steps */
    const char *names[MLPC_MAX_STATES + 1];     /* of those arrays; NULL where there is none */
    PyArrayObject *rates;                       /* a private copy of those of an epoch's steps, or NULL */
} args_optimizer;

int args_schedule_parse(mlpc_schedule *schedule, PyObject *tuple);

/* For n parameters of dtype.  Clear the optimizer in any case. */
int args_optimizer_parse(args_optimizer *optimizer, PyObject *tuple, npy_intp n, mlpc_dtype dtype);
void args_optimizer_clear(args_optimizer *optimizer);

/* ValueError where it has rates of more or fewer steps than an epoch has. */
int args_optimizer_steps(const args_optimizer *optimizer, size_t steps);

/* ValueError where its state overlaps an array that the optimizer reads or writes beside it, or the data
 * of an epoch. */
int args_optimizer_disjoint(const args_optimizer *optimizer, const char *name, PyArrayObject *array);
int args_optimizer_disjoint_objective(const args_optimizer *optimizer, const args_objective *objective);

#endif
