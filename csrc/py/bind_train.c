/* Steps of an optimizer, and whole epochs of them. */
#include <string.h>

#include "../core/fused.h"
#include "args_epoch.h"
#include "args_optimizer.h"
#include "bind_net.h"
#include "bind_samples.h"
#include "errors.h"
#include "poll.h"

static int parse_optimizer(const NetObject *net, args_optimizer *optimizer, PyObject *tuple)
{
    return args_optimizer_parse(optimizer, tuple, net->plan) < 0 ||
                   args_optimizer_disjoint(optimizer, "the parameters", net->parameters) < 0 ||
                   args_optimizer_disjoint(optimizer, "the gradients", net->gradients) < 0
               ? -1
               : 0;
}

/* ---- One step ---------------------------------------------------------------------------------------------------- */

static void step_within(NetObject *net, const args_optimizer *optimizer, double lr)
{
    const mlpc_model model = net_model(net);
    const void *const gradients = PyArray_DATA(net->gradients);
    Py_BEGIN_ALLOW_THREADS
    mlpc_step(&model, &optimizer->optimizer, gradients, lr);
    Py_END_ALLOW_THREADS
}

PyObject *net_step(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    NetObject *const net = (NetObject *)self;
    args_optimizer optimizer = {0};
    double lr;
    PyObject *result = NULL;
    if (args_count("_step", nargs, 2) == 0 && args_double("lr", args[1], &lr) == 0 &&
        parse_optimizer(net, &optimizer, args[0]) == 0 && net_enter(net) == 0) {
        step_within(net, &optimizer, lr);
        net_leave(net);
        result = Py_NewRef(Py_None);
    }
    args_optimizer_clear(&optimizer);
    return result;
}

PyObject *net_zero_grad(PyObject *self, PyObject *Py_UNUSED(none))
{
    NetObject *const net = (NetObject *)self;
    if (net_enter(net) < 0)
        return NULL;
    memset(PyArray_DATA(net->gradients), 0, (size_t)PyArray_NBYTES(net->gradients));
    net_leave(net);
    return Py_NewRef(Py_None);
}

/* ---- One epoch --------------------------------------------------------------------------------------------------- */

/* Everything that an epoch is computed from; the arrays are held while it runs. */
typedef struct {
    SamplesObject *x;
    args_objective objective;
    args_optimizer optimizer;
    mlpc_training training; /* whose samples, objective and optimizer are those above, once they are apart */
    mlpc_epoch epoch;
    args_epoch given;
    int keep_gradients;
    PyObject *tick; /* borrowed */
} epoch_args;

static int parse_settings(epoch_args *epoch, PyObject *const *args)
{
    mlpc_training *const training = &epoch->training;
    uint64_t number;
    if (args_size("batch_size", args[5], 1, &training->batch_size) < 0 || args_bool(args[6], &training->shuffle) < 0 ||
        args_integer("seed", args[7], 0, UINT64_MAX, &training->seed) < 0 ||
        args_integer("epoch", args[8], 0, UINT32_MAX, &number) < 0 || args_bool(args[9], &epoch->keep_gradients) < 0)
        return -1;
    epoch->epoch.number = (uint32_t)number;
    epoch->tick = args[10];
    if (epoch->tick != Py_None && !PyCallable_Check(epoch->tick)) {
        PyErr_Format(PyExc_TypeError, "tick: expected a function or None, got %.100s", Py_TYPE(epoch->tick)->tp_name);
        return -1;
    }
    return 0;
}

static int parse_epoch(const NetObject *net, epoch_args *epoch, PyObject *const *args, Py_ssize_t nargs)
{
    if (parse_settings(epoch, args) < 0 || (nargs > 11 && args_draws(args[11], &epoch->epoch.draw) < 0) ||
        (nargs > 12 && args_deviation("noise", args[12], net->plan->dtype, &epoch->training.noise) < 0) ||
        (epoch->x = samples_parse(net->state, args[0], net->plan->dtype, net->n_in)) == NULL ||
        net_objective(net, &epoch->objective, args[2], args[1], args[3]) < 0 ||
        args_objective_rows(&epoch->objective, (npy_intp)epoch->x->x.input.n) < 0 ||
        parse_optimizer(net, &epoch->optimizer, args[4]) < 0)
        return -1;
    const size_t n = epoch->x->x.input.n, steps = mlpc_epoch_steps(net->plan, n, epoch->training.batch_size);
    if (nargs > 13 && args_epoch_parse(&epoch->given, args[13], n, steps, &epoch->epoch) < 0)
        return -1;
    return args_optimizer_rates(&epoch->optimizer, args[4], steps, &epoch->epoch.rates);
}

