/* Numbers among the arguments. */
#include "args.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

int args_count(const char *function, Py_ssize_t nargs, Py_ssize_t n)
{
    if (nargs == n)
        return 0;
    PyErr_Format(PyExc_TypeError, "%s: expected %zd arguments, got %zd", function, n, nargs);
    return -1;
}

int args_double(const char *name, PyObject *object, double *value)
{
    *value = PyFloat_AsDouble(object);
    if (*value != -1.0 || !PyErr_Occurred())
        return 0;
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
        if (PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_Format(PyExc_TypeError, "%s: expected an integer, got %.100s", name, Py_TYPE(object)->tp_name);
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
    if (args_integer(name, object, minimum, NPY_MAX_INTP, &wide) < 0)
        return -1;
    *value = (size_t)wide;
    return 0;
}

int args_draws(PyObject *object, mlpc_draw *draw)
{
    mlpc_draw found;
    if (object == NULL || !PyTuple_Check(object) || PyTuple_GET_SIZE(object) != 2) {
        PyErr_SetString(PyExc_TypeError, "draws: expected a tuple of a seed and a number of forwards");
        return -1;
    }
    if (args_integer("seed", PyTuple_GET_ITEM(object, 0), 0, UINT64_MAX, &found.seed) < 0 ||
        args_integer("masks_drawn", PyTuple_GET_ITEM(object, 1), 0, UINT64_MAX, &found.t) < 0)
        return -1;
    *draw = found;
    return 0;
}

int args_deviation(const char *name, PyObject *object, mlpc_dtype dtype, double *value)
{
    const double most = dtype == MLPC_FLOAT32 ? (double)FLT_MAX : DBL_MAX;
    if (args_double(name, object, value) < 0)
        return -1;
    if (*value >= 0 && *value <= most)
        return 0;
    PyErr_Format(PyExc_ValueError, "%s: expected a number >= 0 that %s has, got %R", name,
                 dtype == MLPC_FLOAT32 ? "float32" : "float64", object);
    return -1;
}

static int inside(const mlpc_setting *setting, double value)
{
    const int above = setting->open & MLPC_OPEN_LEAST ? value > setting->least : value >= setting->least;
    const int below = setting->open & MLPC_OPEN_MOST ? value < setting->most : value <= setting->most;
    return isfinite(value) && above && below;
}

int args_setting(const mlpc_setting *setting, PyObject *object, mlpc_dtype dtype, double *value)
{
    char expected[64];
    if (args_double(setting->name, object, value) < 0)
        return -1;
    const int as_double = inside(setting, *value);
    if (as_double && (dtype == MLPC_FLOAT64 || inside(setting, (double)(float)*value)))
        return 0;
    if (isinf(setting->most))
        snprintf(expected, sizeof expected, "%s %g", setting->open ? ">" : ">=", setting->least);
    else
        snprintf(expected, sizeof expected, "in %c%g, %g%c", setting->open & MLPC_OPEN_LEAST ? '(' : '[',
                 setting->least, setting->most, setting->open & MLPC_OPEN_MOST ? ')' : ']');
    PyErr_Format(PyExc_ValueError, "%s: expected a number %s%s, got %R", setting->name, expected,
                 as_double ? " in float32" : "", object);
    return -1;
}
