/* What keeps the targets of a training, for whoever may be given it instead of y. */
#ifndef MLPC_PY_BIND_OBJECTIVE_H
#define MLPC_PY_BIND_OBJECTIVE_H

#include "args.h"
#include "module.h"

/* args_objective_parse for so many logits of a dtype; or, where y is an Objective, and loss and sample_weight None,
 * what that keeps, without a look at it. */
int objective_parse(const module_state *state, args_objective *objective, mlpc_dtype dtype, npy_intp columns,
                    PyObject *loss, PyObject *y, PyObject *sample_weight);

#endif
