#include "args_plan.h"

#include "names.h"

/* A sequence as a tuple; TypeError where it is none, a str among them. */
static PyObject *as_tuple(const char *name, PyObject *object)
{
    if (!PyUnicode_Check(object)) {
        PyObject *tuple = PySequence_Tuple(object);
        if (tuple != NULL || !PyErr_ExceptionMatches(PyExc_TypeError))
            return tuple;
    }
    PyErr_Format(PyExc_TypeError, "%s: expected a sequence, got %.100s", name, Py_TYPE(object)->tp_name);
    return NULL;
}

/* Of the tuple of sizes: n numbers for the plan, and a tuple of ints for the attribute. */
static int parse_sizes(args_plan *plan, PyObject *sizes, size_t *numbers)
{
    const Py_ssize_t n = PyTuple_GET_SIZE(sizes);
    plan->sizes = PyTuple_New(n);
    for (Py_ssize_t i = 0; plan->sizes != NULL && i < n; i++) {
        if (args_size("sizes", PyTuple_GET_ITEM(sizes, i), 1, &numbers[i]) < 0)
            return -1;
        PyObject *number = PyLong_FromSize_t(numbers[i]);
        if (number == NULL)
            return -1;
        PyTuple_SET_ITEM(plan->sizes, i, number);
    }
    return plan->sizes == NULL ? -1 : 0;
}

/* Of the tuple of n activations: blocks for the plan, and two tuples for attributes. */
static int parse_activations(args_plan *plan, PyObject *activations, Py_ssize_t n, mlpc_dtype dtype, mlpc_block *blocks)
{
    if (PyTuple_GET_SIZE(activations) != n) {
        PyErr_Format(PyExc_ValueError, "activations: expected %zd, one per hidden layer, got %zd", n,
                     PyTuple_GET_SIZE(activations));
        return -1;
    }
    if ((plan->activations = PyTuple_New(n)) == NULL || (plan->blocks = PyTuple_New(n)) == NULL)
        return -1;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *name, *block;
        if (args_block("activations", PyTuple_GET_ITEM(activations, i), dtype, &blocks[i]) < 0 ||
            (name = PyUnicode_FromString(names_activations[blocks[i].activation])) == NULL)
            return -1;
        PyTuple_SET_ITEM(plan->activations, i, name);
        if ((block = args_block_as_object(&blocks[i])) == NULL)
            return -1;
        PyTuple_SET_ITEM(plan->blocks, i, block);
    }
    return 0;
}

/* Of the tuple of n norms; NULL: none at all. */
static int parse_norms(args_plan *plan, PyObject *norms, Py_ssize_t n, mlpc_dtype dtype, mlpc_block *blocks)
{
    if (norms != NULL && PyTuple_GET_SIZE(norms) != n) {
        PyErr_Format(PyExc_ValueError, "norm: expected %zd, one per hidden layer, got %zd", n, PyTuple_GET_SIZE(norms));
        return -1;
    }
    if ((plan->norms = PyTuple_New(n)) == NULL)
        return -1;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *norm;
        if (args_norm(norms == NULL ? Py_None : PyTuple_GET_ITEM(norms, i), dtype, &blocks[i]) < 0 ||
            (norm = args_norm_as_object(&blocks[i])) == NULL)
            return -1;
        PyTuple_SET_ITEM(plan->norms, i, norm);
    }
    return 0;
}

static int parse_dtype(args_plan *plan, PyObject *object, mlpc_dtype *dtype)
{
    PyArray_Descr *descr;
    if (!PyArray_DescrConverter(object, &descr))
        return -1;
    const int type = descr->type_num;
    Py_DECREF(descr);
    if (type != NPY_FLOAT32 && type != NPY_FLOAT64) {
        PyErr_Format(PyExc_ValueError, "dtype: expected float32 or float64, got %R", object);
        return -1;
    }
    *dtype = type == NPY_FLOAT32 ? MLPC_FLOAT32 : MLPC_FLOAT64;
    plan->dtype = (PyObject *)PyArray_DescrFromType(type);
    return 0;
}

