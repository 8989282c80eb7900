/* What an epoch is told beside its training. */
#include "args_epoch.h"

#include <math.h>

/* Numbers of rows (n,), each below n. */
static size_t *parse_order(PyObject *object, size_t n)
{
    PyArrayObject *const seen = args_seen(object);
    PyArrayObject *array = NULL;
    size_t *order = NULL;
    if (seen != NULL && !args_is_integral(seen))
        args_type_error("order", "integers", seen);
    else if (seen != NULL && args_shape1("order", seen, (npy_intp)n) == 0)
        array = args_contiguous(seen, NPY_INT64, 0);
    if (array != NULL && (order = PyMem_Calloc(n, sizeof *order)) == NULL)
        PyErr_NoMemory();
    for (size_t i = 0; order != NULL && i < n; i++) {
        const int64_t row = ((const int64_t *)PyArray_DATA(array))[i];
        order[i] = (size_t)row;
        if (row < 0 || (uint64_t)row >= n) {
            PyErr_Format(PyExc_ValueError, "order: expected rows from 0 to %zu, got %lld", n - 1, (long long)row);
            PyMem_Free(order);
            order = NULL;
        }
    }
    Py_XDECREF(array);
    Py_XDECREF(seen);
    return order;
}

/* Numbers (steps,), finite and >= 0. */
static double *parse_factors(PyObject *object, size_t steps)
{
    PyArrayObject *const array = args_real("penalty_factors", object, MLPC_FLOAT64);
    double *factors = NULL;
    if (array != NULL && args_shape1("penalty_factors", array, (npy_intp)steps) == 0 &&
        (factors = PyMem_Calloc(steps, sizeof *factors)) == NULL)
        PyErr_NoMemory();
    for (size_t k = 0; factors != NULL && k < steps; k++) {
        factors[k] = ((const double *)PyArray_DATA(array))[k];
        if (!(factors[k] >= 0 && isfinite(factors[k]))) {
            PyErr_Format(PyExc_ValueError, "penalty_factors: expected finite numbers >= 0, got another one at step %zu",
                         k);
            PyMem_Free(factors);
            factors = NULL;
        }
    }
    Py_XDECREF(array);
    return factors;
}

int args_epoch_parse(args_epoch *given, PyObject *object, size_t n, size_t steps, mlpc_epoch *epoch)
{
    const npy_intp shape[2] = {3, (npy_intp)steps};
    if (object == Py_None)
        return 0;
    if (!PyTuple_Check(object) || PyTuple_GET_SIZE(object) != 2) {
        PyErr_Format(PyExc_TypeError, "given: expected (order, penalty_factors) or None, got %R", object);
        return -1;
    }
    PyObject *const order = PyTuple_GET_ITEM(object, 0);
    if ((order != Py_None && (given->order = parse_order(order, n)) == NULL) ||
        (given->penalty_factors = parse_factors(PyTuple_GET_ITEM(object, 1), steps)) == NULL ||
        (given->record = (PyArrayObject *)PyArray_SimpleNew(2, shape, NPY_FLOAT64)) == NULL)
        return -1;
    double *const noted = PyArray_DATA(given->record);
    epoch->order = given->order;
    epoch->penalty_factors = given->penalty_factors;
    epoch->record = (mlpc_step_record){.loss = noted, .squares = noted + steps, .absolutes = noted + 2 * steps};
    return 0;
}

void args_epoch_clear(args_epoch *given)
{
    PyMem_Free(given->order);
    PyMem_Free(given->penalty_factors);
    Py_CLEAR(given->record);
}
