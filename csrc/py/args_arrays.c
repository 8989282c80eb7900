/* Arrays among the arguments: conversion, shapes, overlaps. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../core/fpmode.h"
#include "args.h"
#include "names.h"

int args_type_number(mlpc_dtype dtype) { return dtype == MLPC_FLOAT32 ? NPY_FLOAT32 : NPY_FLOAT64; }

int args_dtype(PyObject *object)
{
    if (!PyArray_DescrCheck(object))
        return names_find("dtype", object, names_dtypes, MLPC_N_DTYPES);
    for (int dtype = 0; dtype < MLPC_N_DTYPES; dtype++)
        if (((PyArray_Descr *)object)->type_num == args_type_number((mlpc_dtype)dtype))
            return dtype;
    PyErr_Format(PyExc_ValueError, "dtype: expected float32 or float64, got %R", object);
    return -1;
}

PyArrayObject *args_seen(PyObject *object)
{
    PyArrayObject *array = (PyArrayObject *)PyArray_FROM_O(object);
    if (array != NULL)
        Py_SETREF(array, (PyArrayObject *)PyArray_View(array, NULL, &PyArray_Type));
    return array;
}

/* Elements that are converted between two looks for Ctrl-C: some milliseconds. */
enum { CONVERTED = 1 << 20 };

/* NumPy rounds in the core's floating-point mode, so that a conversion gives the same bits whatever the caller's. */
static int copy_piece(PyArrayObject *to, PyArrayObject *from)
{
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    const int status = PyArray_CopyInto(to, from);
    mlpc_fpmode_leave(mode);
    return status;
}

/* A view of memory that others keep alive. */
static PyArrayObject *piece_of(PyArray_Descr *descr, int ndim, const npy_intp *shape, const npy_intp *strides,
                               char *data)
{
    Py_INCREF(descr);
    return (PyArrayObject *)PyArray_NewFromDescr(&PyArray_Type, descr, ndim, shape, strides, data, NPY_ARRAY_WRITEABLE,
                                                 NULL);
}

/* A large array as a new one of a type, in pieces of so many elements.  They are cut along the first axis of which that
 * many are more than one; what handlers of signals do to the array's shape meanwhile changes nothing. */
static PyArrayObject *converted_in_pieces(PyArrayObject *array, int type_number)
{
    const int ndim = PyArray_NDIM(array);
    npy_intp shape[NPY_MAXDIMS], strides[NPY_MAXDIMS];
    memcpy(shape, PyArray_DIMS(array), (size_t)ndim * sizeof *shape);
    memcpy(strides, PyArray_STRIDES(array), (size_t)ndim * sizeof *strides);
    char *const from = PyArray_DATA(array);
    PyArray_Descr *const descr = PyArray_DESCR(array);
    PyArrayObject *result = (PyArrayObject *)PyArray_SimpleNew(ndim, shape, type_number);
    npy_intp inner = PyArray_SIZE(array), outer = 1;
    int axis = 0;
    for (inner /= shape[0]; inner > CONVERTED; inner /= shape[axis])
        outer *= shape[axis++];
    const npy_intp extent = shape[axis], step = CONVERTED / inner;
    Py_INCREF(descr);
    for (npy_intp i = 0; result != NULL && i < outer * ((extent + step - 1) / step); i++) {
        npy_intp index = i / ((extent + step - 1) / step), first = i % ((extent + step - 1) / step) * step;
        char *const to = (char *)PyArray_DATA(result) + (index * extent + first) * inner * PyArray_ITEMSIZE(result);
        char *data = from + first * strides[axis];
        for (int d = axis; d-- > 0; index /= shape[d])
            data += index % shape[d] * strides[d];
        shape[axis] = extent - first < step ? extent - first : step;
        PyArrayObject *const x = piece_of(descr, ndim - axis, shape + axis, strides + axis, data);
        PyArrayObject *const y = piece_of(PyArray_DESCR(result), ndim - axis, shape + axis, NULL, to);
        if (x == NULL || y == NULL || copy_piece(y, x) < 0 || PyErr_CheckSignals() < 0)
            Py_CLEAR(result);
        Py_XDECREF(x);
        Py_XDECREF(y);
    }
    Py_DECREF(descr);
    return result;
}

