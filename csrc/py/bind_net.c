#include "bind_net.h"

#include <pthread.h>
#include <structmember.h>

#include "errors.h"
#include "names.h"
#include "poll.h"

/* ---- One at a time ----------------------------------------------------------------------------------------------- */

/* The networks whose calls this thread is inside of, the latest first: a callback can call another network.  A thread's
 * own list, not its number, since a thread that a child process starts can get the number of one of the parent's. */
static _Thread_local NetObject *innermost;

/* This process among its ancestors, from 1 on.  getpid() would do, but is a call of the system: 0.5 us. */
static long this_process = 1;

static void in_child(void) { this_process++; }

/* Where the list refers to a network; what it refers to is NULL where this thread is not inside of a call of it. */
static NetObject **entered(const NetObject *net)
{
    NetObject **link = &innermost;
    while (*link != NULL && *link != net)
        link = &(*link)->outer;
    return link;
}

int net_enter(NetObject *net)
{
    if (*entered(net) != NULL) {
        PyErr_SetString(net->state->in_use_error,
                        "this network is in use by the call that called back; it cannot compute before that ends");
        return -1;
    }
    if (net->busy_process == this_process) {
        PyErr_SetString(net->state->in_use_error, "this network is in use by another thread");
        return -1;
    }
    if (net->busy_process != 0)
        net_will_write(net); /* a thread of a parent process is in a call, which fork did not take along */
    net->busy_process = this_process;
    net->outer = innermost;
    innermost = net;
    return 0;
}

