/* Layer and batch normalisation of arrays, see bind_ops.c for what holds of all. */

#include "../core/fpmode.h"
#include "args.h"

/* A job of the kernels, and the arrays that its pointers point to. */
typedef struct {
    mlpc_norm_job job;
    const mlpc_kernels *table;
    mlpc_dtype dtype;
    PyArrayObject *x, *gain, *shift, *dy, *running_mean, *running_var, *to, *dgain, *dshift;
    double *statistics;
} norm_call;

static void clear(norm_call *call)
{
    PyMem_Free(call->statistics);
    Py_XDECREF(call->dshift);
    Py_XDECREF(call->dgain);
    Py_XDECREF(call->to);
    Py_XDECREF(call->running_var);
    Py_XDECREF(call->running_mean);
    Py_XDECREF(call->dy);
    Py_XDECREF(call->shift);
    Py_XDECREF(call->gain);
    Py_XDECREF(call->x);
}

/* A feature's number for each of x's. */
static PyArrayObject *of_features(const char *name, PyObject *object, norm_call *call)
{
    PyArrayObject *array = args_float(name, object, &call->dtype);
    if (array != NULL && args_shape1(name, array, PyArray_DIM(call->x, 1)) < 0)
        Py_CLEAR(array);
    return array;
}

/* x (n, k), gain and eps, which forward and backward of both norms have. */
static int parse(norm_call *call, PyObject *module, PyObject *x, PyObject *gain, PyObject *eps)
{
    mlpc_norm_job *const job = &call->job;
    if ((call->x = args_float("x", x, &call->dtype)) == NULL || args_shape2("x", call->x, ARGS_ANY, ARGS_ANY) < 0 ||
        (call->gain = of_features("gain", gain, call)) == NULL ||
        args_setting(&args_norm_settings[0], eps, call->dtype, &job->eps) < 0)
        return -1;
    call->table = module_kernels(module_state_of(module), call->dtype);
    job->B = (size_t)PyArray_DIM(call->x, 0);
    job->F = job->row = (size_t)PyArray_DIM(call->x, 1);
    job->x = PyArray_DATA(call->x);
    job->gain = PyArray_DATA(call->gain);
    return 0;
}

/* shift, and what forward fills. */
static int parse_forward(norm_call *call, PyObject *shift, PyObject *out)
{
    if ((call->shift = of_features("shift", shift, call)) == NULL ||
        (call->to = args_out(out, 2, PyArray_DIMS(call->x), call->dtype)) == NULL ||
        args_disjoint("out", call->to, "x", call->x) < 0 || args_disjoint("out", call->to, "gain", call->gain) < 0 ||
        args_disjoint("out", call->to, "shift", call->shift) < 0)
        return -1;
    call->job.shift = PyArray_DATA(call->shift);
    call->job.y = PyArray_DATA(call->to);
    return 0;
}

/* dy, and what backward fills; statistics are computed again from x. */
static int parse_backward(norm_call *call, PyObject *dy)
{
    npy_intp *const shape = PyArray_DIMS(call->x);
    if ((call->dy = args_float("dy", dy, &call->dtype)) == NULL ||
        args_shape2("dy", call->dy, shape[0], shape[1]) < 0 ||
        (call->to = args_out(Py_None, 2, shape, call->dtype)) == NULL ||
        (call->dgain = args_out(Py_None, 1, shape + 1, call->dtype)) == NULL ||
        (call->dshift = args_out(Py_None, 1, shape + 1, call->dtype)) == NULL)
        return -1;
    call->job.dy = PyArray_DATA(call->dy);
    call->job.dx = PyArray_DATA(call->to);
    call->job.dgain = PyArray_DATA(call->dgain);
    call->job.dshift = PyArray_DATA(call->dshift);
    return 0;
}

typedef void compute(const mlpc_kernels *table, mlpc_norm_job *job);

