/* An optimizer among the arguments. */
#include "args_optimizer.h"

#include <math.h>

static const mlpc_optimizer_row *parse_row(PyObject *name)
{
    for (size_t i = 0; PyUnicode_Check(name) && mlpc_optimizer_row_at(i) != NULL; i++)
        if (PyUnicode_CompareWithASCIIString(name, mlpc_optimizer_row_at(i)->name) == 0)
            return mlpc_optimizer_row_at(i);
    PyErr_Format(PyExc_ValueError, "optimizer: expected the name of a row of optimizers(), got %R", name);
    return NULL;
}

int args_settings(const char *what, const mlpc_setting *settings, PyObject *tuple, mlpc_dtype dtype, double *values)
{
    Py_ssize_t n = 0;
    while (n < MLPC_MAX_SETTINGS && settings[n].name != NULL)
        n++;
    if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != n) {
        PyErr_Format(PyExc_TypeError, "%s: expected %zd settings, got %R", what, n, tuple);
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++)
        if (args_setting(&settings[i], PyTuple_GET_ITEM(tuple, i), dtype, &values[i]) < 0)
            return -1;
    return 0;
}

/* (weight_decay, l1, clip_value, clip_norm, max_norm), each >= 0, and 0 for none. */
static int parse_penalties(mlpc_penalties *penalties, PyObject *tuple, mlpc_dtype dtype)
{
    const struct {
        const char *name;
        double *value;
    } fields[] = {{"weight_decay", &penalties->weight_decay},
                  {"l1", &penalties->l1},
                  {"clip_value", &penalties->clip_value},
                  {"clip_norm", &penalties->clip_norm},
                  {"max_norm", &penalties->max_norm}};
    if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != 5) {
        PyErr_Format(PyExc_TypeError, "penalties: expected (weight_decay, l1, clip_value, clip_norm, max_norm), got %R",
                     tuple);
        return -1;
    }
    for (Py_ssize_t i = 0; i < 5; i++) {
        const mlpc_setting setting = {fields[i].name, 0, .least = 0, .most = INFINITY};
        if (args_setting(&setting, PyTuple_GET_ITEM(tuple, i), dtype, fields[i].value) < 0)
            return -1;
    }
    return 0;
}

/* An array of doubles (n,), a private copy; None: NULL. */
static int parse_doubles(PyArrayObject **array, const double **data, const char *name, PyObject *object, npy_intp n)
{
    if (object == Py_None)
        return 0;
    PyArrayObject *real = args_real(name, object, MLPC_FLOAT64);
    if (real == NULL || args_shape1(name, real, n) < 0) {
        Py_XDECREF(real);
        return -1;
    }
    *array = (PyArrayObject *)PyArray_NewCopy(real, NPY_CORDER);
    Py_DECREF(real);
    if (*array == NULL)
        return -1;
    *data = PyArray_DATA(*array);
    return 0;
}

/* An array that the optimizer writes, number i of those it holds. */
static int parse_array(args_optimizer *optimizer, int i, const char *name, PyObject *object, npy_intp n,
                       mlpc_dtype dtype)
{
    optimizer->names[i] = name;
    optimizer->arrays[i] = args_inplace(name, object, 1, &n, dtype);
    for (int before = 0; optimizer->arrays[i] != NULL && before < i; before++)
        if (optimizer->arrays[before] != NULL &&
            args_disjoint(optimizer->names[before], optimizer->arrays[before], name, optimizer->arrays[i]) < 0)
            return -1;
    return optimizer->arrays[i] == NULL ? -1 : 0;
}

static int parse_states(args_optimizer *optimizer, PyObject *tuple, npy_intp n, mlpc_dtype dtype)
{
    mlpc_optimizer *const to = &optimizer->optimizer;
    if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != MLPC_MAX_STATES) {
        PyErr_Format(PyExc_TypeError, "states: expected %d arrays or None, got %R", MLPC_MAX_STATES, tuple);
        return -1;
    }
    for (int s = 0; s < MLPC_MAX_STATES; s++) {
        const mlpc_state_row *const row = &to->row->states[s];
        PyObject *const array = PyTuple_GET_ITEM(tuple, s);
        const int kept = row->name != NULL && (row->needs == 0 || to->settings[row->needs - 1] != 0);
        if (kept != (array != Py_None)) {
            PyErr_Format(PyExc_ValueError, "%s: expected %s", row->name == NULL ? "states" : row->name,
                         kept ? "an array" : "None, since it is not kept");
            return -1;
        }
        if (kept && parse_array(optimizer, s, row->name, array, n, dtype) < 0)
            return -1;
        to->state[s] = kept ? PyArray_DATA(optimizer->arrays[s]) : NULL;
    }
    return 0;
}

