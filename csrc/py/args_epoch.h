/* What an epoch is told beside its training: an order and penalties of its own, and that its steps are noted. */
#ifndef MLPC_PY_ARGS_EPOCH_H
#define MLPC_PY_ARGS_EPOCH_H

#include "args.h"

/* What the pointers of an epoch point to while it runs; all NULL at first. */
typedef struct {
    size_t *order;
    double *penalty_factors;
    PyArrayObject *record; /* (3, steps): losses, squares, absolutes; NULL where nothing is noted */
} args_epoch;

/* From None, or a tuple (order, penalty_factors) of an epoch over n rows in so many steps: numbers of rows (n,), or
 * None, and finite numbers >= 0 (steps,).  With a tuple, steps are noted.  -1 with TypeError, ValueError or
 * MemoryError; clear it in any case. */
int args_epoch_parse(args_epoch *given, PyObject *object, size_t n, size_t steps, mlpc_epoch *epoch);
void args_epoch_clear(args_epoch *given);

#endif
