/* What forward draws in train mode, for arrays as they are: masks of dropout and noise. */
#include "../core/draw.h"
#include "../core/fpmode.h"
#include "args.h"
#include "args_plan.h"

static void run_dropout(const mlpc_kernels *table, double p, const mlpc_draw *draw, size_t layer,
                        PyArrayObject *const arrays[2])
{
    const void *const from = PyArray_DATA(arrays[0]);
    void *const to = PyArray_DATA(arrays[1]);
    const size_t rows = (size_t)PyArray_DIM(arrays[0], 0), columns = (size_t)PyArray_DIM(arrays[0], 1);
    if (rows == 0 || columns == 0)
        return;
    Py_BEGIN_ALLOW_THREADS
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    const mlpc_mask mask = mlpc_mask_of(p, draw, layer);
    table->dropout(to, from, columns, &mask, 0, rows, columns);
    mlpc_fpmode_leave(mode);
    Py_END_ALLOW_THREADS
}

static PyObject *dropout(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    mlpc_dtype dtype = MLPC_N_DTYPES;
    mlpc_draw draw;
    double p;
    uint64_t layer;
    PyArrayObject *x = NULL, *out = NULL;
    if (args_count("dropout", nargs, 5) < 0 || args_probability("p", args[1], &p) < 0 ||
        args_draws(args[2], &draw) < 0 || args_integer("layer", args[3], 0, UINT32_MAX / MLPC_STREAMS, &layer) < 0 ||
        (x = args_float("x", args[0], &dtype)) == NULL || args_shape2("x", x, ARGS_ANY, ARGS_ANY) < 0)
        goto exit;
    out = args_out(args[4], 2, PyArray_DIMS(x), dtype);
    if (out == NULL || args_disjoint("out", out, "x", x) < 0) {
        Py_CLEAR(out);
        goto exit;
    }
    run_dropout(module_kernels(module_state_of(module), dtype), p, &draw, (size_t)layer,
                (PyArrayObject *const[]){x, out});
exit:
    Py_XDECREF(x);
    return (PyObject *)out;
}

static void run_noise(const mlpc_kernels *table, double deviation, const mlpc_draw *draw,
                      PyArrayObject *const arrays[2])
{
    const void *const from = PyArray_DATA(arrays[0]);
    void *const to = PyArray_DATA(arrays[1]);
    const size_t rows = (size_t)PyArray_DIM(arrays[0], 0), columns = (size_t)PyArray_DIM(arrays[0], 1);
    const mlpc_words words = mlpc_noise_of(draw);
    if (rows == 0 || columns == 0)
        return;
    Py_BEGIN_ALLOW_THREADS
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    table->noise(to, from, columns, &words, deviation, 0, rows, columns);
    mlpc_fpmode_leave(mode);
    Py_END_ALLOW_THREADS
}

static PyObject *input_noise(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    mlpc_dtype dtype = MLPC_N_DTYPES;
    mlpc_draw draw;
    double deviation;
    PyArrayObject *x = NULL, *out = NULL;
    if (args_count("input_noise", nargs, 4) < 0 || args_double("deviation", args[1], &deviation) < 0 ||
        args_draws(args[2], &draw) < 0 || (x = args_float("x", args[0], &dtype)) == NULL ||
        args_shape2("x", x, ARGS_ANY, ARGS_ANY) < 0)
        goto exit;
    out = args_out(args[3], 2, PyArray_DIMS(x), dtype);
    if (out == NULL || args_disjoint("out", out, "x", x) < 0) {
        Py_CLEAR(out);
        goto exit;
    }
    run_noise(module_kernels(module_state_of(module), dtype), deviation, &draw, (PyArrayObject *const[]){x, out});
exit:
    Py_XDECREF(x);
    return (PyObject *)out;
}

PyMethodDef bind_draws_methods[] = {
    {"dropout", FAST(dropout),
     "dropout(x, p, draws, layer, out, /)\n--\n\nx / (1 - p) where the mask keeps it, else 0."},
    {"input_noise", FAST(input_noise), "input_noise(x, deviation, draws, out, /)\n--\n\nx with normal noise."},
    {NULL, NULL, 0, NULL},
};
