/* What a network and a predictor are made from: sizes, activations and a dtype. */
#ifndef MLPC_PY_ARGS_PLAN_H
#define MLPC_PY_ARGS_PLAN_H

#include "args.h"

/* The plan, and what shows it to Python: a tuple of ints, a tuple of names, one of names or (name,
 * setting), a dtype of NumPy's. */
typedef struct {
    mlpc_net *net;
    PyObject *sizes, *activations, *blocks, *dtype;
} args_plan;

/* From two sequences and what NumPy takes for a dtype.  -1 with TypeError, ValueError or MemoryError, and all NULL. */
int args_plan_parse(args_plan *plan, PyObject *sizes, PyObject *activations, PyObject *dtype);
void args_plan_clear(args_plan *plan);

#endif
