/* The memory of a network: its arrays, and what its latest forward left. */
#include "bind_net.h"

#include "errors.h"

const mlpc_kernels *net_kernels(const NetObject *net) { return module_kernels(net->state, net->plan->dtype); }

mlpc_model net_model(const NetObject *net)
{
    return (mlpc_model){net->plan, net_kernels(net), PyArray_DATA(net->parameters), PyArray_DATA(net->statistics)};
}

size_t net_itemsize(const NetObject *net) { return net->plan->dtype == MLPC_FLOAT32 ? 4 : 8; }

PyArrayObject *net_view(const NetObject *net, int ndim, const npy_intp *shape, const npy_intp *strides, void *data,
                        int flags, PyObject *owner)
{
    PyArray_Descr *descr = PyArray_DescrFromType(args_type_number(net->plan->dtype));
    PyObject *view = PyArray_NewFromDescr(&PyArray_Type, descr, ndim, shape, strides, data, flags, NULL);
    if (view != NULL && PyArray_SetBaseObject((PyArrayObject *)view, Py_NewRef(owner)) < 0)
        Py_CLEAR(view);
    return (PyArrayObject *)view;
}

static void free_owner(PyObject *capsule) { Py_DECREF((PyObject *)PyCapsule_GetPointer(capsule, NULL)); }

/* In an array of bytes, whose pages stay untouched until they are used.  The base is a capsule around it, which nobody
 * can give another shape. */
PyArrayObject *net_aligned_zeros(const NetObject *net, size_t n)
{
    const size_t itemsize = net_itemsize(net), alignment = 64;
    if (n > (NPY_MAX_INTP - alignment) / itemsize) {
        PyErr_NoMemory();
        return NULL;
    }
    const npy_intp bytes = (npy_intp)(n * itemsize + alignment), shape = (npy_intp)n;
    PyObject *owner = PyArray_ZEROS(1, &bytes, NPY_UINT8, 0);
    if (owner == NULL)
        return NULL;
    char *const memory = PyArray_DATA((PyArrayObject *)owner);
    char *const aligned = memory + (alignment - (uintptr_t)memory % alignment) % alignment;
    PyObject *capsule = PyCapsule_New(owner, NULL, free_owner);
    if (capsule == NULL) {
        Py_DECREF(owner);
        return NULL;
    }
    PyArrayObject *view = net_view(net, 1, &shape, NULL, aligned, NPY_ARRAY_CARRAY, capsule);
    Py_DECREF(capsule);
    return view;
}

/* ---- The latest forward ------------------------------------------------------------------------------------------ */

static void free_workspace(PyObject *capsule) { mlpc_workspace_free(PyCapsule_GetPointer(capsule, NULL)); }

void net_forget(NetObject *net)
{
    net->rows = 0;
    net->has_dz = 0;
    Py_CLEAR(net->x);
}

int net_reserve(NetObject *net, size_t rows)
{
    size_t threads = mlpc_useful_threads(net->plan, net_kernels(net), rows, module_num_threads());
    if (rows == 0)
        rows = 1;
    if (net->workspace != NULL) {
        if (net->workspace->batch >= rows && net->workspace->room >= threads) {
            module_limit_threads(net->workspace);
            return 0;
        }
        rows = rows < net->workspace->batch ? net->workspace->batch : rows;
        threads = threads < net->workspace->room ? net->workspace->room : threads;
    }
    mlpc_workspace *workspace;
    const mlpc_status status = mlpc_workspace_create(&workspace, net->plan, rows, threads);
    if (status != MLPC_OK) {
        errors_raise(status);
        return -1;
    }
    PyObject *capsule = PyCapsule_New(workspace, NULL, free_workspace);
    if (capsule == NULL) {
        mlpc_workspace_free(workspace);
        return -1;
    }
    net_forget(net);
    net->workspace = workspace;
    Py_XSETREF(net->workspace_capsule, capsule);
    return 0;
}