/* What the epoch writes overlaps nothing that it reads: data in the network's own memory are copied, others refused. */
static int keep_apart(const NetObject *net, epoch_args *epoch)
{
    const size_t bytes = (size_t)PyArray_NBYTES(net->parameters);
    const size_t of_statistics = (size_t)PyArray_NBYTES(net->statistics);
    PyArrayObject *x = (PyArrayObject *)Py_NewRef((PyObject *)epoch->x->x.numbers);
    if (args_copy_from(PyArray_DATA(net->parameters), bytes, &x, &epoch->objective) < 0 ||
        args_copy_from(PyArray_DATA(net->statistics), of_statistics, &x, &epoch->objective) < 0 ||
        (epoch->keep_gradients && args_copy_from(PyArray_DATA(net->gradients), bytes, &x, &epoch->objective) < 0)) {
        Py_XDECREF(x);
        return -1;
    }
    if (x == epoch->x->x.numbers) {
        Py_DECREF(x);
    } else {
        SamplesObject *copy = samples_over(net->state, epoch->x, x);
        if (copy == NULL)
            return -1;
        Py_SETREF(epoch->x, copy);
    }
    return args_optimizer_disjoint(&epoch->optimizer, "x", epoch->x->x.numbers) < 0
               ? -1
               : args_optimizer_disjoint_objective(&epoch->optimizer, &epoch->objective);
}

/* The memory of an epoch: that of the last one, where it fits. */
static int reserve_trainer(NetObject *net, const mlpc_model *model, const mlpc_training *training)
{
    if (net->trainer != NULL && mlpc_trainer_fits(net->trainer, model, training))
        return 0;
    mlpc_trainer_free(net->trainer);
    const mlpc_status status = mlpc_trainer_create(&net->trainer, model, training);
    if (status != MLPC_OK) {
        net->trainer = NULL;
        errors_raise(status);
        return -1;
    }
    return 0;
}

static PyObject *train_within(NetObject *net, epoch_args *epoch)
{
    if (keep_apart(net, epoch) < 0)
        return NULL;
    const mlpc_model model = net_model(net);
    epoch->training.samples = epoch->x->samples;
    epoch->training.objective = epoch->objective.objective;
    epoch->training.optimizer = epoch->optimizer.optimizer;
    epoch->training.threads = module_num_threads();
    epoch->epoch.gradients = epoch->keep_gradients ? PyArray_DATA(net->gradients) : NULL;
    if (reserve_trainer(net, &model, &epoch->training) < 0)
        return NULL;
    mlpc_epoch_result result = {0};
    poll_state poll;
    poll_begin(&poll, epoch->tick);
    const mlpc_status status =
        mlpc_train_epoch(&model, &epoch->training, net->trainer, &epoch->epoch, &result, &poll.poll);
    poll_end(&poll);
    if (net->plan->n_statistics > 0)
        net->batches += result.batches;
    if (status == MLPC_ERROR_DIVERGED)
        return errors_raise_diverged(net->state, result.loss, result.lr);
    if (status != MLPC_OK)
        return errors_raise(status);
    return epoch->given.record == NULL
               ? Py_BuildValue("ddd", result.loss, result.accuracy, result.lr)
               : Py_BuildValue("dddO", result.loss, result.accuracy, result.lr, epoch->given.record);
}

/* How many batches an epoch has. */
PyObject *net_epoch_steps(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    const NetObject *const net = (NetObject *)self;
    size_t n, batch_size;
    if (args_count("_epoch_steps", nargs, 2) < 0 || args_size("n", args[0], 0, &n) < 0 ||
        args_size("batch_size", args[1], 1, &batch_size) < 0)
        return NULL;
    return PyLong_FromSize_t(mlpc_epoch_steps(net->plan, n, batch_size));
}

/* Whether the fused path carries an epoch of this optimizer in batches of so many rows. */
PyObject *net_fused(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    NetObject *const net = (NetObject *)self;
    const mlpc_model model = net_model(net);
    args_optimizer optimizer = {0};
    mlpc_training training = {0};
    size_t batch_size;
    int keeps_gradients;
    PyObject *result = NULL;
    if (args_count("_fused", nargs, 3) == 0 && parse_optimizer(net, &optimizer, args[0]) == 0 &&
        args_size("batch_size", args[1], 1, &batch_size) == 0 && args_bool(args[2], &keeps_gradients) == 0) {
        training.optimizer = optimizer.optimizer;
        result = PyBool_FromLong(mlpc_fused_carries(&model, &training, batch_size, keeps_gradients));
    }
    args_optimizer_clear(&optimizer);
    return result;
}

/* Memory that a call computes in now stays: it is that call's. */
PyObject *net_end_training(PyObject *self, PyObject *Py_UNUSED(none))
{
    NetObject *const net = (NetObject *)self;
    if (net_enter(net) < 0) {
        PyErr_Clear();
    } else {
        mlpc_trainer_free(net->trainer);
        net->trainer = NULL;
        net_leave(net);
    }
    return Py_NewRef(Py_None);
}

PyObject *net_train_epoch(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    NetObject *const net = (NetObject *)self;
    epoch_args epoch = {0};
    PyObject *result = NULL;
    if ((nargs == 11 || nargs == 13 || args_count("_train_epoch", nargs, 14) == 0) &&
        parse_epoch(net, &epoch, args, nargs) == 0 && net_enter(net) == 0) {
        result = train_within(net, &epoch);
        net_leave(net);
    }
    args_epoch_clear(&epoch.given);
    args_optimizer_clear(&epoch.optimizer);
    args_objective_clear(&epoch.objective);
    Py_XDECREF(epoch.x);
    return result;
}
