/* What a network and a predictor are made from: sizes, activations and a dtype. */
#ifndef MLPC_PY_ARGS_PLAN_H
#define MLPC_PY_ARGS_PLAN_H

#include "args.h"

/* The plan, and what shows it to Python: a tuple of ints, a tuple of names, one of names or (name,
 * setting), one of norms as args_norm_as_object gives them, a dtype of NumPy's. */
typedef struct {
    mlpc_net *net;
    PyObject *sizes, *activations, *blocks, *norms, *dtype;
} args_plan;

/* From two sequences, what NumPy takes for a dtype, and a third sequence (NULL: no norms).  -1 with TypeError,
 * ValueError or MemoryError, and all NULL. */
int args_plan_parse(args_plan *plan, PyObject *sizes, PyObject *activations, PyObject *dtype, PyObject *norms);
void args_plan_clear(args_plan *plan);

/* A number in [0, 1). */
int args_probability(const char *name, PyObject *object, double *value);

/* Gives the net dropout, from a sequence of the probabilities of x and of the output of each hidden layer (NULL: all
 * 0); a new tuple of these, or NULL with TypeError or ValueError. */
PyObject *args_plan_dropout(mlpc_net *net, PyObject *dropout);

#endif
