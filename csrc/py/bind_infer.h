/* What networks and predictors have in common where they answer: the arrays of outputs, and memory. */
#ifndef MLPC_PY_BIND_INFER_H
#define MLPC_PY_BIND_INFER_H

#include "args.h"

/* A new array for an output of n rows of a network of n_out outputs; NULL with MemoryError. */
PyArrayObject *infer_new_output(mlpc_output output, mlpc_loss_kind loss, npy_intp n, npy_intp n_out, mlpc_dtype dtype);

/* The array when it has been filled; NULL, with ValueError that names the row, where a label would be made of NaN.
 * Takes the reference. */
PyObject *infer_finish_output(PyArrayObject *array, mlpc_output output, mlpc_loss_kind loss, npy_intp n_out);

/* Room for so many rows in a workspace for inference, made when needed, NULL at first; -1 with MemoryError. */
int infer_reserve(mlpc_workspace **workspace, const mlpc_net *net, const mlpc_kernels *kernels, size_t rows);

#endif