void net_leave(NetObject *net)
{
    NetObject **const link = entered(net); /* not always the latest: coroutines in C switch within callbacks */
    *link = net->outer;
    net->busy_process = 0;
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

const mlpc_kernels *net_kernels(const NetObject *net) { return module_kernels(net->state, net->plan->dtype); }

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

/* (n,) zeros, aligned to 64 bytes, in an array of bytes, whose pages stay untouched until they are used.  The base is a
 * capsule around it, which no one can write through or refer to weakly; so views of the result refer to the result. */
static PyArrayObject *aligned_zeros(const NetObject *net, size_t n)
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

/* ---- What is known of the parameters ----------------------------------------------------------------------------- */

/* Kernels may skip zeros of x where the weight is finite.  That is found out by reading all of it, which costs as much
 * as several rows of x, and stays known while nobody can have written to the parameters unseen:
 *
 * - Our own calls that write say so (net_will_write).
 * - Everyone else writes through net->shown_parameters, which only the attribute `parameters` hands out, or through a
 *   view of it, which it or _views() made.  Both say so, too.  Every view, memoryview, exported buffer, DLPack capsule
 *   or tensor keeps that array alive, directly or through the array that it was made from: NumPy shortens chains of
 *   bases, but never beyond it, since its base is no array.  While its reference count is 1 there are none of them.
 * - A weak reference is not counted, and could be turned into a view later.  So an array that anyone has seen is let
 *   go, which ends weak references to it, before anything about the parameters may stay known.  What is called then may
 *   ask for them again.
 * - A caller can make another array of it (shape, dtype, __setstate__).  It is let go then, too, and nothing stays
 *   known any more: there may be views that it does not answer for.
 *
 * Not seen is a write to a bare address (ctypes.data) after every array was let go; NumPy promises nothing
 * for these. */
static int nobody_can_write(NetObject *net)
{
    if (net->lost_sight)
        return 0;
    if (net->shown_parameters != NULL && Py_REFCNT(net->shown_parameters) != 1)
        return 0;
    Py_CLEAR(net->shown_parameters);
    return net->shown_parameters == NULL;
}

/* Is an array still all of the numbers of another? */
static int shows(PyArrayObject *shown, PyArrayObject *of)
{
    return PyArray_NDIM(shown) == 1 && PyArray_DIM(shown, 0) == PyArray_DIM(of, 0) &&
           PyArray_TYPE(shown) == PyArray_TYPE(of) && PyArray_DATA(shown) == PyArray_DATA(of) &&
           PyArray_BASE(shown) == PyArray_BASE(of) && PyArray_IS_C_CONTIGUOUS(shown);
}

/* What a caller may have of the parameters or the gradients; *shown keeps it.  NULL with MemoryError. */
static PyArrayObject *show(const NetObject *net, PyArrayObject **shown, PyArrayObject *of)
{
    while (*shown != NULL && !shows(*shown, of))
        Py_CLEAR(*shown); /* what that calls may ask for the array, and change the new one, too */
    if (*shown == NULL)
        *shown = net_view(net, 1, PyArray_DIMS(of), NULL, PyArray_DATA(of), NPY_ARRAY_CARRAY, PyArray_BASE(of));
    return *shown;
}

static PyArrayObject *show_parameters(NetObject *net)
{
    net->asked = net->weight_finite = 0;
    if (net->shown_parameters != NULL && !shows(net->shown_parameters, net->parameters))
        net->lost_sight = 1;
    return show(net, &net->shown_parameters, net->parameters);
}

static PyArrayObject *show_gradients(NetObject *net) { return show(net, &net->shown_gradients, net->gradients); }

/* The first call after a write does not look for later ones: there may be none, as in a loop that trains on one row
 * after another.  Known is marked before the call that finds it out: where another thread asks for the parameters
 * meanwhile, the mark is gone, and stays so. */
mlpc_knowledge net_knowledge(NetObject *net)
{
    mlpc_knowledge knowledge = {.finite = net->weight_finite, .lasting = 1};
    if (!knowledge.finite) {
        net->weight_finite = knowledge.lasting = net->asked && nobody_can_write(net);
        net->asked = 1;
    }
    return knowledge;
}

void net_learn(NetObject *net, const mlpc_knowledge *knowledge)
{
    if (!knowledge->finite)
        net->weight_finite = 0;
}

void net_will_write(NetObject *net) { net->asked = net->weight_finite = 0; }

/* ---- Workspaces -------------------------------------------------------------------------------------------------- */

static void free_workspace(PyObject *capsule) { mlpc_workspace_free(PyCapsule_GetPointer(capsule, NULL)); }

void net_limit_threads(mlpc_workspace *workspace)
{
    const size_t most = module_num_threads();
    workspace->threads = workspace->room < most ? workspace->room : most;
}

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
            net_limit_threads(net->workspace);
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

/* Rows that a thread of logits or evaluate computes at once: enough to fill the kernels' tiles, few enough for what
 * lies between layers to stay in a cache of 4 MB. */
static size_t scratch_rows(const NetObject *net)
{
    const size_t most = 256, cache = (size_t)4 << 20;
    size_t bytes = 0; /* of one row: z and a per layer; sizes fit memory, since the biases do */
    for (size_t l = 0; l < net->plan->n_layers; l++)
        bytes += 2 * net->plan->layers[l].n_out * net_itemsize(net);
    return bytes * most <= cache ? most : bytes < cache ? cache / bytes : 1;
}

mlpc_workspace *net_scratch(NetObject *net, size_t rows)
{
    const size_t threads = mlpc_useful_threads(net->plan, net_kernels(net), rows, module_num_threads());
    if (net->scratch == NULL || net->scratch->room < threads) {
        mlpc_workspace *scratch;
        const mlpc_status status = mlpc_workspace_create(&scratch, net->plan, threads * scratch_rows(net), threads);
        if (status != MLPC_OK) {
            errors_raise(status);
            return NULL;
        }
        mlpc_workspace_free(net->scratch);
        net->scratch = scratch;
    }
    net_limit_threads(net->scratch);
    return net->scratch;
}

/* ---- Making and ending ------------------------------------------------------------------------------------------- */

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
static int parse_sizes(NetObject *net, PyObject *sizes, size_t *numbers)
{
    const Py_ssize_t n = PyTuple_GET_SIZE(sizes);
    net->sizes = PyTuple_New(n);
    for (Py_ssize_t i = 0; net->sizes != NULL && i < n; i++) {
        if (args_size("sizes", PyTuple_GET_ITEM(sizes, i), 1, &numbers[i]) < 0)
            return -1;
        PyObject *number = PyLong_FromSize_t(numbers[i]);
        if (number == NULL)
            return -1;
        PyTuple_SET_ITEM(net->sizes, i, number);
    }
    return net->sizes == NULL ? -1 : 0;
}

static int parse_activations(NetObject *net, PyObject *activations, Py_ssize_t n, mlpc_activation *numbers)
{
    if (PyTuple_GET_SIZE(activations) != n) {
        PyErr_Format(PyExc_ValueError, "activations: expected %zd, one per hidden layer, got %zd", n,
                     PyTuple_GET_SIZE(activations));
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        const int found =
            names_find("activations", PyTuple_GET_ITEM(activations, i), names_activations, MLPC_N_ACTIVATIONS);
        if (found < 0)
            return -1;
        numbers[i] = (mlpc_activation)found;
    }
    net->activations = Py_NewRef(activations);
    return 0;
}

static int parse_dtype(NetObject *net, PyObject *object, mlpc_dtype *dtype)
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
    net->dtype = (PyObject *)PyArray_DescrFromType(type);
    return 0;
}

