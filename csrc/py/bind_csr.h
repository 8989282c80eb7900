/* The type CSR: rows without their zeros, canonical for good. */
#ifndef MLPC_PY_BIND_CSR_H
#define MLPC_PY_BIND_CSR_H

#include "args.h"

/* Arrays of one dimension that nobody else can give another shape.  data and indices may be memory of the caller's,
 * who may write there; indptr is a copy. */
typedef struct {
    PyObject_HEAD PyArrayObject *data; /* real numbers of any type */
    PyArrayObject *indices, *indptr;   /* int32, as many as data; int64, (n + 1,) */
    npy_intp columns;
} CSRObject;

/* The object where it is one, a borrowed reference, else NULL, without an exception. */
CSRObject *csr_of(PyObject *object);

static inline npy_intp csr_rows(const CSRObject *csr) { return PyArray_DIM(csr->indptr, 0) - 1; }

#endif
