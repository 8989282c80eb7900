/* Input among the arguments, see args_input.h. */
#include "args_input.h"

#include "../core/fpmode.h"
#include "../core/rows.h"

/* 1 where an object is an array of a type that needs no conversion. */
static int is_plain(PyObject *object, int type_number)
{
    return PyArray_CheckExact(object) && PyArray_TYPE((PyArrayObject *)object) == type_number &&
           PyArray_ISCARRAY_RO((PyArrayObject *)object);
}

/* ValueError where there is a scale, and numbers of a type that has none. */
static int check_scale(PyObject *scale, PyArrayObject *numbers)
{
    if (scale == Py_None)
        return 0;
    PyErr_Format(PyExc_ValueError, "scale: expected None, since x is not uint8 but %S",
                 (PyObject *)PyArray_DESCR(numbers));
    return -1;
}

static PyArrayObject *parse_array(mlpc_input *input, PyObject *object, PyObject *scale, mlpc_dtype dtype)
{
    PyArrayObject *const any = args_seen(object);
    PyArrayObject *array = NULL;
    if (any != NULL && PyArray_TYPE(any) == NPY_UINT8) {
        input->bytes = 1;
        if (args_scale(scale, dtype, &input->scale) == 0)
            array = args_contiguous(any, NPY_UINT8, 0);
    } else if (any != NULL && check_scale(scale, any) == 0) {
        array = args_real("x", (PyObject *)any, dtype);
    }
    Py_XDECREF(any);
    return array;
}

static PyArrayObject *from_bytes(PyArrayObject *bytes, double scale, mlpc_dtype dtype)
{
    PyArrayObject *const numbers = args_out(Py_None, 1, PyArray_DIMS(bytes), dtype);
    if (numbers != NULL) {
        const mlpc_fpmode mode = mlpc_fpmode_enter();
        mlpc_kernels_for(MLPC_ISA_portable, dtype)
            ->from_bytes(PyArray_DATA(numbers), PyArray_DATA(bytes), scale, (size_t)PyArray_SIZE(bytes));
        mlpc_fpmode_leave(mode);
    }
    return numbers;
}

static PyArrayObject *parse_csr(mlpc_input *input, const CSRObject *csr, PyObject *scale, mlpc_dtype dtype)
{
    double factor;
    input->indptr = PyArray_DATA(csr->indptr);
    input->indices = PyArray_DATA(csr->indices);
    if (scale == Py_None || PyArray_TYPE(csr->data) != NPY_UINT8)
        return check_scale(scale, csr->data) < 0 ? NULL : args_real("x", (PyObject *)csr->data, dtype);
    return args_scale(scale, dtype, &factor) < 0 ? NULL : from_bytes(csr->data, factor, dtype);
}

int args_input_parse(args_input *x, PyObject *object, PyObject *scale, mlpc_dtype dtype, npy_intp columns)
{
    *x = (args_input){0};
    if (scale == Py_None && is_plain(object, args_type_number(dtype))) {
        x->numbers = (PyArrayObject *)Py_NewRef(object); /* with a view a small prediction takes 0.4 us more, a tenth */
    } else if ((x->csr = csr_of(object)) != NULL) {
        Py_INCREF(object);
        x->columns = x->csr->columns;
        x->input.n = (size_t)csr_rows(x->csr);
        if (args_input_columns(x, columns) == 0)
            x->numbers = parse_csr(&x->input, x->csr, scale, dtype);
    } else {
        x->numbers = parse_array(&x->input, object, scale, dtype);
    }
    if (x->numbers == NULL || (x->csr == NULL && args_shape2("x", x->numbers, ARGS_ANY, columns) < 0))
        return -1;
    if (x->csr == NULL) {
        x->columns = PyArray_DIM(x->numbers, 1);
        x->input.n = (size_t)PyArray_DIM(x->numbers, 0);
    }
    x->input.rows = PyArray_DATA(x->numbers);
    return 0;
}

int args_input_columns(const args_input *x, npy_intp columns)
{
    if (columns == ARGS_ANY || x->columns == columns)
        return 0;
    PyErr_Format(PyExc_ValueError, "x: expected shape (n, %zd), got (%zu, %zd)", (Py_ssize_t)columns, x->input.n,
                 (Py_ssize_t)x->columns);
    return -1;
}

void args_input_clear(args_input *x)
{
    Py_CLEAR(x->numbers);
    Py_CLEAR(x->csr);
}

/* Numbers that are made between two looks for Ctrl-C: some milliseconds. */
enum { CONVERTED = 1 << 20 };

/* All rows, to (n, columns), while other threads run. */
static int convert(const args_input *x, const mlpc_kernels *kernels, char *to)
{
    const size_t n = x->input.n, I = (size_t)x->columns, step = I < CONVERTED ? CONVERTED / (I + 1) + 1 : 1;
    for (size_t r = 0; I && r < n; r += step) {
        const mlpc_input part = mlpc_input_from(&x->input, r, n - r < step ? n - r : step, I, kernels->itemsize);
        NPY_BEGIN_THREADS_DEF
        NPY_BEGIN_THREADS_THRESHOLDED(part.n * I);
        const mlpc_fpmode mode = mlpc_fpmode_enter();
        mlpc_input_numbers(&part, kernels, I, to + r * I * kernels->itemsize);
        mlpc_fpmode_leave(mode);
        NPY_END_THREADS
        if (n > step && PyErr_CheckSignals() < 0)
            return -1;
    }
    return 0;
}

int args_input_to_numbers(args_input *x, const mlpc_kernels *kernels)
{
    if (mlpc_input_is_numbers(&x->input))
        return 0;
    const npy_intp shape[2] = {(npy_intp)x->input.n, x->columns};
    PyArrayObject *array = args_out(Py_None, 2, shape, kernels->dtype);
    if (array != NULL && convert(x, kernels, PyArray_DATA(array)) < 0)
        Py_CLEAR(array);
    if (array == NULL)
        return -1;
    x->input = (mlpc_input){.n = x->input.n};
    Py_CLEAR(x->csr);
    args_input_replace(x, array);
    return 0;
}

void args_input_replace(args_input *x, PyArrayObject *numbers)
{
    Py_XSETREF(x->numbers, numbers);
    x->input.rows = PyArray_DATA(numbers);
}

int args_input_rows_at_least_one(const args_input *x)
{
    if (x->input.n > 0)
        return 0;
    PyErr_SetString(PyExc_ValueError, "x: expected at least one row, got 0");
    return -1;
}
