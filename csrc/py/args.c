#include "args.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../core/fpmode.h"
#include "names.h"

int args_type_number(mlpc_dtype dtype)
{
    return dtype == MLPC_FLOAT32 ? NPY_FLOAT32 : NPY_FLOAT64;
}

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */

int args_count(const char *function, Py_ssize_t nargs, Py_ssize_t n)
{
    if (nargs == n) {
        return 0;
    }
    PyErr_Format(PyExc_TypeError, "%s: expected %zd arguments, got %zd", function, n, nargs);
    return -1;
}

int args_double(const char *name, PyObject *object, double *value)
{
    *value = PyFloat_AsDouble(object);
    if (*value != -1.0 || !PyErr_Occurred()) {
        return 0;
    }
    if (PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Format(PyExc_TypeError, "%s: expected a real number, got %.100s", name, Py_TYPE(object)->tp_name);
    } else if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
        PyErr_Format(PyExc_ValueError, "%s: expected a number in the range of a float, got a larger %.100s", name,
                     Py_TYPE(object)->tp_name);
    }
    return -1;
}

int args_bool(PyObject *object, int *value)
{
    *value = PyObject_IsTrue(object);
    return *value < 0 ? -1 : 0;
}

int args_integer(const char *name, PyObject *object, uint64_t minimum, uint64_t maximum, uint64_t *value)
{
    PyObject *integer = PyNumber_Index(object);
    if (integer == NULL) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Format(PyExc_TypeError, "%s: expected an integer, got %.100s", name, Py_TYPE(object)->tp_name);
        }
        return -1;
    }
    *value = PyLong_AsUnsignedLongLong(integer);
    const int overflow = PyErr_Occurred() != NULL; /* negative, or beyond 64 bits */
    const int bad = overflow || *value < minimum || *value > maximum;
    if (bad) {
        PyErr_Clear();
        PyErr_Format(PyExc_ValueError, "%s: expected an integer in %llu..%llu, got %R", name,
                     (unsigned long long)minimum, (unsigned long long)maximum, integer);
    }
    Py_DECREF(integer);
    return bad ? -1 : 0;
}

int args_size(const char *name, PyObject *object, size_t minimum, size_t *value)
{
    uint64_t wide;
    if (args_integer(name, object, minimum, NPY_MAX_INTP, &wide) < 0) {
        return -1;
    }
    *value = (size_t)wide;
    return 0;
}

/* ---- Arrays ------------------------------------------------------------------------------------------------------ */

PyArrayObject *args_seen(PyObject *object)
{
    PyArrayObject *array = (PyArrayObject *)PyArray_FROM_O(object);
    if (array != NULL) {
        Py_SETREF(array, (PyArrayObject *)PyArray_View(array, NULL, &PyArray_Type));
    }
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
    for (inner /= shape[0]; inner > CONVERTED; inner /= shape[axis]) {
        outer *= shape[axis++];
    }
    const npy_intp extent = shape[axis], step = CONVERTED / inner;
    Py_INCREF(descr);
    for (npy_intp i = 0; result != NULL && i < outer * ((extent + step - 1) / step); i++) {
        npy_intp index = i / ((extent + step - 1) / step), first = i % ((extent + step - 1) / step) * step;
        char *const to = (char *)PyArray_DATA(result) + (index * extent + first) * inner * PyArray_ITEMSIZE(result);
        char *data = from + first * strides[axis];
        for (int d = axis; d-- > 0; index /= shape[d]) {
            data += index % shape[d] * strides[d];
        }
        shape[axis] = extent - first < step ? extent - first : step;
        PyArrayObject *const x = piece_of(descr, ndim - axis, shape + axis, strides + axis, data);
        PyArrayObject *const y = piece_of(PyArray_DESCR(result), ndim - axis, shape + axis, NULL, to);
        if (x == NULL || y == NULL || copy_piece(y, x) < 0 || PyErr_CheckSignals() < 0) {
            Py_CLEAR(result);
        }
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
    if (PyArray_SIZE(array) > CONVERTED &&
        (extra || PyArray_TYPE(array) != type_number || !PyArray_ISCARRAY_RO(array))) {
        return (PyObject *)converted_in_pieces(array, type_number);
    }
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
    if (errstate != NULL && none != NULL && ignore != NULL &&
        (quiet = PyObject_Call(errstate, none, ignore)) != NULL &&
        (entered = PyObject_CallMethod(quiet, "__enter__", NULL)) != NULL) {
        result = numpy_converts(array, type_number, 0);
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        left = PyObject_CallMethod(quiet, "__exit__", "OOO", Py_None, Py_None, Py_None);
        if (left == NULL) {
            Py_CLEAR(result);
        }
        if (type != NULL) {
            PyErr_Restore(type, value, traceback);
        }
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
    for (npy_intp i = 0; i < n; i++) {
        to[i] = (float)from[i];
    }
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
            if (n > CONVERTED && PyErr_CheckSignals() < 0) {
                Py_CLEAR(result);
            }
        }
    }
    return result;
}

