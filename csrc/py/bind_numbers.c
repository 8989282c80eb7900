/* Conversions, schedules and random numbers: what Python needs to do as C does, whatever the floating-point mode. */
#include "args_input.h"
#include "args_optimizer.h"
#include "errors.h"
#include "names.h"
#include "poll.h"

static PyObject *initial_values(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    return names_list(names_inits, MLPC_N_INITS);
}

static PyObject *as_real(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    if (args_count("as_real", nargs, 3) < 0)
        return NULL;
    const char *const name = PyUnicode_AsUTF8(args[0]);
    const int dtype = name == NULL ? -1 : args_dtype(args[2]);
    return dtype < 0 ? NULL : (PyObject *)args_real(name, args[1], (mlpc_dtype)dtype);
}

static PyObject *numbers(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    args_input x;
    if (args_count("numbers", nargs, 3) < 0)
        return NULL;
    const int dtype = args_dtype(args[2]);
    if (dtype < 0)
        return NULL;
    const mlpc_kernels *const kernels = module_kernels(module_state_of(module), (mlpc_dtype)dtype);
    const int status = args_input_parse(&x, args[0], args[1], (mlpc_dtype)dtype, ARGS_ANY) < 0 ||
                       args_input_to_numbers(&x, kernels) < 0;
    PyObject *const result = status ? NULL : Py_NewRef((PyObject *)x.numbers);
    args_input_clear(&x);
    return result;
}

/* (name, lr, warmup, settings) */
static int parse_schedule(mlpc_schedule *schedule, PyObject *tuple)
{
    if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != 4 || !PyUnicode_Check(PyTuple_GET_ITEM(tuple, 0))) {
        PyErr_Format(PyExc_TypeError, "schedule: expected (name, lr, warmup, settings), got %R", tuple);
        return -1;
    }
    const char *const name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(tuple, 0));
    *schedule = (mlpc_schedule){.row = name == NULL ? NULL : mlpc_schedule_named(name)};
    if (schedule->row == NULL) {
        PyErr_Format(PyExc_ValueError, "schedule: expected the name of a row of schedules(), got %R",
                     PyTuple_GET_ITEM(tuple, 0));
        return -1;
    }
    return args_double("lr", PyTuple_GET_ITEM(tuple, 1), &schedule->lr) < 0 ||
                   args_double("warmup", PyTuple_GET_ITEM(tuple, 2), &schedule->warmup) < 0
               ? -1
               : args_settings("schedule", schedule->row->settings, PyTuple_GET_ITEM(tuple, 3), MLPC_FLOAT64,
                               schedule->settings);
}

static PyObject *learning_rate(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    mlpc_schedule schedule;
    double t;
    if (args_count("learning_rate", nargs, 2) < 0 || parse_schedule(&schedule, args[0]) < 0 ||
        args_double("t", args[1], &t) < 0)
        return NULL;
    return PyFloat_FromDouble(mlpc_learning_rate(&schedule, t));
}

static PyObject *learning_rates(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    mlpc_schedule schedule;
    double t0;
    size_t steps;
    if (args_count("learning_rates", nargs, 3) < 0 || parse_schedule(&schedule, args[0]) < 0 ||
        args_double("t0", args[1], &t0) < 0 || args_size("steps", args[2], 0, &steps) < 0)
        return NULL;
    const npy_intp shape[1] = {(npy_intp)steps};
    PyObject *result = PyArray_SimpleNew(1, shape, NPY_FLOAT64);
    if (result != NULL)
        mlpc_learning_rates(&schedule, t0, steps, PyArray_DATA((PyArrayObject *)result));
    return result;
}

/* ---- Random numbers ---------------------------------------------------------------------------------------------- */

typedef struct {
    uint64_t seed;
    mlpc_stream stream;
    uint32_t index;
} address;

