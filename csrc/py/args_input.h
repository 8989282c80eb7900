/* Input among the arguments: x of a network, as numbers, bytes or CSR. */
#ifndef MLPC_PY_ARGS_INPUT_H
#define MLPC_PY_ARGS_INPUT_H

#include "args.h"
#include "bind_csr.h"

/* x (n, columns) as the core takes it, and what holds the memory that it points to: numbers, an array (n, columns) or,
 * of CSR, what is stored of it, in the order of the object's. */
typedef struct {
    mlpc_input input;
    npy_intp columns;
    PyArrayObject *numbers;
    CSRObject *csr; /* NULL for arrays */
} args_input;

/* x for a network of a dtype: any real array-like, or an object of the type CSR; uint8 is converted where it is used,
 * of CSR here, with a scale (None: 1).  ValueError for a scale with anything else, or one that is not finite in the
 * dtype.  Here alone an array is the caller's own where it fits: who converts something after it passes what args_seen
 * gave.  Clear it in any case. */
int args_input_parse(args_input *x, PyObject *object, PyObject *scale, mlpc_dtype dtype, npy_intp columns);
void args_input_clear(args_input *x);

/* What is no array of numbers becomes a new one. */
int args_input_to_numbers(args_input *x, const mlpc_kernels *kernels);

/* The same input with other numbers, of as many rows; takes the reference to these. */
void args_input_replace(args_input *x, PyArrayObject *numbers);

/* ValueError unless it has so many columns; ARGS_ANY: whatever they are. */
int args_input_columns(const args_input *x, npy_intp columns);
/* ValueError where it has no rows. */
int args_input_rows_at_least_one(const args_input *x);

#endif