/* To a plain C-contiguous, aligned, native array of a type; extra: more flags for NumPy.  The array is one that was
 * seen, and comes back where it is so already.  Takes no reference. */
static PyArrayObject *contiguous(PyArrayObject *array, int type_number, int extra)
{
    const int plain = PyArray_ISCARRAY_RO(array), type = PyArray_TYPE(array);
    PyObject *result;
    if (plain && type == type_number && !extra) {
        result = Py_NewRef((PyObject *)array); /* NumPy would do the same, in 0.1 us */
    } else if (!PyArray_ISFLOAT(array) || PyArray_ITEMSIZE(array) <= (type_number == NPY_FLOAT32 ? 4 : 8)) {
        result = numpy_converts(array, type_number, extra);
    } else if (plain && type == NPY_FLOAT64) {
        result = narrowed(array);
    } else {
        result = numpy_converts_quietly(array, type_number);
    }
    return (PyArrayObject *)result;
}

static int is_integral(PyArrayObject *array)
{
    return PyArray_ISBOOL(array) || PyArray_ISINTEGER(array);
}

static PyArrayObject *type_error(const char *name, const char *expected, PyArrayObject *array)
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
        used += (size_t)(shape[i] == ARGS_ANY
                             ? snprintf(text + used, size - used, "%s%s", letters[i % 2], comma)
                             : snprintf(text + used, size - used, "%" NPY_INTP_FMT "%s", shape[i], comma));
    }
    if (used < size) {
        snprintf(text + used, size - used, ")");
    }
}

static void shape_error(const char *name, const char *expected, PyArrayObject *array, const char *hint)
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
    for (int i = 0; same && i < ndim; i++) {
        same = shape[i] == ARGS_ANY || shape[i] == PyArray_DIM(array, i);
    }
    if (same) {
        return 0;
    }
    char expected[128];
    print_shape(expected, sizeof expected, ndim, shape);
    const int one_sample = ndim == 2 && PyArray_NDIM(array) == 1 && PyArray_DIM(array, 0) == shape[1];
    char hint[64] = "";
    if (one_sample) {
        snprintf(hint, sizeof hint, "; one sample is %.20s[None, :]", name);
    }
    shape_error(name, expected, array, hint);
    return -1;
}

int args_shape1(const char *name, PyArrayObject *array, npy_intp n)
{
    return args_shape(name, array, 1, &n);
}

int args_shape2(const char *name, PyArrayObject *array, npy_intp rows, npy_intp columns)
{
    const npy_intp shape[2] = {rows, columns};
    return args_shape(name, array, 2, shape);
}

int args_rows_at_least_one(const char *name, PyArrayObject *array)
{
    if (PyArray_DIM(array, 0) > 0) {
        return 0;
    }
    PyErr_Format(PyExc_ValueError, "%s: expected at least one row, got 0", name);
    return -1;
}

