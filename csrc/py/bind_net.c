/* The type Net: how a network is made and ends, and the table of its methods, which stand in the other files. */
#include "bind_net.h"

#include <structmember.h>

#include "args_plan.h"
#include "errors.h"
#include "names.h"
#include "poll.h"

/* ---- Making and ending ------------------------------------------------------------------------------------------- */

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
    Py_XDECREF(net->statistics);
    Py_XDECREF(net->gradients);
    Py_XDECREF(net->parameters);
    Py_XDECREF(net->dtype);
    Py_XDECREF(net->dropout);
    Py_XDECREF(net->norms);
    Py_XDECREF(net->blocks);
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

/* Arguments beyond the first five, and all keywords, are the subclass's. */
static PyObject *net_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(keywords))
{
    args_plan plan;
    if (PyTuple_GET_SIZE(args) < 3) {
        PyErr_Format(PyExc_TypeError, "Net: expected sizes, activations and dtype, got %zd arguments",
                     PyTuple_GET_SIZE(args));
        return NULL;
    }
    if (args_plan_parse(&plan, PyTuple_GET_ITEM(args, 0), PyTuple_GET_ITEM(args, 1), PyTuple_GET_ITEM(args, 2),
                        PyTuple_GET_SIZE(args) > 4 ? PyTuple_GET_ITEM(args, 4) : NULL) < 0)
        return NULL;
    /* No object before all arguments are known: what is converted may run code that sees all objects. */
    PyObject *dropout = args_plan_dropout(plan.net, PyTuple_GET_SIZE(args) > 3 ? PyTuple_GET_ITEM(args, 3) : NULL);
    NetObject *net = dropout == NULL ? NULL : (NetObject *)type->tp_alloc(type, 0);
    if (net == NULL) {
        Py_XDECREF(dropout);
        args_plan_clear(&plan);
        return NULL;
    }
    net->state = PyType_GetModuleState(own_type(type));
    net->plan = plan.net;
    net->sizes = plan.sizes;
    net->activations = plan.activations;
    net->blocks = plan.blocks;
    net->norms = plan.norms;
    net->dropout = dropout;
    net->dtype = plan.dtype;
    net->n_in = (npy_intp)plan.net->layers[0].n_in;
    net->n_out = (npy_intp)plan.net->layers[plan.net->n_layers - 1].n_out;
    net->n_parameters = (Py_ssize_t)plan.net->n_parameters;
    net->training = 1;
    if ((net->parameters = net_aligned_zeros(net, plan.net->n_parameters)) == NULL ||
        (net->gradients = net_aligned_zeros(net, plan.net->n_parameters)) == NULL ||
        (net->statistics = net_aligned_zeros(net, plan.net->n_statistics)) == NULL)
        Py_CLEAR(net);
    else
        mlpc_net_start_statistics(net->plan, PyArray_DATA(net->statistics));
    return (PyObject *)net;
}

/* What the object holds besides its type cannot refer back to it: arrays, capsules, tuples of numbers and names. */
static int net_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static PyObject *net_initialize(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    NetObject *const net = (NetObject *)self;
    uint64_t seed;
    if (args_count("_initialize", nargs, 2) < 0)
        return NULL;
    const int init = names_find("init", args[0], names_inits, MLPC_N_INITS);
    if (init < 0 || args_integer("seed", args[1], 0, UINT64_MAX, &seed) < 0 || net_enter(net) < 0)
        return NULL;
    void *const parameters = PyArray_DATA(net->parameters);
    const mlpc_kernels *const doubles = module_kernels(net->state, MLPC_FLOAT64);
    poll_state poll;
    poll_begin(&poll, NULL);
    const mlpc_status status = mlpc_initialize(net->plan, doubles, parameters, (mlpc_init)init, seed, &poll.poll);
    poll_end(&poll);
    net_leave(net);
    return status == MLPC_OK ? Py_NewRef(Py_None) : errors_raise(status);
}

/* ---- Train mode ------------------------------------------------------------------------------------------------- */

static PyObject *net_get_draws(PyObject *self, void *Py_UNUSED(closure))
{
    const mlpc_draw *const draw = &((NetObject *)self)->draw;
    return Py_BuildValue("KK", (unsigned long long)draw->seed, (unsigned long long)draw->t);
}

static int net_set_draws(PyObject *self, PyObject *draws, void *Py_UNUSED(closure))
{
    return args_draws(draws, &((NetObject *)self)->draw);
}

/* ---- The type ---------------------------------------------------------------------------------------------------- */