static int parse_steps(args_optimizer *optimizer, PyObject *steps)
{
    mlpc_optimizer *const to = &optimizer->optimizer;
    if (to->row->counts != (steps != Py_None)) {
        PyErr_Format(PyExc_ValueError, "steps: expected %s",
                     to->row->counts ? "an array of one number" : "None, since they are not counted");
        return -1;
    }
    if (!to->row->counts)
        return 0;
    if (parse_array(optimizer, MLPC_MAX_STATES, "steps", steps, 1, MLPC_FLOAT64) < 0)
        return -1;
    to->steps = PyArray_DATA(optimizer->arrays[MLPC_MAX_STATES]);
    if (*to->steps >= 0 && *to->steps < 9007199254740992.0) /* 2^53: whole numbers end there */
        return 0;
    PyErr_Format(PyExc_ValueError, "steps: expected a whole number of steps, got %R",
                 optimizer->arrays[MLPC_MAX_STATES]);
    return -1;
}

int args_optimizer_parse(args_optimizer *optimizer, PyObject *tuple, const mlpc_net *net)
{
    mlpc_optimizer *const to = &optimizer->optimizer;
    const npy_intp n = (npy_intp)net->n_parameters, tensors = (npy_intp)net->n_tensors;
    *optimizer = (args_optimizer){0};
    if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != 8) {
        PyErr_Format(
            PyExc_TypeError,
            "optimizer: expected (name, settings, penalties, lr_factors, decay_factors, states, steps, rates), "
            "got %R",
            tuple);
        return -1;
    }
    to->row = parse_row(PyTuple_GET_ITEM(tuple, 0));
    if (to->row == NULL ||
        args_settings("optimizer", to->row->settings, PyTuple_GET_ITEM(tuple, 1), net->dtype, to->settings) < 0 ||
        parse_penalties(&to->penalties, PyTuple_GET_ITEM(tuple, 2), net->dtype) < 0 ||
        parse_doubles(&optimizer->lr_factors, &to->lr_factors, "lr_factors", PyTuple_GET_ITEM(tuple, 3), tensors) < 0 ||
        parse_doubles(&optimizer->decay_factors, &to->decay_factors, "decay_factors", PyTuple_GET_ITEM(tuple, 4),
                      tensors) < 0 ||
        parse_states(optimizer, PyTuple_GET_ITEM(tuple, 5), n, net->dtype) < 0)
        return -1;
    return parse_steps(optimizer, PyTuple_GET_ITEM(tuple, 6));
}

int args_optimizer_rates(args_optimizer *optimizer, PyObject *tuple, size_t steps, const double **rates)
{
    PyObject *const object = PyTuple_GET_ITEM(tuple, 7);
    if (object == Py_None) {
        PyErr_SetString(PyExc_TypeError,
                        "rates: expected an array of the learning rates of an epoch's steps, got None");
        return -1;
    }
    PyArrayObject *array = args_real("rates", object, MLPC_FLOAT64);
    if (array != NULL && PyArray_NDIM(array) == 1 && PyArray_DIM(array, 0) == 1) {
        const npy_intp shape = (npy_intp)steps;
        PyArrayObject *all = (PyArrayObject *)PyArray_SimpleNew(1, &shape, NPY_FLOAT64);
        if (all != NULL && PyArray_CopyInto(all, array) < 0)
            Py_CLEAR(all);
        Py_SETREF(array, all);
    }
    if (array == NULL)
        return -1;
    const int status = parse_doubles(&optimizer->rates, rates, "rates", (PyObject *)array, (npy_intp)steps);
    Py_DECREF(array);
    return status;
}

void args_optimizer_clear(args_optimizer *optimizer)
{
    for (int i = 0; i <= MLPC_MAX_STATES; i++)
        Py_CLEAR(optimizer->arrays[i]);
    Py_CLEAR(optimizer->lr_factors);
    Py_CLEAR(optimizer->decay_factors);
    Py_CLEAR(optimizer->rates);
}

int args_optimizer_disjoint(const args_optimizer *optimizer, const char *name, PyArrayObject *array)
{
    for (int i = 0; i <= MLPC_MAX_STATES; i++)
        if (optimizer->arrays[i] != NULL && args_disjoint(optimizer->names[i], optimizer->arrays[i], name, array) < 0)
            return -1;
    return 0;
}

int args_optimizer_disjoint_objective(const args_optimizer *optimizer, const args_objective *objective)
{
    for (int i = 0; i <= MLPC_MAX_STATES; i++)
        if (optimizer->arrays[i] != NULL &&
            args_objective_disjoint(optimizer->names[i], optimizer->arrays[i], objective) < 0)
            return -1;
    return 0;
}