/* 1 where an object is an array of a type that needs no conversion. */
static int is_plain(PyObject *object, int type_number)
{
    return PyArray_CheckExact(object) && PyArray_TYPE((PyArrayObject *)object) == type_number &&
           PyArray_ISCARRAY_RO((PyArrayObject *)object);
}

/* What was seen as real numbers of a dtype; takes no reference. */
static PyArrayObject *real_numbers(const char *name, PyArrayObject *any, mlpc_dtype dtype)
{
    return is_integral(any) || PyArray_ISFLOAT(any) ? contiguous(any, args_type_number(dtype), 0)
                                                    : type_error(name, "real numbers", any);
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
    if (array != NULL && args_shape2(name, array, rows, columns) < 0) {
        Py_CLEAR(array);
    }
    return array;
}

int args_scale(PyObject *object, mlpc_dtype dtype, double *scale)
{
    *scale = 1;
    if (object == Py_None) {
        return 0;
    }
    if (args_double("scale", object, scale) < 0) {
        return -1;
    }
    if (fabs(*scale) <= (dtype == MLPC_FLOAT32 ? (double)FLT_MAX : DBL_MAX)) {
        return 0;
    }
    PyErr_Format(PyExc_ValueError, "scale: expected a finite number, got %R", object);
    return -1;
}

PyArrayObject *args_input(mlpc_input *input, PyObject *x, PyObject *scale, mlpc_dtype dtype, npy_intp columns)
{
    PyArrayObject *array = NULL;
    *input = (mlpc_input){0};
    if (scale == Py_None && is_plain(x, args_type_number(dtype))) {
        array = (PyArrayObject *)Py_NewRef(x); /* with a view a small prediction takes 0.4 us more, a tenth */
    } else {
        PyArrayObject *any = args_seen(x);
        if (any == NULL) {
            return NULL;
        }
        if (PyArray_TYPE(any) == NPY_UINT8) {
            input->bytes = 1;
            if (args_scale(scale, dtype, &input->scale) == 0) {
                array = contiguous(any, NPY_UINT8, 0);
            }
        } else if (scale != Py_None) {
            PyErr_Format(PyExc_ValueError, "scale: expected None, since x is not uint8 but %S",
                         (PyObject *)PyArray_DESCR(any));
        } else {
            array = real_numbers("x", any, dtype);
        }
        Py_DECREF(any);
    }
    if (array != NULL && args_shape2("x", array, ARGS_ANY, columns) < 0) {
        Py_CLEAR(array);
    }
    if (array != NULL) {
        input->rows = PyArray_DATA(array);
    }
    return array;
}

PyArrayObject *args_float(const char *name, PyObject *object, mlpc_dtype *dtype)
{
    PyArrayObject *result = NULL;
    PyArrayObject *any = args_seen(object);
    if (any == NULL) {
        return NULL;
    }
    const int type = PyArray_TYPE(any);
    if (type != NPY_FLOAT32 && type != NPY_FLOAT64) {
        type_error(name, "float32 or float64", any);
    } else if (*dtype != MLPC_N_DTYPES && type != args_type_number(*dtype)) {
        type_error(name, *dtype == MLPC_FLOAT32 ? "float32 like the others" : "float64 like the others", any);
    } else {
        *dtype = type == NPY_FLOAT32 ? MLPC_FLOAT32 : MLPC_FLOAT64;
        result = contiguous(any, type, 0);
    }
    Py_DECREF(any);
    return result;
}

PyArrayObject *args_bytes(const char *name, PyObject *object)
{
    PyArrayObject *any = args_seen(object);
    if (any == NULL) {
        return NULL;
    }
    PyArrayObject *result =
        PyArray_TYPE(any) == NPY_UINT8 ? contiguous(any, NPY_UINT8, 0) : type_error(name, "uint8", any);
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
    if (PyArray_TYPE(array) != args_type_number(dtype)) {
        return type_error(name, dtype == MLPC_FLOAT32 ? "float32" : "float64", array);
    }
    if (args_shape(name, array, ndim, shape) < 0) {
        return NULL;
    }
    if (!PyArray_ISCARRAY(array)) {
        PyErr_Format(PyExc_ValueError, "%s: expected a writable, C-contiguous, aligned array in native byte order, got "
                                       "one that is %s", name,
                     !PyArray_ISWRITEABLE(array)         ? "read-only"
                     : !PyArray_IS_C_CONTIGUOUS(array)   ? "not C-contiguous"
                     : !PyArray_ISNBO(PyArray_DESCR(array)->byteorder) ? "of the other byte order"
                                                         : "misaligned");
        return NULL;
    }
    return (PyArrayObject *)Py_NewRef(object);
}