static int parse_address(PyObject *const *args, address *to)
{
    uint64_t stream, index;
    if (args_integer("seed", args[0], 0, UINT64_MAX, &to->seed) < 0 ||
        args_integer("stream", args[1], MLPC_STREAM_INIT, MLPC_STREAM_NOISE, &stream) < 0 ||
        args_integer("index", args[2], 0, UINT32_MAX, &index) < 0)
        return -1;
    to->stream = (mlpc_stream)stream;
    to->index = (uint32_t)index;
    return 0;
}

static PyObject *philox(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    address from;
    uint64_t counter;
    if (args_count("philox", nargs, 4) < 0 || parse_address(args, &from) < 0 ||
        args_integer("counter", args[3], 0, UINT64_MAX, &counter) < 0)
        return NULL;
    uint32_t out[4];
    mlpc_philox(out, from.seed, from.stream, from.index, counter);
    return Py_BuildValue("IIII", (unsigned)out[0], (unsigned)out[1], (unsigned)out[2], (unsigned)out[3]);
}

static PyObject *random_normal(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    address from;
    size_t n;
    if (args_count("random_normal", nargs, 4) < 0 || parse_address(args, &from) < 0 ||
        args_size("n", args[3], 0, &n) < 0)
        return NULL;
    const npy_intp shape[1] = {(npy_intp)n};
    PyObject *result = PyArray_SimpleNew(1, shape, NPY_FLOAT64);
    if (result != NULL) {
        double *const data = PyArray_DATA((PyArrayObject *)result);
        Py_BEGIN_ALLOW_THREADS
        for (size_t i = 0; i < n; i++)
            data[i] = mlpc_random_normal(from.seed, from.stream, from.index, i);
        Py_END_ALLOW_THREADS
    }
    return result;
}

static PyObject *shuffle(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    size_t n;
    uint64_t seed, epoch;
    if (args_count("shuffle", nargs, 3) < 0 || args_size("n", args[0], 0, &n) < 0 ||
        args_integer("seed", args[1], 0, UINT64_MAX, &seed) < 0 ||
        args_integer("epoch", args[2], 0, UINT32_MAX, &epoch) < 0)
        return NULL;
    const npy_intp shape[1] = {(npy_intp)n};
    PyObject *result = PyArray_SimpleNew(1, shape, NPY_INTP);
    if (result != NULL) {
        size_t *const order = PyArray_DATA((PyArrayObject *)result);
        poll_state poll;
        poll_begin(&poll, NULL);
        const mlpc_status status = mlpc_shuffle(order, n, seed, (uint32_t)epoch, &poll.poll);
        poll_end(&poll);
        if (status != MLPC_OK) {
            Py_DECREF(result);
            return errors_raise(status);
        }
    }
    return result;
}

PyMethodDef bind_numbers_methods[] = {
    {"initial_values", initial_values, METH_NOARGS, "initial_values()\n--\n\nNames for Net._initialize."},
    {"as_real", FAST(as_real), "as_real(name, x, dtype, /)\n--\n\nReal numbers in a dtype, C-contiguous."},
    {"numbers", FAST(numbers), "numbers(x, scale, dtype, /)\n--\n\nInput as an array of numbers."},
    {"learning_rate", FAST(learning_rate),
     "learning_rate(schedule, t, /)\n--\n\nThe learning rate at time t, in epochs."},
    {"learning_rates", FAST(learning_rates),
     "learning_rates(schedule, t0, steps, /)\n--\n\nThose of the steps of an epoch that begins at t0."},
    {"philox", FAST(philox), "philox(seed, stream, index, counter, /)\n--\n\nOne block of Philox4x32-10."},
    {"random_normal", FAST(random_normal),
     "random_normal(seed, stream, index, n, /)\n--\n\nThe stream's first n normal variates."},
    {"shuffle", FAST(shuffle), "shuffle(n, seed, epoch, /)\n--\n\nThe permutation of 0..n-1 of an epoch."},
    {NULL, NULL, 0, NULL},
};
