/* One epoch of training. */
#include "args_optimizer.h"
#include "bind_net.h"
#include "errors.h"
#include "poll.h"

/* Everything that an epoch is computed from; the arrays are held while it runs. */
typedef struct {
    PyArrayObject *x;
    args_objective objective;
    args_optimizer optimizer;
    size_t batch_size;
    mlpc_epoch_settings settings;
    int keep_gradients;
    PyObject *tick; /* borrowed */
} epoch_args;

static int parse_settings(epoch_args *epoch, PyObject *const *args)
{
    mlpc_epoch_settings *const settings = &epoch->settings;
    uint64_t number;
    if (args_size("batch_size", args[5], 1, &epoch->batch_size) < 0 ||
        args_bool(args[6], &settings->shuffle) < 0 ||
        args_integer("seed", args[7], 0, UINT64_MAX, &settings->seed) < 0 ||
        args_integer("epoch", args[8], 0, UINT32_MAX, &number) < 0 || args_double("t0", args[9], &settings->t0) < 0 ||
        args_bool(args[10], &epoch->keep_gradients) < 0) {
        return -1;
    }
    settings->epoch = (uint32_t)number;
    epoch->tick = args[11];
    if (epoch->tick != Py_None && !PyCallable_Check(epoch->tick)) {
        PyErr_Format(PyExc_TypeError, "tick: expected a function or None, got %.100s", Py_TYPE(epoch->tick)->tp_name);
        return -1;
    }
    return 0;
}

static int parse_epoch(const NetObject *net, epoch_args *epoch, PyObject *const *args)
{
    const mlpc_dtype dtype = net->plan->dtype;
    if (parse_settings(epoch, args) < 0 ||
        (epoch->x = args_matrix("x", args[0], dtype, ARGS_ANY, net->n_in)) == NULL ||
        args_rows_at_least_one("x", epoch->x) < 0 ||
        net_objective(net, &epoch->objective, args[2], args[1], args[3]) < 0 ||
        args_objective_rows(&epoch->objective, PyArray_DIM(epoch->x, 0)) < 0 ||
        args_optimizer_parse(&epoch->optimizer, args[4], (npy_intp)net->n_parameters, dtype) < 0 ||
        args_optimizer_disjoint(&epoch->optimizer, "the parameters", net->parameters) < 0 ||
        args_optimizer_disjoint(&epoch->optimizer, "the gradients", net->gradients) < 0 ||
        args_optimizer_disjoint(&epoch->optimizer, "x", epoch->x) < 0) {
        return -1;
    }
    const size_t n = (size_t)PyArray_DIM(epoch->x, 0);
    if (epoch->batch_size > n) {
        epoch->batch_size = n;
    }
    return 0;
}

/* The scratch memory of an epoch: that of the last one, where it fits. */
static int reserve_trainer(NetObject *net, const epoch_args *epoch)
{
    const size_t n = (size_t)PyArray_DIM(epoch->x, 0), batch = epoch->batch_size;
    const int has_velocity = epoch->optimizer.velocity != NULL;
    if (net->trainer != NULL && net->trainer_rows == n && net->trainer_batch == batch &&
        net->trainer_has_velocity == has_velocity) {
        return 0;
    }
    mlpc_trainer_free(net->trainer);
    const mlpc_status status =
        mlpc_trainer_create(&net->trainer, net->plan, &epoch->optimizer.optimizer, n, batch);
    if (status != MLPC_OK) {
        net->trainer = NULL;
        errors_raise(status);
        return -1;
    }
    net->trainer_rows = n;
    net->trainer_batch = batch;
    net->trainer_has_velocity = has_velocity;
    return 0;
}

static PyObject *train_within(NetObject *net, const epoch_args *epoch)
{
    if (reserve_trainer(net, epoch) < 0) {
        return NULL;
    }
    const mlpc_kernels *const kernels = net_kernels(net);
    void *const parameters = PyArray_DATA(net->parameters);
    void *const gradients = epoch->keep_gradients ? PyArray_DATA(net->gradients) : NULL;
    const void *const x = PyArray_DATA(epoch->x);
    mlpc_epoch_result result = {0};
    poll_state poll;
    poll_begin(&poll, epoch->tick);
    const mlpc_status status = mlpc_train_epoch(net->plan, kernels, parameters, gradients, net->trainer,
                                                &epoch->optimizer.optimizer, &epoch->objective.loss, x,
                                                &epoch->objective.targets, &epoch->settings, &result, &poll.poll);
    poll_end(&poll);
    if (status == MLPC_ERROR_DIVERGED) {
        return errors_raise_diverged(net->state, result.loss, result.lr);
    }
    return status == MLPC_OK ? Py_BuildValue("ddd", result.loss, result.accuracy, result.lr)
                             : errors_raise(status);
}

PyObject *net_train_epoch(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    NetObject *const net = (NetObject *)self;
    epoch_args epoch = {0};
    PyObject *result = NULL;
    if (args_count("train_epoch", nargs, 12) == 0 && parse_epoch(net, &epoch, args) == 0 && net_enter(net) == 0) {
        result = train_within(net, &epoch);
        net_leave(net);
    }
    args_optimizer_clear(&epoch.optimizer);
    args_objective_clear(&epoch.objective);
    Py_XDECREF(epoch.x);
    return result;
}