PyArrayObject *args_out(PyObject *object, int ndim, const npy_intp *shape, mlpc_dtype dtype)
{
    if (object == Py_None) {
        return (PyArrayObject *)PyArray_SimpleNew(ndim, shape, args_type_number(dtype));
    }
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
    if (!args_overlap(a, b)) {
        return 0;
    }
    PyErr_Format(PyExc_ValueError, "%s: expected memory of its own, got an array that overlaps %s", a_name, b_name);
    return -1;
}

/* ---- Losses ------------------------------------------------------------------------------------------------------ */

#define REAL_NUMBERS "real numbers are learnt with loss=\"mse\""

static double element(PyArrayObject *array, npy_intp i)
{
    return PyArray_TYPE(array) == NPY_FLOAT32 ? (double)((const float *)PyArray_DATA(array))[i]
                                              : ((const double *)PyArray_DATA(array))[i];
}

/* Where the first element is that is not finite or below 0, and its value; n where there is none.  In the core's
 * floating-point mode: in the caller's, NaN may trap, and a subnormal number may be 0. */
static MLPC_NOINLINE npy_intp first_bad(PyArrayObject *array, double *value)
{
    const npy_intp n = PyArray_SIZE(array);
    for (npy_intp i = 0; i < n; i++) {
        *value = element(array, i);
        if (!isfinite(*value) || *value < 0) {
            return i;
        }
    }
    return n;
}

static int check_weights_inside(const char *name, PyArrayObject *array)
{
    double value;
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    const npy_intp i = first_bad(array, &value);
    mlpc_fpmode_leave(mode);
    if (i == PyArray_SIZE(array)) {
        return 0;
    }
    PyObject *got = PyFloat_FromDouble(value);
    if (got != NULL) {
        PyErr_Format(PyExc_ValueError, "%s: expected finite numbers >= 0, got %R at row %zd", name, got,
                     (Py_ssize_t)i);
        Py_DECREF(got);
    }
    return -1;
}

/* Weights (n,): finite and >= 0. */
static PyArrayObject *weights(const char *name, PyObject *object, mlpc_dtype dtype, npy_intp n)
{
    PyArrayObject *array = args_real(name, object, dtype);
    if (array != NULL && (args_shape1(name, array, n) < 0 || check_weights_inside(name, array) < 0)) {
        Py_CLEAR(array);
    }
    return array;
}

int args_outputs(mlpc_loss_kind loss, npy_intp columns)
{
    const size_t least = mlpc_targets_rule(loss)->outputs;
    if (columns >= (npy_intp)least) {
        return 0;
    }
    PyErr_Format(PyExc_ValueError, "loss: expected at least %zu outputs for %s, got %zd; " REAL_NUMBERS
                 ", 0 and 1 with loss=\"bce_with_logits\"", least, names_losses[loss], (Py_ssize_t)columns);
    return -1;
}

