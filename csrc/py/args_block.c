/* Activations and norms among the arguments. */
#include <math.h>

#include "args.h"
#include "names.h"

/* The setting of an activation that may have none; -1 with an exception. */
static int parse_setting(const char *argument, PyObject *setting, mlpc_dtype dtype, mlpc_block *block)
{
    const mlpc_activation_row *const row = mlpc_activation_of(block->activation);
    if (row->setting == NULL) {
        PyErr_Format(PyExc_ValueError, "%s: expected no setting of %s, got %R", argument,
                     names_activations[block->activation], setting);
        return -1;
    }
    if (args_double(row->setting, setting, &block->setting) < 0)
        return -1;
    if (mlpc_block_valid(block, dtype))
        return 0;
    PyObject *above = PyFloat_FromDouble(row->above);
    if (above != NULL && isfinite(row->above))
        PyErr_Format(PyExc_ValueError, "%s: expected a finite number of %s above %R, got %R", row->setting,
                     names_dtypes[dtype], above, setting);
    else if (above != NULL)
        PyErr_Format(PyExc_ValueError, "%s: expected a finite number of %s, got %R", row->setting, names_dtypes[dtype],
                     setting);
    Py_XDECREF(above);
    return -1;
}

int args_block(const char *argument, PyObject *object, mlpc_dtype dtype, mlpc_block *block)
{
    const int pair = PyTuple_Check(object) && PyTuple_GET_SIZE(object) == 2;
    PyObject *const name = pair ? PyTuple_GET_ITEM(object, 0) : object;
    const int found = names_find(argument, name, names_activations, MLPC_N_ACTIVATIONS);
    if (found < 0)
        return -1;
    *block = mlpc_block_of((mlpc_activation)found);
    return pair ? parse_setting(argument, PyTuple_GET_ITEM(object, 1), dtype, block) : 0;
}

PyObject *args_block_as_object(const mlpc_block *block)
{
    const char *const name = names_activations[block->activation];
    if (mlpc_activation_of(block->activation)->setting == NULL)
        return PyUnicode_FromString(name);
    return Py_BuildValue("(sd)", name, block->setting);
}

/* ---- Norms ------------------------------------------------------------------------------------------------------- */

const mlpc_setting args_norm_settings[2] = {
    {"eps", MLPC_NORM_EPS, 0, INFINITY, MLPC_OPEN_LEAST},
    {"momentum", MLPC_NORM_MOMENTUM, 0, 1, 0},
};

/* Layer norm has the first one alone. */
static Py_ssize_t norm_settings(mlpc_norm norm) { return norm == MLPC_NORM_batch ? 2 : 1; }

/* Behind the name in a tuple. */
static int parse_norm_settings(PyObject *tuple, mlpc_dtype dtype, mlpc_block *block)
{
    double *const to[] = {&block->eps, &block->momentum};
    const Py_ssize_t n = norm_settings(block->norm);
    if (PyTuple_GET_SIZE(tuple) != 1 + n) {
        PyErr_Format(PyExc_ValueError, "norm: expected %zd settings of %s, got %zd", n, names_norms[block->norm],
                     PyTuple_GET_SIZE(tuple) - 1);
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++)
        if (args_setting(&args_norm_settings[i], PyTuple_GET_ITEM(tuple, 1 + i), dtype, to[i]) < 0)
            return -1;
    return 0;
}

int args_norm(PyObject *object, mlpc_dtype dtype, mlpc_block *block)
{
    block->norm = MLPC_NORM_none;
    block->eps = MLPC_NORM_EPS;
    block->momentum = MLPC_NORM_MOMENTUM;
    if (object == Py_None)
        return 0;
    const int tuple = PyTuple_Check(object) && PyTuple_GET_SIZE(object) > 0;
    const int found =
        names_find("norm", tuple ? PyTuple_GET_ITEM(object, 0) : object, names_norms + 1, MLPC_N_NORMS - 1);
    if (found < 0)
        return -1;
    block->norm = (mlpc_norm)(found + 1);
    return tuple ? parse_norm_settings(object, dtype, block) : 0;
}

PyObject *args_norm_as_object(const mlpc_block *block)
{
    if (block->norm == MLPC_NORM_none)
        return Py_NewRef(Py_None);
    const char *const name = names_norms[block->norm];
    if (block->eps == MLPC_NORM_EPS && block->momentum == MLPC_NORM_MOMENTUM)
        return PyUnicode_FromString(name);
    return block->norm == MLPC_NORM_batch ? Py_BuildValue("(sdd)", name, block->eps, block->momentum)
                                          : Py_BuildValue("(sd)", name, block->eps);
}