static PyMethodDef net_methods[] = {
    {"_initialize", FAST(net_initialize),
     "_initialize($self, init, seed, /)\n--\n\nInitial values for all parameters."},
    {"_views", net_views, METH_O,
     "_views($self, layer, /)\n--\n\n(weight, bias, weight_grad, bias_grad) of a linear layer."},
    {"_norm_views", net_norm_views, METH_O,
     "_norm_views($self, layer, /)\n--\n\n(gain, shift, gain_grad, shift_grad) of the norm behind a linear layer, and "
     "of "
     "batch norm the running mean and variance."},
    {"_memory", net_memory, METH_O,
     "_memory($self, layer, /)\n--\n\n(input, z, a, output, normed) of a linear layer in the latest forward, "
     "read-only."},
    {"_latest_x", net_latest_x, METH_NOARGS, "_latest_x($self, /)\n--\n\nx of the latest forward, read-only."},
    {"_copy_numbers", net_copy_numbers, METH_NOARGS,
     "_copy_numbers($self, /)\n--\n\nCopies of all parameters and of all running statistics, of one moment."},
    {"forward", FAST(net_forward),
     "forward($self, x, out=None, scale=None, /)\n--\n\nLogits; remembers what backward needs."},
    {"loss", FAST(net_loss), "loss($self, y, loss, sample_weight, /)\n--\n\nThe loss of the latest forward."},
    {"_remember", net_remember, METH_O,
     "_remember($self, dz, /)\n--\n\nThe derivative that another loss of the latest forward left for backward."},
    {"backward", FAST(net_backward), "backward($self, dz, accumulate, /)\n--\n\nFills the gradients, returns dL/dx."},
    {"loss_and_grad", FAST(net_loss_and_grad),
     "loss_and_grad($self, x, y, loss, sample_weight, accumulate, /)\n--\n\nForward, loss and backward."},
    {"_logits", net_logits, METH_O, "_logits($self, x, /)\n--\n\nAs forward, but remembers nothing."},
    {"_predict", FAST(net_predict),
     "_predict($self, x, output, loss, scale, /)\n--\n\nlogits, prediction or probabilities."},
    {"evaluate", FAST(net_evaluate),
     "evaluate($self, x, y, loss, sample_weight, scale=None, /)\n--\n\n(loss, accuracy)."},
    {"_train_epoch", FAST(net_train_epoch),
     "_train_epoch($self, x, y, loss, sample_weight, optimizer, batch_size, shuffle, seed, epoch, keep_gradients, "
     "tick, draws=(0, 0), noise=0.0, given=None, /)\n--\n\nOne epoch: (loss, accuracy, learning rate of its end)."},
    {"_end_training", net_end_training, METH_NOARGS,
     "_end_training($self, /)\n--\n\nFrees the memory that _train_epoch kept for the next epoch."},
    {"_epoch_steps", FAST(net_epoch_steps),
     "_epoch_steps($self, n, batch_size, /)\n--\n\nHow many batches an epoch over n rows has."},
    {"_fused", FAST(net_fused),
     "_fused($self, optimizer, batch_size, keep_gradients, /)\n--\n\nWhether the fused path carries such an epoch."},
    {"_step", FAST(net_step), "_step($self, optimizer, lr, /)\n--\n\nOne step of the optimizer, by the gradients."},
    {"zero_grad", net_zero_grad, METH_NOARGS, "zero_grad($self, /)\n--\n\nSets all gradients to 0."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef net_members[] = {
    {"sizes", T_OBJECT_EX, offsetof(NetObject, sizes), READONLY, "Units of every layer, inputs first."},
    {"activations", T_OBJECT_EX, offsetof(NetObject, activations), READONLY, "Names, of the hidden layers."},
    {"_blocks", T_OBJECT_EX, offsetof(NetObject, blocks), READONLY,
     "Of the hidden layers: a name, or a tuple of name and setting."},
    {"_norms", T_OBJECT_EX, offsetof(NetObject, norms), READONLY, "The hidden layers' norms, or None."},
    {"_batches", T_ULONGLONG, offsetof(NetObject, batches), 0, "How many batches the running statistics have seen."},
    {"_dropout", T_OBJECT_EX, offsetof(NetObject, dropout), READONLY, "Probabilities, of x and the hidden layers."},
    {"training", T_BOOL, offsetof(NetObject, training), 0, "Whether forward is in train mode."},
    {"dtype", T_OBJECT_EX, offsetof(NetObject, dtype), READONLY, "float32 or float64."},
    {"n_parameters", T_PYSSIZET, offsetof(NetObject, n_parameters), READONLY, "How many weights and biases."},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef net_getset[] = {
    {"parameters", net_parameters, NULL, "All of them, layer by layer.", NULL},
    {"gradients", net_gradients, NULL, "Their gradients, in the same order.", NULL},
    {"_statistics", net_statistics, NULL, "Running means and variances of batch norms, layer by layer.", NULL},
    {"_draws", net_get_draws, net_set_draws, "(seed, t) of the next forward in train mode.", NULL},
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
    return net_guard_watches_forks() < 0 ? NULL : PyType_FromModuleAndSpec(module, &net_spec, NULL);
}
