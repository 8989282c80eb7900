/* What callers see of a network's numbers: views that keep its memory alive.  A caller can give a view another shape or
 * type, so each is a new one: the network's own arrays are shown to nobody. */
#include "bind_net.h"

static PyObject *all_of(const NetObject *net, PyArrayObject *of)
{
    return (PyObject *)net_view(net, 1, PyArray_DIMS(of), NULL, PyArray_DATA(of), NPY_ARRAY_CARRAY, PyArray_BASE(of));
}

PyObject *net_parameters(PyObject *self, void *Py_UNUSED(closure))
{
    const NetObject *const net = (NetObject *)self;
    return all_of(net, net->parameters);
}

PyObject *net_gradients(PyObject *self, void *Py_UNUSED(closure))
{
    const NetObject *const net = (NetObject *)self;
    return all_of(net, net->gradients);
}

PyObject *net_statistics(PyObject *self, void *Py_UNUSED(closure))
{
    const NetObject *const net = (NetObject *)self;
    return all_of(net, net->statistics);
}

PyObject *net_copy_numbers(PyObject *self, PyObject *Py_UNUSED(none))
{
    NetObject *const net = (NetObject *)self;
    if (net_enter(net) < 0)
        return NULL;
    PyObject *const parameters = PyArray_NewCopy(net->parameters, NPY_CORDER);
    PyObject *const statistics = PyArray_NewCopy(net->statistics, NPY_CORDER);
    net_leave(net);
    if (parameters != NULL && statistics != NULL)
        return Py_BuildValue("NN", parameters, statistics);
    Py_XDECREF(parameters);
    Py_XDECREF(statistics);
    return NULL;
}

/* ---- Layers ------------------------------------------------------------------------------------------------------ */

/* The plan of the layer that an int names; NULL with ValueError. */
static const mlpc_layer *parse_layer(const NetObject *net, PyObject *object)
{
    uint64_t index;
    if (args_integer("layer", object, 0, net->plan->n_layers - 1, &index) < 0)
        return NULL;
    return &net->plan->layers[index];
}

/* The weight of a layer, seen as (n_out, n_in), in parameters or gradients. */
static PyArrayObject *weight_view(const NetObject *net, const mlpc_layer *layer, PyArrayObject *of)
{
    const npy_intp itemsize = (npy_intp)net_itemsize(net);
    const npy_intp shape[2] = {(npy_intp)layer->n_out, (npy_intp)layer->n_in};
    const npy_intp strides[2] = {itemsize, itemsize * shape[0]};
    char *const data = (char *)PyArray_DATA(of) + layer->weight * net_itemsize(net);
    return net_view(net, 2, shape, strides, data, NPY_ARRAY_WRITEABLE, PyArray_BASE(of));
}

/* A number of each unit, from an offset on, in parameters, gradients or statistics. */
static PyArrayObject *units_view(const NetObject *net, const mlpc_layer *layer, size_t offset, PyArrayObject *of)
{
    const npy_intp shape = (npy_intp)layer->n_out;
    char *const data = (char *)PyArray_DATA(of) + offset * net_itemsize(net);
    return net_view(net, 1, &shape, NULL, data, NPY_ARRAY_CARRAY, PyArray_BASE(of));
}

/* A tuple of n arrays, whose references it takes; NULL where one is NULL. */
static PyObject *pack(int n, PyArrayObject *const *arrays)
{
    PyObject *tuple = PyTuple_New(n);
    for (int i = 0; i < n; i++)
        if (arrays[i] == NULL)
            Py_CLEAR(tuple);
    for (int i = 0; i < n; i++) {
        if (tuple != NULL)
            PyTuple_SET_ITEM(tuple, i, Py_NewRef((PyObject *)arrays[i]));
        Py_XDECREF(arrays[i]);
    }
    return tuple;
}

PyObject *net_views(PyObject *self, PyObject *index)
{
    NetObject *const net = (NetObject *)self;
    const mlpc_layer *const layer = parse_layer(net, index);
    if (layer == NULL)
        return NULL;
    PyArrayObject *const views[] = {
        weight_view(net, layer, net->parameters),
        units_view(net, layer, layer->bias, net->parameters),
        weight_view(net, layer, net->gradients),
        units_view(net, layer, layer->bias, net->gradients),
    };
    return pack(4, views);
}

PyObject *net_norm_views(PyObject *self, PyObject *index)
{
    NetObject *const net = (NetObject *)self;
    const mlpc_layer *const layer = parse_layer(net, index);
    if (layer == NULL)
        return NULL;
    if (layer->block.norm == MLPC_NORM_none) {
        PyErr_SetString(PyExc_ValueError, "layer: expected one with a norm behind it");
        return NULL;
    }
    const int of_batch = layer->block.norm == MLPC_NORM_batch;
    PyArrayObject *const views[] = {
        units_view(net, layer, layer->gain, net->parameters),
        units_view(net, layer, layer->shift, net->parameters),
        units_view(net, layer, layer->gain, net->gradients),
        units_view(net, layer, layer->shift, net->gradients),
        of_batch ? units_view(net, layer, layer->running, net->statistics) : NULL,
        of_batch ? units_view(net, layer, layer->running + layer->n_out, net->statistics) : NULL,
    };
    return pack(of_batch ? 6 : 4, views);
}

/* (rows of the latest forward, columns) of the workspace, read-only. */
static PyArrayObject *memory_view(const NetObject *net, void *data, size_t columns)
{
    const npy_intp shape[2] = {(npy_intp)net->rows, (npy_intp)columns};
    return net_view(net, 2, shape, NULL, data, NPY_ARRAY_CARRAY_RO, net->workspace_capsule);
}

static int require_forward(const NetObject *net)
{
    if (net->x != NULL)
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "input, output: there is no forward whose numbers could be seen; "
                                        "call forward first: predict and evaluate leave nothing");
    return -1;
}

PyObject *net_latest_x(PyObject *self, PyObject *Py_UNUSED(none))
{
    const NetObject *const net = (NetObject *)self;
    if (require_forward(net) < 0)
        return NULL;
    const npy_intp shape[2] = {(npy_intp)net->rows, net->n_in};
    return (PyObject *)net_view(net, 2, shape, NULL, net->x_data, NPY_ARRAY_CARRAY_RO, (PyObject *)net->x);
}

/* What the latest forward's product of a layer took. */
static PyArrayObject *input_view(NetObject *net, size_t l)
{
    const mlpc_workspace *const workspace = net->workspace;
    const size_t columns = net->plan->layers[l].n_in;
    if (l > 0)
        return memory_view(net, mlpc_workspace_output(workspace, l - 1), columns);
    if (workspace->trains && workspace->dropped_x != NULL)
        return memory_view(net, workspace->dropped_x, columns);
    return (PyArrayObject *)net_latest_x((PyObject *)net, NULL);
}

PyObject *net_memory(PyObject *self, PyObject *index)
{
    NetObject *const net = (NetObject *)self;
    const mlpc_layer *const layer = parse_layer(net, index);
    if (layer == NULL || require_forward(net) < 0)
        return NULL;
    const size_t l = (size_t)(layer - net->plan->layers);
    PyArrayObject *const views[] = {
        input_view(net, l),
        memory_view(net, net->workspace->z[l], layer->n_out),
        memory_view(net, net->workspace->a[l], layer->n_out),
        memory_view(net, mlpc_workspace_output(net->workspace, l), layer->n_out),
        memory_view(net, net->workspace->normed[l], layer->n_out),
    };
    return pack(5, views);
}
