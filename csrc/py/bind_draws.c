/* What forward draws in train mode, for arrays as they are: masks of dropout and noise. */
#include "../core/draw.h"
#include "../core/fpmode.h"
#include "args.h"
#include "args_plan.h"

/* What is drawn, and what is made of it. */
typedef struct {
    int drops; /* or noise is added */
    double p, deviation;
    mlpc_draw draw;
    uint64_t layer;
} drawing;

/* To `to` (rows, columns) from an array of the same shape. */
static void run(const mlpc_kernels *table, const drawing *d, PyArrayObject *to, PyArrayObject *from)
{
    void *const y = PyArray_DATA(to);
    const void *const x = PyArray_DATA(from);
    const size_t rows = (size_t)PyArray_DIM(from, 0), columns = (size_t)PyArray_DIM(from, 1);
    if (rows == 0 || columns == 0)
        return;
    Py_BEGIN_ALLOW_THREADS
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    const mlpc_mask mask = mlpc_mask_of(d->p, &d->draw, (size_t)d->layer);
    const mlpc_words words = mlpc_noise_of(&d->draw);
    if (d->drops)
        table->dropout(y, x, columns, &mask, 0, rows, columns);
    else
        table->noise(y, x, columns, &words, d->deviation, 0, rows, columns);
    mlpc_fpmode_leave(mode);
    Py_END_ALLOW_THREADS
}

/* The new array, or `out`, made from x; deviation: the object that it comes from, NULL where there is none. */
static PyObject *drawn(PyObject *module, drawing *d, PyObject *object, PyObject *deviation, PyObject *out)
{
    mlpc_dtype dtype = MLPC_N_DTYPES;
    PyArrayObject *y = NULL, *x = args_float("x", object, &dtype);
    if (x != NULL && args_shape2("x", x, ARGS_ANY, ARGS_ANY) == 0 &&
        (deviation == NULL || args_deviation("deviation", deviation, dtype, &d->deviation) == 0))
        y = args_out(out, 2, PyArray_DIMS(x), dtype);
    if (y != NULL && args_disjoint("out", y, "x", x) < 0)
        Py_CLEAR(y);
    if (y != NULL)
        run(module_kernels(module_state_of(module), dtype), d, y, x);
    Py_XDECREF(x);
    return (PyObject *)y;
}

static PyObject *dropout(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    drawing d = {.drops = 1};
    if (args_count("dropout", nargs, 5) < 0 || args_probability("p", args[1], &d.p) < 0 ||
        args_draws(args[2], &d.draw) < 0 || args_integer("layer", args[3], 0, UINT32_MAX / MLPC_STREAMS, &d.layer) < 0)
        return NULL;
    return drawn(module, &d, args[0], NULL, args[4]);
}

static PyObject *input_noise(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    drawing d = {.drops = 0};
    if (args_count("input_noise", nargs, 4) < 0 || args_draws(args[2], &d.draw) < 0)
        return NULL;
    return drawn(module, &d, args[0], args[1], args[3]);
}

PyMethodDef bind_draws_methods[] = {
    {"dropout", FAST(dropout),
     "dropout(x, p, draws, layer, out, /)\n--\n\nx / (1 - p) where the mask keeps it, else 0."},
    {"input_noise", FAST(input_noise), "input_noise(x, deviation, draws, out, /)\n--\n\nx with normal noise."},
    {NULL, NULL, 0, NULL},
};