/* One call of the kernels, with statistics of so many rows or features: 0, or -1 with MemoryError. */
static int run(norm_call *call, compute *kernels, size_t n)
{
    mlpc_norm_job *const job = &call->job;
    if (job->F == 0)
        return 0;
    call->statistics = PyMem_Calloc(2 * n + 1, sizeof *call->statistics);
    if (call->statistics == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    job->mean = call->statistics;
    job->rstd = call->statistics + n;
    Py_BEGIN_ALLOW_THREADS
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    kernels(call->table, job);
    mlpc_fpmode_leave(mode);
    Py_END_ALLOW_THREADS
    return 0;
}

/* ---- Layer norm -------------------------------------------------------------------------------------------------- */

static void forward_rows(const mlpc_kernels *table, mlpc_norm_job *job) { table->layer_norm_forward(job); }

static void backward_rows(const mlpc_kernels *table, mlpc_norm_job *job)
{
    table->layer_norm_forward(job);
    table->layer_norm_gradients(job);
    table->layer_norm_backward(job);
}

/* (x, gain, shift, eps, out) */
static PyObject *layer_norm_forward(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    norm_call call = {.dtype = MLPC_N_DTYPES};
    PyObject *result = NULL;
    if (args_count("layer_norm_forward", nargs, 5) == 0 && parse(&call, module, args[0], args[1], args[3]) == 0 &&
        parse_forward(&call, args[2], args[4]) == 0 && run(&call, forward_rows, call.job.B) == 0)
        result = Py_NewRef((PyObject *)call.to);
    clear(&call);
    return result;
}

/* (dy, x, gain, eps) */
static PyObject *layer_norm_backward(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    norm_call call = {.dtype = MLPC_N_DTYPES};
    PyObject *result = NULL;
    if (args_count("layer_norm_backward", nargs, 4) == 0 && parse(&call, module, args[1], args[2], args[3]) == 0 &&
        parse_backward(&call, args[0]) == 0 && run(&call, backward_rows, call.job.B) == 0)
        result = PyTuple_Pack(3, call.to, call.dgain, call.dshift);
    clear(&call);
    return result;
}

/* ---- Batch norm -------------------------------------------------------------------------------------------------- */

/* Whether statistics are those of the batch, which one row has none of. */
static int parse_mode(norm_call *call, PyObject *training)
{
    int trains;
    if (args_bool(training, &trains) < 0)
        return -1;
    call->job.fixed = !trains;
    if (!trains || call->job.B != 1)
        return 0;
    PyErr_SetString(PyExc_ValueError, "x: expected at least two rows where training is True, got 1");
    return -1;
}

/* One of the running statistics, which training writes into and others read. */
static PyArrayObject *parse_running(norm_call *call, const char *name, PyObject *object)
{
    const npy_intp F = PyArray_DIM(call->x, 1);
    if (!call->job.fixed)
        return args_inplace(name, object, 1, &F, call->dtype);
    if (object != Py_None)
        return of_features(name, object, call);
    PyErr_Format(PyExc_TypeError, "%s: expected an array where training is False, got None", name);
    return NULL;
}

/* Where both are None, training keeps none. */
static int parse_both_running(norm_call *call, PyObject *mean, PyObject *var)
{
    if (!call->job.fixed && mean == Py_None && var == Py_None)
        return 0;
    if ((call->running_mean = parse_running(call, "running_mean", mean)) == NULL ||
        (call->running_var = parse_running(call, "running_var", var)) == NULL)
        return -1;
    call->job.running_mean = PyArray_DATA(call->running_mean);
    call->job.running_var = PyArray_DATA(call->running_var);
    return 0;
}

/* out, and what training writes, lie apart from all else. */
static int running_are_disjoint(const norm_call *call)
{
    PyArrayObject *const both[] = {call->running_mean, call->running_var};
    static const char *const names[] = {"running_mean", "running_var"};
    const int trains = !call->job.fixed;
    for (int i = 0; i < 2 && both[i] != NULL; i++)
        if (args_disjoint("out", call->to, names[i], both[i]) < 0 ||
            (trains && (args_disjoint(names[i], both[i], "x", call->x) < 0 ||
                        args_disjoint(names[i], both[i], "gain", call->gain) < 0 ||
                        args_disjoint(names[i], both[i], "shift", call->shift) < 0)))
            return -1;
    return trains && both[1] != NULL ? args_disjoint(names[1], both[1], names[0], both[0]) : 0;
}

/* In training a batch without rows has no statistics, and leaves the running ones alone. */
static void forward_features(const mlpc_kernels *table, mlpc_norm_job *job)
{
    if (job->B > 0)
        table->batch_norm_forward(job);
}

static void apply_features(const mlpc_kernels *table, mlpc_norm_job *job)
{
    table->batch_norm_fold(job);
    table->batch_norm_apply(job);
}

static void backward_features(const mlpc_kernels *table, mlpc_norm_job *job)
{
    if (job->fixed)
        table->batch_norm_fold(job);
    else
        forward_features(table, job);
    table->batch_norm_backward(job);
}

/* (x, gain, shift, running_mean, running_var, training, momentum, eps, out) */
static PyObject *batch_norm_forward(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    norm_call call = {.dtype = MLPC_N_DTYPES};
    PyObject *result = NULL;
    if (args_count("batch_norm_forward", nargs, 9) < 0 || parse(&call, module, args[0], args[1], args[7]) < 0 ||
        args_setting(&args_norm_settings[1], args[6], call.dtype, &call.job.momentum) < 0 ||
        parse_forward(&call, args[2], args[8]) < 0 || parse_mode(&call, args[5]) < 0 ||
        parse_both_running(&call, args[3], args[4]) < 0 || running_are_disjoint(&call) < 0)
        goto exit;
    const npy_intp F = PyArray_DIM(call.x, 1);
    if (call.job.fixed) { /* memory for s and t */
        call.dgain = args_out(Py_None, 1, &F, call.dtype);
        call.dshift = args_out(Py_None, 1, &F, call.dtype);
        if (call.dgain == NULL || call.dshift == NULL)
            goto exit;
        call.job.s = PyArray_DATA(call.dgain);
        call.job.t = PyArray_DATA(call.dshift);
    }
    if (run(&call, call.job.fixed ? apply_features : forward_features, call.job.F) == 0)
        result = Py_NewRef((PyObject *)call.to);
exit:
    clear(&call);
    return result;
}

/* (dy, x, gain, running_mean, running_var, training, eps) */
static PyObject *batch_norm_backward(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    norm_call call = {.dtype = MLPC_N_DTYPES};
    PyObject *result = NULL;
    if (args_count("batch_norm_backward", nargs, 7) == 0 && parse(&call, module, args[1], args[2], args[6]) == 0 &&
        parse_backward(&call, args[0]) == 0 && parse_mode(&call, args[5]) == 0 &&
        (!call.job.fixed || parse_both_running(&call, args[3], args[4]) == 0) &&
        run(&call, backward_features, call.job.F) == 0)
        result = PyTuple_Pack(3, call.to, call.dgain, call.dshift);
    clear(&call);
    return result;
}

/* (norm) */
static PyObject *norm_settings(PyObject *Py_UNUSED(module), PyObject *norm)
{
    mlpc_block block;
    if (args_norm(norm, MLPC_FLOAT64, &block) < 0)
        return NULL;
    switch (block.norm) {
    case MLPC_NORM_batch: return Py_BuildValue("(dd)", block.eps, block.momentum);
    case MLPC_NORM_layer: return Py_BuildValue("(d)", block.eps);
    default: return PyTuple_New(0);
    }
}

PyMethodDef bind_norms_methods[] = {
    {"norm_settings", norm_settings, METH_O,
     "norm_settings(norm, /)\n--\n\neps and, of batch norm, momentum, checked; () of None."},
    {"layer_norm_forward", FAST(layer_norm_forward),
     "layer_norm_forward(x, gain, shift, eps, out, /)\n--\n\ny of every row."},
    {"layer_norm_backward", FAST(layer_norm_backward),
     "layer_norm_backward(dy, x, gain, eps, /)\n--\n\n(dx, dgain, dshift)."},
    {"batch_norm_forward", FAST(batch_norm_forward),
     "batch_norm_forward(x, gain, shift, running_mean, running_var, training, momentum, eps, out, /)\n--\n\n"
     "y of every feature."},
    {"batch_norm_backward", FAST(batch_norm_backward),
     "batch_norm_backward(dy, x, gain, running_mean, running_var, training, eps, /)\n--\n\n(dx, dgain, dshift)."},
    {NULL, NULL, 0, NULL},
};
