/* From mlpc_status to exceptions. */
#ifndef MLPC_PY_ERRORS_H
#define MLPC_PY_ERRORS_H

#include "module.h"

/* Sets the exception for a status other than OK and returns NULL.  INTERRUPTED has its exception set already, by what
 * poll.c called.  Labels out of range, and weights whose sum is 0, were refused by args_objective.c, which names them;
 * but weights are the caller's arrays, and may have changed since.  For DIVERGED see below. */
PyObject *errors_raise(mlpc_status status);

/* DivergenceError with the attributes loss and lr; NULL. */
PyObject *errors_raise_diverged(const module_state *state, double loss, double lr);

#endif