/* The plan, from tuples; the object's attributes with it. */
static int make_plan(NetObject *net, PyObject *sizes, PyObject *activations, PyObject *dtype)
{
    const Py_ssize_t n = PyTuple_GET_SIZE(sizes);
    size_t *size_numbers = NULL;
    mlpc_activation *activation_numbers = NULL;
    mlpc_dtype real;
    int result = -1;
    if (n < 2) {
        PyErr_Format(PyExc_ValueError, "sizes: expected at least two, of inputs and outputs, got %zd", n);
        return -1;
    }
    size_numbers = PyMem_Calloc((size_t)n, sizeof *size_numbers);
    activation_numbers = PyMem_Calloc((size_t)n, sizeof *activation_numbers);
    if (size_numbers == NULL || activation_numbers == NULL) {
        PyErr_NoMemory();
        goto exit;
    }
    if (parse_sizes(net, sizes, size_numbers) < 0 ||
        parse_activations(net, activations, n - 2, activation_numbers) < 0 || parse_dtype(net, dtype, &real) < 0)
        goto exit;
    const mlpc_status status = mlpc_net_create(&net->plan, real, (size_t)n - 1, size_numbers, activation_numbers);
    if (status != MLPC_OK) {
        net->plan = NULL;
        PyErr_Format(PyExc_MemoryError, "sizes: a network of %R does not fit in memory", net->sizes);
        goto exit;
    }
    net->n_in = (npy_intp)size_numbers[0];
    net->n_out = (npy_intp)size_numbers[n - 1];
    net->n_parameters = (Py_ssize_t)net->plan->n_parameters;
    result = 0;
exit:
    PyMem_Free(activation_numbers);
    PyMem_Free(size_numbers);
    return result;
}

static void net_dealloc(PyObject *self)
{
    NetObject *const net = (NetObject *)self;
    PyTypeObject *const type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    mlpc_trainer_free(net->trainer);
    mlpc_workspace_free(net->scratch);
    PyMem_RawFree(net->dz);
    Py_XDECREF(net->x);
    Py_XDECREF(net->workspace_capsule);
    Py_XDECREF(net->shown_gradients);
    Py_XDECREF(net->shown_parameters);
    Py_XDECREF(net->gradients);
    Py_XDECREF(net->parameters);
    Py_XDECREF(net->dtype);
    Py_XDECREF(net->activations);
    Py_XDECREF(net->sizes);
    mlpc_net_free(net->plan);
    type->tp_free(self);
    Py_DECREF(type);
}

/* The module's own type among the bases of a subclass: the one that deallocates as this file says. */
static PyTypeObject *own_type(PyTypeObject *type)
{
    while (type->tp_dealloc != net_dealloc)
        type = type->tp_base;
    return type;
}

/* Arguments beyond the first three, and all keywords, are the subclass's. */
static PyObject *net_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(keywords))
{
    if (PyTuple_GET_SIZE(args) < 3) {
        PyErr_Format(PyExc_TypeError, "Net: expected sizes, activations and dtype, got %zd arguments",
                     PyTuple_GET_SIZE(args));
        return NULL;
    }
    NetObject *net = NULL;
    PyObject *activations = NULL;
    PyObject *sizes = as_tuple("sizes", PyTuple_GET_ITEM(args, 0));
    if (sizes == NULL || (activations = as_tuple("activations", PyTuple_GET_ITEM(args, 1))) == NULL ||
        (net = (NetObject *)type->tp_alloc(type, 0)) == NULL)
        goto exit;
    net->state = PyType_GetModuleState(own_type(type));
    if (make_plan(net, sizes, activations, PyTuple_GET_ITEM(args, 2)) < 0 ||
        (net->parameters = aligned_zeros(net, net->plan->n_parameters)) == NULL ||
        (net->gradients = aligned_zeros(net, net->plan->n_parameters)) == NULL)
        Py_CLEAR(net);
exit:
    Py_XDECREF(activations);
    Py_XDECREF(sizes);
    return (PyObject *)net;
}

