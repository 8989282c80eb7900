/* The type Samples: the input of a training, kept for all its epochs. */
#ifndef MLPC_PY_BIND_SAMPLES_H
#define MLPC_PY_BIND_SAMPLES_H

#include "args_input.h"

typedef struct {
    PyObject_HEAD args_input x; /* what samples refers to; shown to nobody, who could give it another shape */
    mlpc_dtype dtype;
    mlpc_samples *samples;
} SamplesObject;

/* New reference: `object` where it is Samples, else an array-like, or CSR, as Samples whose zeros are multiplied like
 * any number. NULL where dtype or columns are not those, and with any error of args_matrix. */
SamplesObject *samples_parse(const module_state *state, PyObject *object, mlpc_dtype dtype, npy_intp columns);

/* The same samples with other numbers, of which it takes the reference. */
SamplesObject *samples_over(const module_state *state, const SamplesObject *samples, PyArrayObject *numbers);

#endif