/* NumPy's own conversion to a plain C-contiguous, aligned, native array, a large one in pieces.  It rounds in the
 * core's floating-point mode, so that the bits are the same whatever the caller's. */
static PyObject *numpy_converts(PyArrayObject *array, int type_number, int extra)
{
    if (PyArray_SIZE(array) > CONVERTED && (extra || PyArray_TYPE(array) != type_number || !PyArray_ISCARRAY_RO(array)))
        return (PyObject *)converted_in_pieces(array, type_number);
    const int flags = NPY_ARRAY_CARRAY_RO | NPY_ARRAY_FORCECAST | NPY_ARRAY_ENSUREARRAY | extra;
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    PyObject *result = PyArray_FromArray(array, PyArray_DescrFromType(type_number), flags);
    mlpc_fpmode_leave(mode);
    return result;
}

/* The same without a warning of numbers that are too large, which become infinite: who may not be, is told so. */
static PyObject *numpy_converts_quietly(PyArrayObject *array, int type_number)
{
    PyObject *result = NULL, *left = NULL, *quiet = NULL, *entered = NULL;
    PyObject *numpy = PyImport_ImportModule("numpy");
    PyObject *errstate = numpy == NULL ? NULL : PyObject_GetAttrString(numpy, "errstate");
    PyObject *none = PyTuple_New(0), *ignore = Py_BuildValue("{ss}", "all", "ignore");
    if (errstate != NULL && none != NULL && ignore != NULL && (quiet = PyObject_Call(errstate, none, ignore)) != NULL &&
        (entered = PyObject_CallMethod(quiet, "__enter__", NULL)) != NULL) {
        result = numpy_converts(array, type_number, 0);
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        left = PyObject_CallMethod(quiet, "__exit__", "OOO", Py_None, Py_None, Py_None);
        if (left == NULL)
            Py_CLEAR(result);
        if (type != NULL)
            PyErr_Restore(type, value, traceback);
    }
    Py_XDECREF(left);
    Py_XDECREF(entered);
    Py_XDECREF(quiet);
    Py_XDECREF(ignore);
    Py_XDECREF(none);
    Py_XDECREF(errstate);
    Py_XDECREF(numpy);
    return result;
}

static MLPC_NOINLINE void narrow(float *to, const double *from, npy_intp n)
{
    for (npy_intp i = 0; i < n; i++)
        to[i] = (float)from[i];
}

/* Plain float64 as float32: what callers have most often, and what needs no code of Python's to be done quietly. */
static PyObject *narrowed(PyArrayObject *array)
{
    PyObject *result = PyArray_SimpleNew(PyArray_NDIM(array), PyArray_DIMS(array), NPY_FLOAT32);
    if (result != NULL) {
        float *const to = PyArray_DATA((PyArrayObject *)result);
        const double *const from = PyArray_DATA(array);
        const npy_intp n = PyArray_SIZE(array);
        for (npy_intp i = 0; i < n && result != NULL; i += CONVERTED) {
            const npy_intp piece = n - i < CONVERTED ? n - i : CONVERTED;
            NPY_BEGIN_THREADS_DEF
            NPY_BEGIN_THREADS_THRESHOLDED(piece);
            const mlpc_fpmode mode = mlpc_fpmode_enter();
            narrow(to + i, from + i, piece);
            mlpc_fpmode_leave(mode);
            NPY_END_THREADS
            if (n > CONVERTED && PyErr_CheckSignals() < 0)
                Py_CLEAR(result);
        }
    }
    return result;
}

PyArrayObject *args_contiguous(PyArrayObject *array, int type_number, int extra)
{
    const int plain = PyArray_ISCARRAY_RO(array), type = PyArray_TYPE(array);
    PyObject *result;
    if (plain && type == type_number && !extra)
        result = Py_NewRef((PyObject *)array); /* NumPy would do the same, in 0.1 us */
    else if (!PyArray_ISFLOAT(array) || PyArray_ITEMSIZE(array) <= (type_number == NPY_FLOAT32 ? 4 : 8))
        result = numpy_converts(array, type_number, extra);
    else if (plain && type == NPY_FLOAT64)
        result = narrowed(array);
    else
        result = numpy_converts_quietly(array, type_number);
    return (PyArrayObject *)result;
}

