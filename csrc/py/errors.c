#include "errors.h"

PyObject *errors_raise(mlpc_status status)
{
    switch (status) {
    case MLPC_ERROR_MEMORY: return PyErr_NoMemory();
    case MLPC_ERROR_WEIGHTS:
        PyErr_SetString(PyExc_ValueError,
                        "sample_weight or class_weight: expected a positive sum, got arrays that changed meanwhile");
        return NULL;
    case MLPC_ERROR_INTERRUPTED: return NULL;
    case MLPC_ERROR_ONE_ROW:
        PyErr_SetString(PyExc_ValueError,
                        "x: expected at least two rows in each batch in train mode, as batch norm wants them, got 1");
        return NULL;
    default: PyErr_Format(PyExc_SystemError, "mlpc: unexpected status %d", (int)status); return NULL;
    }
}

PyObject *errors_raise_diverged(const module_state *state, double loss, double lr)
{
    PyObject *error = NULL;
    PyObject *loss_met = PyFloat_FromDouble(loss);
    PyObject *lr_used = PyFloat_FromDouble(lr);
    PyObject *message = loss_met != NULL && lr_used != NULL
                            ? PyUnicode_FromFormat("training diverged: loss %R at learning rate %R", loss_met, lr_used)
                            : NULL;
    if (message == NULL)
        goto exit;
    error = PyObject_CallOneArg(state->divergence_error, message);
    if (error != NULL && PyObject_SetAttrString(error, "loss", loss_met) == 0 &&
        PyObject_SetAttrString(error, "lr", lr_used) == 0)
        PyErr_SetObject(state->divergence_error, error);
exit:
    Py_XDECREF(error);
    Py_XDECREF(message);
    Py_XDECREF(lr_used);
    Py_XDECREF(loss_met);
    return NULL;
}