static int parse_loss(args_objective *objective, mlpc_dtype dtype, npy_intp columns, PyObject *tuple)
{
    mlpc_loss *const loss = &objective->loss;
    if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != 4) {
        PyErr_Format(PyExc_TypeError, "loss: expected (name, reduction, class_weight, label_smoothing), got %R", tuple);
        return -1;
    }
    const int kind = names_find("loss", PyTuple_GET_ITEM(tuple, 0), names_losses, MLPC_N_LOSSES);
    if (kind < 0) {
        return -1;
    }
    loss->kind = (mlpc_loss_kind)kind;
    if (args_outputs(loss->kind, columns) < 0) {
        return -1;
    }
    loss->mean = names_find("reduction", PyTuple_GET_ITEM(tuple, 1), names_reductions, 2);
    if (loss->mean < 0 || args_double("label_smoothing", PyTuple_GET_ITEM(tuple, 3), &loss->label_smoothing) < 0) {
        return -1;
    }
    if (!(loss->label_smoothing >= 0 && loss->label_smoothing <= 1)) {
        PyErr_Format(PyExc_ValueError, "label_smoothing: expected a number in [0, 1], got %R",
                     PyTuple_GET_ITEM(tuple, 3));
        return -1;
    }
    PyObject *const class_weight = PyTuple_GET_ITEM(tuple, 2);
    if (kind != MLPC_LOSS_cross_entropy && (class_weight != Py_None || loss->label_smoothing != 0)) {
        PyErr_Format(PyExc_ValueError, "loss: class_weight and label_smoothing belong to cross_entropy, got %R", tuple);
        return -1;
    }
    if (class_weight != Py_None) {
        objective->class_weight = weights("class_weight", class_weight, dtype, columns);
        if (objective->class_weight == NULL) {
            return -1;
        }
    }
    return 0;
}

/* Labels (n,), a copy. */
static PyArrayObject *labels(PyArrayObject *any)
{
    if (PyArray_NDIM(any) != 1) {
        shape_error("y", "(n,)", any, "; labels are (n,) integers, probabilities must be floating-point");
        return NULL;
    }
    return contiguous(any, NPY_INT64, NPY_ARRAY_ENSURECOPY);
}

/* Values (n, columns), or (n,) for one column. */
static PyArrayObject *values(PyArrayObject *any, mlpc_dtype dtype, npy_intp columns)
{
    const int flat = columns == 1 && PyArray_NDIM(any) == 1;
    return flat || args_shape2("y", any, ARGS_ANY, columns) == 0 ? contiguous(any, args_type_number(dtype), 0) : NULL;
}

/* The number in an array as the caller gave it, before any conversion. */
static PyObject *given(PyArrayObject *any, size_t row, size_t column)
{
    void *const at = PyArray_NDIM(any) == 2 ? PyArray_GETPTR2(any, (npy_intp)row, (npy_intp)column)
                                            : PyArray_GETPTR1(any, (npy_intp)row);
    return PyArray_ToScalar(at, any);
}

/* ValueError that says where y, whose values are held by `any` as they were given, breaks the rule of the loss.  In the
 * core's floating-point mode, since NaN may trap in the caller's. */
static MLPC_NOINLINE void target_error(const args_objective *objective, mlpc_dtype dtype, npy_intp columns,
                                       PyArrayObject *any, const mlpc_bad_target *bad)
{
    const mlpc_target_rule *const rule = mlpc_targets_rule(objective->loss.kind);
    const char *const hint = rule->rows_sum_to_one ? "; " REAL_NUMBERS : "";
    if (bad->column == (size_t)columns) {
        PyObject *sum = PyFloat_FromDouble(bad->sum);
        if (sum != NULL) {
            PyErr_Format(PyExc_ValueError, "y: expected probabilities that sum to 1 in every row, got a sum of %R at "
                                           "row %zu%s", sum, bad->row, hint);
            Py_DECREF(sum);
        }
        return;
    }
    PyObject *got = given(any, bad->row, bad->column);
    PyObject *number = got == NULL ? NULL : PyNumber_Float(got);
    if (number != NULL) {
        const double value = PyFloat_AS_DOUBLE(number);
        const int too_large = isfinite(value) && value >= rule->least && value <= rule->most;
        char expected[64] = "finite numbers";
        if (too_large) {
            snprintf(expected, sizeof expected, "numbers within the range of %s", names_dtypes[dtype]);
        } else if (isfinite(rule->most)) {
            snprintf(expected, sizeof expected, "numbers in [%g, %g]", rule->least, rule->most);
        } else if (isfinite(rule->least)) {
            snprintf(expected, sizeof expected, "finite numbers >= %g", rule->least);
        }
        PyErr_Format(PyExc_ValueError, "y: expected %s, got %S at row %zu, column %zu%s", expected, got, bad->row,
                     bad->column, too_large ? "" : hint);
    }
    Py_XDECREF(number);
    Py_XDECREF(got);
}