int args_is_integral(PyArrayObject *array) { return PyArray_ISBOOL(array) || PyArray_ISINTEGER(array); }

PyArrayObject *args_type_error(const char *name, const char *expected, PyArrayObject *array)
{
    PyErr_Format(PyExc_TypeError, "%s: expected %s, got dtype %S", name, expected, (PyObject *)PyArray_DESCR(array));
    return NULL;
}

/* "(n, 784)" into text. */
static void print_shape(char *text, size_t size, int ndim, const npy_intp *shape)
{
    static const char *const letters[] = {"n", "k"};
    size_t used = (size_t)snprintf(text, size, "(");
    for (int i = 0; i < ndim && used < size; i++) {
        const char *const comma = i + 1 < ndim ? ", " : ndim == 1 ? "," : "";
        used +=
            (size_t)(shape[i] == ARGS_ANY ? snprintf(text + used, size - used, "%s%s", letters[i % 2], comma)
                                          : snprintf(text + used, size - used, "%" NPY_INTP_FMT "%s", shape[i], comma));
    }
    if (used < size)
        snprintf(text + used, size - used, ")");
}

void args_shape_error(const char *name, const char *expected, PyArrayObject *array, const char *hint)
{
    PyObject *shape = PyArray_IntTupleFromIntp(PyArray_NDIM(array), PyArray_DIMS(array));
    if (shape != NULL) {
        PyErr_Format(PyExc_ValueError, "%s: expected shape %s, got %R%s", name, expected, shape, hint);
        Py_DECREF(shape);
    }
}

int args_shape(const char *name, PyArrayObject *array, int ndim, const npy_intp *shape)
{
    int same = PyArray_NDIM(array) == ndim;
    for (int i = 0; same && i < ndim; i++)
        same = shape[i] == ARGS_ANY || shape[i] == PyArray_DIM(array, i);
    if (same)
        return 0;
    char expected[128];
    print_shape(expected, sizeof expected, ndim, shape);
    const int one_sample = ndim == 2 && PyArray_NDIM(array) == 1 && PyArray_DIM(array, 0) == shape[1];
    char hint[64] = "";
    if (one_sample)
        snprintf(hint, sizeof hint, "; one sample is %.20s[None, :]", name);
    args_shape_error(name, expected, array, hint);
    return -1;
}

int args_shape1(const char *name, PyArrayObject *array, npy_intp n) { return args_shape(name, array, 1, &n); }

int args_shape2(const char *name, PyArrayObject *array, npy_intp rows, npy_intp columns)
{
    const npy_intp shape[2] = {rows, columns};
    return args_shape(name, array, 2, shape);
}

int args_rows_at_least_one(const char *name, PyArrayObject *array)
{
    if (PyArray_DIM(array, 0) > 0)
        return 0;
    PyErr_Format(PyExc_ValueError, "%s: expected at least one row, got 0", name);
    return -1;
}

/* What was seen as real numbers of a dtype; takes no reference. */
static PyArrayObject *real_numbers(const char *name, PyArrayObject *any, mlpc_dtype dtype)
{
    return args_is_integral(any) || PyArray_ISFLOAT(any) ? args_contiguous(any, args_type_number(dtype), 0)
                                                         : args_type_error(name, "real numbers", any);
}

PyArrayObject *args_real(const char *name, PyObject *object, mlpc_dtype dtype)
{
    PyArrayObject *any = args_seen(object);
    PyArrayObject *result = any == NULL ? NULL : real_numbers(name, any, dtype);
    Py_XDECREF(any);
    return result;
}

PyArrayObject *args_matrix(const char *name, PyObject *object, mlpc_dtype dtype, npy_intp rows, npy_intp columns)
{
    PyArrayObject *array = args_real(name, object, dtype);
    if (array != NULL && args_shape2(name, array, rows, columns) < 0)
        Py_CLEAR(array);
    return array;
}