static int parse_tuples(args_plan *plan, PyObject *sizes, PyObject *activations, PyObject *dtype, PyObject *norms)
{
    const Py_ssize_t n = PyTuple_GET_SIZE(sizes);
    size_t *size_numbers = NULL;
    mlpc_block *blocks = NULL;
    mlpc_dtype real;
    int result = -1;
    if (n < 2) {
        PyErr_Format(PyExc_ValueError, "sizes: expected at least two, of inputs and outputs, got %zd", n);
        return -1;
    }
    size_numbers = PyMem_Calloc((size_t)n, sizeof *size_numbers);
    blocks = PyMem_Calloc((size_t)n, sizeof *blocks);
    if (size_numbers == NULL || blocks == NULL) {
        PyErr_NoMemory();
        goto exit;
    }
    if (parse_sizes(plan, sizes, size_numbers) < 0 || parse_dtype(plan, dtype, &real) < 0 ||
        parse_activations(plan, activations, n - 2, real, blocks) < 0 ||
        parse_norms(plan, norms, n - 2, real, blocks) < 0)
        goto exit;
    const mlpc_status status = mlpc_net_create(&plan->net, real, (size_t)n - 1, size_numbers, blocks);
    if (status != MLPC_OK) {
        plan->net = NULL;
        PyErr_Format(PyExc_MemoryError, "sizes: a network of %R does not fit in memory", plan->sizes);
        goto exit;
    }
    result = 0;
exit:
    PyMem_Free(blocks);
    PyMem_Free(size_numbers);
    return result;
}

int args_plan_parse(args_plan *plan, PyObject *sizes, PyObject *activations, PyObject *dtype, PyObject *norms)
{
    *plan = (args_plan){0};
    PyObject *names = NULL, *of_norms = NULL, *numbers = as_tuple("sizes", sizes);
    int result = -1;
    if (numbers != NULL && (names = as_tuple("activations", activations)) != NULL &&
        (norms == NULL || (of_norms = as_tuple("norm", norms)) != NULL))
        result = parse_tuples(plan, numbers, names, dtype, of_norms);
    Py_XDECREF(of_norms);
    Py_XDECREF(names);
    Py_XDECREF(numbers);
    if (result < 0)
        args_plan_clear(plan);
    return result;
}

int args_probability(const char *name, PyObject *object, double *value)
{
    if (args_double(name, object, value) < 0)
        return -1;
    if (*value >= 0 && *value < 1)
        return 0;
    PyErr_Format(PyExc_ValueError, "%s: expected a number in [0, 1), got %R", name, object);
    return -1;
}

/* Of a tuple of as many numbers as the net has layers: there is one of x, and none of the output. */
static int set_dropout(mlpc_net *net, PyObject *numbers)
{
    if (PyTuple_GET_SIZE(numbers) != (Py_ssize_t)net->n_layers) {
        PyErr_Format(PyExc_ValueError, "dropout: expected %zu, of the input and of each hidden layer, got %zd",
                     net->n_layers, PyTuple_GET_SIZE(numbers));
        return -1;
    }
    for (size_t l = 0; l < net->n_layers; l++) {
        double *const to = l == 0 ? &net->input_dropout : &net->layers[l - 1].block.dropout;
        if (args_probability("dropout", PyTuple_GET_ITEM(numbers, (Py_ssize_t)l), to) < 0)
            return -1;
    }
    return 0;
}

PyObject *args_plan_dropout(mlpc_net *net, PyObject *dropout)
{
    PyObject *given = dropout == NULL ? NULL : as_tuple("dropout", dropout), *tuple = NULL;
    if (dropout == NULL || (given != NULL && set_dropout(net, given) == 0))
        tuple = PyTuple_New((Py_ssize_t)net->n_layers);
    for (size_t l = 0; tuple != NULL && l < net->n_layers; l++) {
        PyObject *number = PyFloat_FromDouble(l == 0 ? net->input_dropout : net->layers[l - 1].block.dropout);
        if (number == NULL)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)l, number);
    }
    Py_XDECREF(given);
    return tuple;
}

void args_plan_clear(args_plan *plan)
{
    Py_CLEAR(plan->sizes);
    Py_CLEAR(plan->activations);
    Py_CLEAR(plan->blocks);
    Py_CLEAR(plan->norms);
    Py_CLEAR(plan->dtype);
    mlpc_net_free(plan->net);
    plan->net = NULL;
}
