/* Every check of an argument.  A function here returns NULL or -1 with an exception that names the argument, what was
 * expected and what came.  Conversions may run a caller's Python code (__array__, __index__): convert everything first,
 * and only then look at a network.
 *
 * Arrays that come back are new references, C-contiguous, aligned and in native byte order: private copies, or views of
 * the caller's array where that was so already.  Nobody else can give them another shape; extents are theirs.
 */
#ifndef MLPC_PY_ARGS_H
#define MLPC_PY_ARGS_H

#include "module.h"

#define ARGS_ANY ((npy_intp)-1) /* an extent that may have any value */

int args_type_number(mlpc_dtype dtype);

/* The mlpc_dtype of a name, or of a dtype of NumPy's, whose name takes microseconds to make. */
int args_dtype(PyObject *object);

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */

/* TypeError unless there are n arguments. */
int args_count(const char *function, Py_ssize_t nargs, Py_ssize_t n);
int args_double(const char *name, PyObject *object, double *value);
int args_bool(PyObject *object, int *value);
/* An integer in minimum..maximum. */
int args_integer(const char *name, PyObject *object, uint64_t minimum, uint64_t maximum, uint64_t *value);
int args_size(const char *name, PyObject *object, size_t minimum, size_t *value);

/* The tuple (seed, t) of a forward in train mode; NULL, where an attribute was to be deleted, is none. */
int args_draws(PyObject *object, mlpc_draw *draw);

/* A standard deviation: >= 0, and finite in the dtype. */
int args_deviation(const char *name, PyObject *object, mlpc_dtype dtype, double *value);

/* What a setting of a loss, an optimizer or a schedule may be, also when it is rounded to dtype. */
int args_setting(const mlpc_setting *setting, PyObject *object, mlpc_dtype dtype, double *value);

/* ---- Arrays ------------------------------------------------------------------------------------------------------ */

/* An array-like as an array that is no one else's.  What is converted after it may run code that gives the caller's
 * array another shape, and so may another thread; to this view of it nobody does. */
PyArrayObject *args_seen(PyObject *object);

/* Of integers or bools? */
int args_is_integral(PyArrayObject *array);

/* To a plain C-contiguous, aligned, native array of a type; extra: more flags for NumPy.  The array is one that was
 * seen, and comes back where it is so already.  Takes no reference. */
PyArrayObject *args_contiguous(PyArrayObject *array, int type_number, int extra);

/* TypeError, and NULL: the array's dtype is not what was expected.  ValueError: its shape is not; hint ends the
 * message. */
PyArrayObject *args_type_error(const char *name, const char *expected, PyArrayObject *array);
void args_shape_error(const char *name, const char *expected, PyArrayObject *array, const char *hint);

/* Any real array-like, converted to dtype. */
PyArrayObject *args_real(const char *name, PyObject *object, mlpc_dtype dtype);

/* The same of shape (rows, columns), each a number or ARGS_ANY. */
PyArrayObject *args_matrix(const char *name, PyObject *object, mlpc_dtype dtype, npy_intp rows, npy_intp columns);

/* ValueError where an array has no rows. */
int args_rows_at_least_one(const char *name, PyArrayObject *array);

/* An array of float32 or float64, never converted.  *dtype is MLPC_N_DTYPES before the first array of a call, and what
 * the later ones must have. */
PyArrayObject *args_float(const char *name, PyObject *object, mlpc_dtype *dtype);

/* What bytes count as: a number that is finite in that dtype; None is 1. */
int args_scale(PyObject *object, mlpc_dtype dtype, double *scale);

/* An array of uint8, never converted. */
PyArrayObject *args_bytes(const char *name, PyObject *object);

/* ValueError unless the shape is that; ARGS_ANY extents are printed as n (the first) and k. */
int args_shape(const char *name, PyArrayObject *array, int ndim, const npy_intp *shape);
int args_shape1(const char *name, PyArrayObject *array, npy_intp n);
int args_shape2(const char *name, PyArrayObject *array, npy_intp rows, npy_intp columns);

/* An array to write into: writable, C-contiguous, aligned, native, of that dtype and shape. */
PyArrayObject *args_inplace(const char *name, PyObject *object, int ndim, const npy_intp *shape, mlpc_dtype dtype);

/* The same, or a new array where the object is None. */
PyArrayObject *args_out(PyObject *object, int ndim, const npy_intp *shape, mlpc_dtype dtype);

/* Do the bytes of two arrays as those above, or n bytes at memory, overlap? */
int args_overlap(PyArrayObject *a, PyArrayObject *b);
int args_overlap_memory(PyArrayObject *a, const void *memory, size_t n);
/* ValueError where they do. */
int args_disjoint(const char *a_name, PyArrayObject *a, const char *b_name, PyArrayObject *b);

/* ---- Activations ------------------------------------------------------------------------------------------------- */

/* A name, with the activation's standard setting if it has one, or a tuple (name, setting).  TypeError or ValueError
 * where the name is none, or the setting is none that the activation can have in the dtype. */
int args_block(const char *argument, PyObject *object, mlpc_dtype dtype, mlpc_block *block);

/* The same as an object: the tuple where the activation has a setting, else the name. */
PyObject *args_block_as_object(const mlpc_block *block);

/* eps and momentum of norms. */
extern const mlpc_setting args_norm_settings[2];

/* None, the name of a norm, or a tuple of it, eps and, of batch norm, momentum: the norm of a block.  The reverse gives
 * the name alone where the settings are the standard ones. */
int args_norm(PyObject *object, mlpc_dtype dtype, mlpc_block *block);
PyObject *args_norm_as_object(const mlpc_block *block);

/* ---- Losses ------------------------------------------------------------------------------------------------------ */

/* An objective of the core's; the arrays hold what its pointers point to. */
typedef struct {
    mlpc_objective objective;
    PyArrayObject *weight, *y, *sample_weight;
    int keeps; /* the arrays are copies that nobody else has */
} args_objective;

/* The tuple (name, reduction, setting, weight), where None is what the row of the loss has; targets for logits of so
 * many columns, and sample weights (None: all 1).  ValueError where a target is none that the loss can mean, or the
 * weights of rows sum to 0.  Labels are a private copy: what was checked stays so while the GIL is released.  All
 * arrays are where objective->keeps is set before: what was checked stays so for ever.  Clear it in any case. */
int args_objective_parse(args_objective *objective, const mlpc_kernels *kernels, mlpc_dtype dtype, npy_intp columns,
                         PyObject *loss, PyObject *y, PyObject *sample_weight);
/* ValueError where a loss wants more outputs. */
int args_outputs(mlpc_loss_kind loss, npy_intp columns);
int args_objective_rows(const args_objective *objective, npy_intp rows); /* ValueError unless y has so many rows */
void args_objective_clear(args_objective *objective);

/* Where *x, or an array of the objective (NULL: none), overlaps n bytes at memory, which the call will write, it
 * becomes a copy. */
int args_copy_from(const void *memory, size_t n, PyArrayObject **x, args_objective *objective);

/* ValueError where an array that will be written overlaps one of the objective's. */
int args_objective_disjoint(const char *name, PyArrayObject *array, const args_objective *objective);

#endif