/* What the object holds besides its type cannot refer back to it: arrays, capsules, tuples of ints and of names. */
static int net_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

/* ---- Attributes and views ---------------------------------------------------------------------------------------- */

static PyObject *net_initialize(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    NetObject *const net = (NetObject *)self;
    uint64_t seed;
    if (args_count("_initialize", nargs, 2) < 0)
        return NULL;
    const int init = names_find("init", args[0], names_inits, MLPC_N_INITS);
    if (init < 0 || args_integer("seed", args[1], 0, UINT64_MAX, &seed) < 0 || net_enter(net) < 0)
        return NULL;
    net_will_write(net);
    void *const parameters = PyArray_DATA(net->parameters);
    const mlpc_kernels *const doubles = module_kernels(net->state, MLPC_FLOAT64);
    poll_state poll;
    poll_begin(&poll, NULL);
    const mlpc_status status = mlpc_initialize(net->plan, doubles, parameters, (mlpc_init)init, seed, &poll.poll);
    poll_end(&poll);
    net_leave(net);
    return status == MLPC_OK ? Py_NewRef(Py_None) : errors_raise(status);
}

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
    return net_view(net, 2, shape, strides, data, NPY_ARRAY_WRITEABLE, (PyObject *)of);
}

static PyArrayObject *bias_view(const NetObject *net, const mlpc_layer *layer, PyArrayObject *of)
{
    const npy_intp shape = (npy_intp)layer->n_out;
    char *const data = (char *)PyArray_DATA(of) + layer->bias * net_itemsize(net);
    return net_view(net, 1, &shape, NULL, data, NPY_ARRAY_CARRAY, (PyObject *)of);
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

static PyObject *net_views(PyObject *self, PyObject *index)
{
    NetObject *const net = (NetObject *)self;
    const mlpc_layer *const layer = parse_layer(net, index);
    if (layer == NULL)
        return NULL;
    /* The views of one array before the other one is shown: that can run a caller's code, which ends the first. */
    PyArrayObject *views[4] = {NULL};
    for (int i = 0; i < 4 && !PyErr_Occurred(); i += 2) {
        PyArrayObject *const shown = i == 0 ? show_parameters(net) : show_gradients(net);
        if (shown != NULL) {
            views[i] = weight_view(net, layer, shown);
            views[i + 1] = bias_view(net, layer, shown);
        }
    }
    return pack(4, views);
}

/* (rows of the latest forward, columns) of the workspace, read-only. */
static PyArrayObject *memory_view(const NetObject *net, void *data, size_t columns)
{
    const npy_intp shape[2] = {(npy_intp)net->rows, (npy_intp)columns};
    return net_view(net, 2, shape, NULL, data, NPY_ARRAY_CARRAY_RO, net->workspace_capsule);
}

static PyObject *net_memory(PyObject *self, PyObject *index)
{
    const NetObject *const net = (NetObject *)self;
    const mlpc_layer *const layer = parse_layer(net, index);
    if (layer == NULL)
        return NULL;
    if (net->x == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "input, output: there is no forward whose numbers could be seen; "
                                            "call forward first: predict and evaluate leave nothing");
        return NULL;
    }
    const size_t l = (size_t)(layer - net->plan->layers);
    PyArrayObject *const views[] = {
        l == 0 ? net_view(net, 2, (const npy_intp[]){(npy_intp)net->rows, net->n_in}, NULL, net->x_data,
                          NPY_ARRAY_CARRAY_RO, (PyObject *)net->x)
               : memory_view(net, net->workspace->a[l - 1], layer->n_in),
        memory_view(net, net->workspace->z[l], layer->n_out),
        memory_view(net, net->workspace->a[l], layer->n_out),
    };
    return pack(3, views);
}

/* ---- The type ---------------------------------------------------------------------------------------------------- */