static void label_error(PyArrayObject *any, npy_intp columns, const mlpc_bad_target *bad)
{
    PyObject *got = given(any, bad->row, 0);
    if (got != NULL) {
        PyErr_Format(PyExc_ValueError, "y: label %S at row %zu is outside 0..%zd", got, bad->row,
                     (Py_ssize_t)(columns - 1));
        Py_DECREF(got);
    }
}

/* objective->y, of the type and the shape that the loss wants. */
static int convert_targets(args_objective *objective, mlpc_dtype dtype, npy_intp columns, PyArrayObject *any)
{
    const int classes = objective->loss.kind == MLPC_LOSS_cross_entropy;
    if (!is_integral(any) && !PyArray_ISFLOAT(any)) {
        type_error("y", classes ? "integer labels or probabilities" : "real numbers", any);
    } else if (classes && !is_integral(any) && PyArray_NDIM(any) == 1) {
        PyErr_Format(PyExc_TypeError, "y: expected integer labels, got dtype %S; " REAL_NUMBERS,
                     (PyObject *)PyArray_DESCR(any));
    } else {
        objective->y = classes && is_integral(any) ? labels(any) : values(any, dtype, columns);
    }
    if (objective->y == NULL) {
        return -1;
    }
    objective->rows = PyArray_DIM(objective->y, 0);
    return 0;
}

static mlpc_targets targets_of(const args_objective *objective)
{
    const int classes = PyArray_TYPE(objective->y) == NPY_INT64;
    return (mlpc_targets){
        .labels = classes ? PyArray_DATA(objective->y) : NULL,
        .values = classes ? NULL : PyArray_DATA(objective->y),
        .sample_weight = objective->sample_weight == NULL ? NULL : PyArray_DATA(objective->sample_weight),
    };
}

static int parse_targets(args_objective *objective, const mlpc_kernels *kernels, mlpc_dtype dtype, npy_intp columns,
                         PyObject *y)
{
    PyArrayObject *any = args_seen(y);
    if (any == NULL || convert_targets(objective, dtype, columns, any) < 0) {
        Py_XDECREF(any);
        return -1;
    }
    const mlpc_targets targets = targets_of(objective);
    const mlpc_loss_kind loss = objective->loss.kind;
    mlpc_bad_target bad;
    NPY_BEGIN_THREADS_DEF
    NPY_BEGIN_THREADS_THRESHOLDED(PyArray_SIZE(objective->y));
    const mlpc_status status =
        mlpc_targets_check(loss, kernels, &targets, (size_t)objective->rows, (size_t)columns, &bad);
    NPY_END_THREADS
    if (status == MLPC_ERROR_LABEL) {
        label_error(any, columns, &bad);
    } else if (status == MLPC_ERROR_TARGET) {
        const mlpc_fpmode mode = mlpc_fpmode_enter();
        target_error(objective, dtype, columns, any, &bad);
        mlpc_fpmode_leave(mode);
    }
    Py_DECREF(any);
    return status == MLPC_OK ? 0 : -1;
}