int args_scale(PyObject *object, mlpc_dtype dtype, double *scale)
{
    *scale = 1;
    if (object == Py_None)
        return 0;
    if (args_double("scale", object, scale) < 0)
        return -1;
    if (fabs(*scale) <= (dtype == MLPC_FLOAT32 ? (double)FLT_MAX : DBL_MAX))
        return 0;
    PyErr_Format(PyExc_ValueError, "scale: expected a finite number, got %R", object);
    return -1;
}

PyArrayObject *args_float(const char *name, PyObject *object, mlpc_dtype *dtype)
{
    PyArrayObject *result = NULL;
    PyArrayObject *any = args_seen(object);
    if (any == NULL)
        return NULL;
    const int type = PyArray_TYPE(any);
    if (type != NPY_FLOAT32 && type != NPY_FLOAT64) {
        args_type_error(name, "float32 or float64", any);
    } else if (*dtype != MLPC_N_DTYPES && type != args_type_number(*dtype)) {
        args_type_error(name, *dtype == MLPC_FLOAT32 ? "float32 like the others" : "float64 like the others", any);
    } else {
        *dtype = type == NPY_FLOAT32 ? MLPC_FLOAT32 : MLPC_FLOAT64;
        result = args_contiguous(any, type, 0);
    }
    Py_DECREF(any);
    return result;
}

PyArrayObject *args_bytes(const char *name, PyObject *object)
{
    PyArrayObject *any = args_seen(object);
    if (any == NULL)
        return NULL;
    PyArrayObject *result =
        PyArray_TYPE(any) == NPY_UINT8 ? args_contiguous(any, NPY_UINT8, 0) : args_type_error(name, "uint8", any);
    Py_DECREF(any);
    return result;
}

PyArrayObject *args_inplace(const char *name, PyObject *object, int ndim, const npy_intp *shape, mlpc_dtype dtype)
{
    if (!PyArray_Check(object)) {
        PyErr_Format(PyExc_TypeError, "%s: expected an array to write into, got %.100s", name,
                     Py_TYPE(object)->tp_name);
        return NULL;
    }
    PyArrayObject *array = (PyArrayObject *)object;
    if (PyArray_TYPE(array) != args_type_number(dtype))
        return args_type_error(name, dtype == MLPC_FLOAT32 ? "float32" : "float64", array);
    if (args_shape(name, array, ndim, shape) < 0)
        return NULL;
    if (!PyArray_ISCARRAY(array)) {
        PyErr_Format(PyExc_ValueError,
                     "%s: expected a writable, C-contiguous, aligned array in native byte order, got "
                     "one that is %s",
                     name,
                     !PyArray_ISWRITEABLE(array)                       ? "read-only"
                     : !PyArray_IS_C_CONTIGUOUS(array)                 ? "not C-contiguous"
                     : !PyArray_ISNBO(PyArray_DESCR(array)->byteorder) ? "of the other byte order"
                                                                       : "misaligned");
        return NULL;
    }
    return (PyArrayObject *)Py_NewRef(object);
}

PyArrayObject *args_out(PyObject *object, int ndim, const npy_intp *shape, mlpc_dtype dtype)
{
    if (object == Py_None)
        return (PyArrayObject *)PyArray_SimpleNew(ndim, shape, args_type_number(dtype));
    return args_inplace("out", object, ndim, shape, dtype);
}

int args_overlap_memory(PyArrayObject *a, const void *memory, size_t n)
{
    const uintptr_t a_first = (uintptr_t)PyArray_DATA(a), first = (uintptr_t)memory;
    return n > 0 && PyArray_SIZE(a) > 0 && a_first < first + n && first < a_first + (size_t)PyArray_NBYTES(a);
}

int args_overlap(PyArrayObject *a, PyArrayObject *b)
{
    return args_overlap_memory(a, PyArray_DATA(b), (size_t)PyArray_NBYTES(b));
}

int args_disjoint(const char *a_name, PyArrayObject *a, const char *b_name, PyArrayObject *b)
{
    if (!args_overlap(a, b))
        return 0;
    PyErr_Format(PyExc_ValueError, "%s: expected memory of its own, got an array that overlaps %s", a_name, b_name);
    return -1;
}