static PyMethodDef net_methods[] = {
    {"_initialize", FAST(net_initialize),
     "_initialize($self, init, seed, /)\n--\n\nInitial values for all parameters."},
    {"_views", net_views, METH_O,
     "_views($self, layer, /)\n--\n\n(weight, bias, weight_grad, bias_grad) of a linear layer."},
    {"_memory", net_memory, METH_O,
     "_memory($self, layer, /)\n--\n\n(input, z, activation(z)) of a linear layer in the latest forward, read-only."},
    {"forward", FAST(net_forward),
     "forward($self, x, out=None, scale=None, /)\n--\n\nLogits; remembers what backward needs."},
    {"loss", FAST(net_loss), "loss($self, y, loss, sample_weight, /)\n--\n\nThe loss of the latest forward."},
    {"backward", FAST(net_backward), "backward($self, dz, accumulate, /)\n--\n\nFills the gradients, returns dL/dx."},
    {"loss_and_grad", FAST(net_loss_and_grad),
     "loss_and_grad($self, x, y, loss, sample_weight, accumulate, /)\n--\n\nForward, loss and backward."},
    {"_logits", net_logits, METH_O, "_logits($self, x, /)\n--\n\nAs forward, but remembers nothing."},
    {"_answers", FAST(net_answers),
     "_answers($self, x, output, loss, scale, /)\n--\n\nlogits, prediction or probabilities."},
    {"evaluate", FAST(net_evaluate),
     "evaluate($self, x, y, loss, sample_weight, scale=None, /)\n--\n\n(loss, share of right answers)."},
    {"_train_epoch", FAST(net_train_epoch),
     "_train_epoch($self, x, y, loss, sample_weight, optimizer, batch_size, shuffle, seed, epoch, keep_gradients, "
     "tick, /)\n--\n\nOne epoch: (loss, share of right answers, learning rate of the last step)."},
    {"_end_training", net_end_training, METH_NOARGS,
     "_end_training($self, /)\n--\n\nFrees the memory that _train_epoch kept for the next epoch."},
    {"_fused", FAST(net_fused),
     "_fused($self, optimizer, batch_size, keep_gradients, /)\n--\n\nWhether the fused path carries such an epoch."},
    {"_step", FAST(net_step), "_step($self, optimizer, lr, /)\n--\n\nOne step of the optimizer, by the gradients."},
    {"zero_grad", net_zero_grad, METH_NOARGS, "zero_grad($self, /)\n--\n\nSets all gradients to 0."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef net_members[] = {
    {"sizes", T_OBJECT_EX, offsetof(NetObject, sizes), READONLY, "Units of every layer, inputs first."},
    {"activations", T_OBJECT_EX, offsetof(NetObject, activations), READONLY, "Names, of the hidden layers."},
    {"dtype", T_OBJECT_EX, offsetof(NetObject, dtype), READONLY, "float32 or float64."},
    {"n_parameters", T_PYSSIZET, offsetof(NetObject, n_parameters), READONLY, "How many weights and biases."},
    {NULL, 0, 0, 0, NULL},
};

static PyObject *get_parameters(PyObject *self, void *Py_UNUSED(closure))
{
    return Py_XNewRef((PyObject *)show_parameters((NetObject *)self));
}

static PyObject *get_gradients(PyObject *self, void *Py_UNUSED(closure))
{
    return Py_XNewRef((PyObject *)show_gradients((NetObject *)self));
}

static PyGetSetDef net_getset[] = {
    {"parameters", get_parameters, NULL, "All of them, layer by layer.", NULL},
    {"gradients", get_gradients, NULL, "Their gradients, in the same order.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot net_slots[] = {
    {Py_tp_doc, "A network's plan, its parameters and gradients, and the memory of its latest forward."},
    {Py_tp_new, net_new},
    {Py_tp_dealloc, net_dealloc},
    {Py_tp_traverse, net_traverse},
    {Py_tp_methods, net_methods},
    {Py_tp_members, net_members},
    {Py_tp_getset, net_getset},
    {0, NULL},
};

static PyType_Spec net_spec = {
    .name = "mlpc._mlpc.Net",
    .basicsize = sizeof(NetObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = net_slots,
};

PyObject *bind_net_type(PyObject *module)
{
    static int forks_seen;
    if (!forks_seen && pthread_atfork(NULL, NULL, in_child) != 0)
        return PyErr_NoMemory();
    forks_seen = 1;
    return PyType_FromModuleAndSpec(module, &net_spec, NULL);
}