/* ValueError that names the weights where the mean of a loss would divide by 0, or by infinity. */
static int check_divisor(const char *name, mlpc_loss loss, const args_objective *objective,
                         const mlpc_kernels *kernels, npy_intp columns)
{
    const size_t n = (size_t)objective->rows;
    double divisor;
    size_t bad_row;
    double *const scratch = PyMem_Calloc(n, sizeof *scratch);
    if (scratch == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    loss.mean = 1;
    const mlpc_status status =
        mlpc_loss_check(&loss, kernels, &objective->targets, n, (size_t)columns, &divisor, scratch, &bad_row);
    PyMem_Free(scratch);
    if (status == MLPC_OK) {
        return 0;
    }
    PyObject *got = PyFloat_FromDouble(divisor);
    if (got != NULL) {
        PyErr_Format(PyExc_ValueError, "%s: expected a %s sum, got %R", name,
                     isfinite(divisor) ? "positive" : "finite", got);
        Py_DECREF(got);
    }
    return -1;
}

/* With reduction "sum", too, sample weights must not all be 0; class weights may be: nothing is divided by them. */
static int check_weights(const args_objective *objective, const mlpc_kernels *kernels, npy_intp columns)
{
    mlpc_loss without = objective->loss;
    without.class_weight = NULL;
    if (objective->rows == 0) {
        return 0;
    }
    if (objective->sample_weight != NULL &&
        check_divisor("sample_weight", without, objective, kernels, columns) < 0) {
        return -1;
    }
    return objective->class_weight == NULL || !objective->loss.mean
               ? 0
               : check_divisor("class_weight", objective->loss, objective, kernels, columns);
}

/* The pointers that the core gets. */
static void point(args_objective *objective)
{
    objective->loss.class_weight = objective->class_weight == NULL ? NULL : PyArray_DATA(objective->class_weight);
    objective->targets = targets_of(objective);
}

int args_objective_parse(args_objective *objective, const mlpc_kernels *kernels, mlpc_dtype dtype, npy_intp columns,
                         PyObject *loss, PyObject *y, PyObject *sample_weight)
{
    *objective = (args_objective){0};
    if (parse_loss(objective, dtype, columns, loss) < 0 ||
        parse_targets(objective, kernels, dtype, columns, y) < 0) {
        return -1;
    }
    if (sample_weight != Py_None) {
        objective->sample_weight = weights("sample_weight", sample_weight, MLPC_FLOAT64, objective->rows);
        if (objective->sample_weight == NULL) {
            return -1;
        }
    }
    point(objective);
    return check_weights(objective, kernels, columns);
}

int args_objective_rows(const args_objective *objective, npy_intp rows)
{
    if (objective->rows == rows) {
        return 0;
    }
    PyErr_Format(PyExc_ValueError, "y: expected %zd rows, one for each of the logits or predictions, got %zd",
                 (Py_ssize_t)rows, (Py_ssize_t)objective->rows);
    return -1;
}

/* A copy instead of an array, which may be NULL, where it overlaps n bytes at memory. */
static int copy_from(const void *memory, size_t n, PyArrayObject **array)
{
    if (*array == NULL || !args_overlap_memory(*array, memory, n)) {
        return 0;
    }
    PyArrayObject *copy = (PyArrayObject *)PyArray_NewCopy(*array, NPY_CORDER);
    if (copy == NULL) {
        return -1;
    }
    Py_SETREF(*array, copy);
    return 0;
}

int args_copy_from(const void *memory, size_t n, PyArrayObject **x, args_objective *objective)
{
    if (copy_from(memory, n, x) < 0) {
        return -1;
    }
    if (objective == NULL) {
        return 0;
    }
    if (copy_from(memory, n, &objective->y) < 0 || copy_from(memory, n, &objective->sample_weight) < 0 ||
        copy_from(memory, n, &objective->class_weight) < 0) {
        return -1;
    }
    point(objective);
    return 0;
}

int args_objective_disjoint(const char *name, PyArrayObject *array, const args_objective *objective)
{
    if (args_disjoint(name, array, "y", objective->y) < 0 ||
        (objective->sample_weight != NULL &&
         args_disjoint(name, array, "sample_weight", objective->sample_weight) < 0)) {
        return -1;
    }
    return objective->class_weight == NULL ? 0
                                           : args_disjoint(name, array, "class_weight", objective->class_weight);
}

void args_objective_clear(args_objective *objective)
{
    Py_CLEAR(objective->class_weight);
    Py_CLEAR(objective->y);
    Py_CLEAR(objective->sample_weight);
}
