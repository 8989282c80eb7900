/* Activations among the arguments. */
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
