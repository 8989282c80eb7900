/* One function per kernel, for arrays as they are: nothing is converted but layout, and `out` never overlaps an input.
 *
 * A kernel whose output is empty is not called: its loops may run over an extent that no memory bounds, since an array
 * of shape (2**62, 0) exists. */
#include "../core/fpmode.h"
#include "../core/memory.h"
#include "bind_objective.h"
#include "errors.h"
#include "names.h"
#include "poll.h"

static PyObject *kernels(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none)) { return names_kernels(); }

/* ---- The linear layer -------------------------------------------------------------------------------------------- */

/* A weight (n_out, n_in) as the kernels read it: (n_in, n_out) C-contiguous, no copy where it is a transposed view. */
static PyArrayObject *transposed_weight(PyObject *object, mlpc_dtype *dtype, npy_intp n_in)
{
    PyArrayObject *result = NULL;
    PyArrayObject *any = args_seen(object);
    PyObject *transposed = any == NULL ? NULL : PyArray_Transpose(any, NULL);
    if (transposed != NULL && (result = args_float("weight", transposed, dtype)) != NULL &&
        args_shape2("weight", any, ARGS_ANY, n_in) < 0)
        Py_CLEAR(result);
    Py_XDECREF(transposed);
    Py_XDECREF(any);
    return result;
}

/* The kernels of the forward product: for any number of rows, for few, and without the zeros of x. */
static const char *const forward_kernels[] = {"linear_forward", "linear_forward_few", "linear_forward_skip"};

/* Scratch memory for kernels; NULL with MemoryError. */
static void *scratch_memory(void)
{
    void *const scratch = mlpc_block_alloc_dirty(MLPC_SCRATCH);
    return scratch == NULL ? PyErr_NoMemory() : scratch;
}

static int run_linear_forward(const mlpc_kernels *table, int kernel, PyArrayObject *z, PyArrayObject *x,
                              PyArrayObject *w, PyArrayObject *bias)
{
    void *const z_data = PyArray_DATA(z);
    const void *const x_data = PyArray_DATA(x), *const w_data = PyArray_DATA(w), *const b_data = PyArray_DATA(bias);
    const size_t B = (size_t)PyArray_DIM(x, 0), I = (size_t)PyArray_DIM(w, 0), O = (size_t)PyArray_DIM(w, 1);
    if (B == 0 || O == 0)
        return 0;
    void *const scratch = scratch_memory();
    if (scratch == NULL)
        return -1;
    Py_BEGIN_ALLOW_THREADS
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    (kernel == 0   ? table->linear_forward
     : kernel == 1 ? table->linear_forward_few
                   : table->linear_forward_skip)(z_data, x_data, w_data, b_data, B, I, O, scratch);
    mlpc_fpmode_leave(mode);
    Py_END_ALLOW_THREADS
    mlpc_block_free(scratch);
    return 0;
}

static PyObject *linear_forward(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    mlpc_dtype dtype = MLPC_N_DTYPES;
    PyArrayObject *x = NULL, *w = NULL, *bias = NULL, *z = NULL;
    int kernel = 0;
    if ((nargs != 4 && args_count("linear_forward", nargs, 5) < 0) ||
        (nargs == 5 && (kernel = names_find("kernel", args[4], forward_kernels, 3)) < 0) ||
        (x = args_float("x", args[0], &dtype)) == NULL || args_shape2("x", x, ARGS_ANY, ARGS_ANY) < 0 ||
        (w = transposed_weight(args[1], &dtype, PyArray_DIM(x, 1))) == NULL ||
        (bias = args_float("bias", args[2], &dtype)) == NULL || args_shape1("bias", bias, PyArray_DIM(w, 1)) < 0)
        goto exit;
    const npy_intp shape[2] = {PyArray_DIM(x, 0), PyArray_DIM(w, 1)};
    z = args_out(args[3], 2, shape, dtype);
    if (z == NULL || args_disjoint("out", z, "x", x) < 0 || args_disjoint("out", z, "weight", w) < 0 ||
        args_disjoint("out", z, "bias", bias) < 0 ||
        run_linear_forward(module_kernels(module_state_of(module), dtype), kernel, z, x, w, bias) < 0)
        Py_CLEAR(z);
exit:
    Py_XDECREF(bias);
    Py_XDECREF(w);
    Py_XDECREF(x);
    return (PyObject *)z;
}

typedef struct {
    PyArrayObject *dx, *dw, *db;
} linear_gradients;

static int run_linear_backward(const mlpc_kernels *table, const linear_gradients *to, PyArrayObject *dz,
                               PyArrayObject *x, PyArrayObject *w)
{
    void *const dx = PyArray_DATA(to->dx), *const dw = PyArray_DATA(to->dw), *const db = PyArray_DATA(to->db);
    const void *const dz_data = PyArray_DATA(dz), *const x_data = PyArray_DATA(x), *const w_data = PyArray_DATA(w);
    const size_t B = (size_t)PyArray_DIM(x, 0), I = (size_t)PyArray_DIM(w, 0), O = (size_t)PyArray_DIM(w, 1);
    void *const scratch = scratch_memory();
    if (scratch == NULL)
        return -1;
    Py_BEGIN_ALLOW_THREADS
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    if (B > 0 && I > 0)
        table->linear_backward_x(dx, dz_data, w_data, B, I, O, scratch);
    if (I > 0 && O > 0)
        table->linear_backward_w(dw, x_data, I, dz_data, B, I, O, scratch);
    if (O > 0)
        table->linear_backward_b(db, dz_data, O, B, O);
    mlpc_fpmode_leave(mode);
    Py_END_ALLOW_THREADS
    mlpc_block_free(scratch);
    return 0;
}

/* (dx, dw, db), dw as (n_out, n_in). */
static PyObject *pack_gradients(const linear_gradients *from)
{
    PyObject *result = NULL;
    PyObject *dw = PyArray_Transpose(from->dw, NULL);
    if (dw != NULL)
        result = PyTuple_Pack(3, from->dx, dw, from->db);
    Py_XDECREF(dw);
    return result;
}

static PyObject *linear_backward(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    mlpc_dtype dtype = MLPC_N_DTYPES;
    PyArrayObject *dz = NULL, *x = NULL, *w = NULL;
    linear_gradients to = {NULL, NULL, NULL};
    PyObject *result = NULL;
    if (args_count("linear_backward", nargs, 3) < 0 || (dz = args_float("dz", args[0], &dtype)) == NULL ||
        (x = args_float("x", args[1], &dtype)) == NULL || args_shape2("x", x, ARGS_ANY, ARGS_ANY) < 0 ||
        (w = transposed_weight(args[2], &dtype, PyArray_DIM(x, 1))) == NULL ||
        args_shape2("dz", dz, PyArray_DIM(x, 0), PyArray_DIM(w, 1)) < 0)
        goto exit;
    to.dx = args_out(Py_None, 2, PyArray_DIMS(x), dtype);
    to.dw = args_out(Py_None, 2, PyArray_DIMS(w), dtype);
    to.db = args_out(Py_None, 1, PyArray_DIMS(w) + 1, dtype);
    if (to.dx != NULL && to.dw != NULL && to.db != NULL &&
        run_linear_backward(module_kernels(module_state_of(module), dtype), &to, dz, x, w) == 0)
        result = pack_gradients(&to);
exit:
    Py_XDECREF(to.db);
    Py_XDECREF(to.dw);
    Py_XDECREF(to.dx);
    Py_XDECREF(w);
    Py_XDECREF(x);
    Py_XDECREF(dz);
    return result;
}

/* ---- Losses ------------------------------------------------------------------------------------------------------ */

/* Logits (n, k), k >= 1, and the objective that fits them. */
static PyArrayObject *parse_logits(PyObject *module, PyObject *object, mlpc_dtype *dtype, const mlpc_kernels **table)
{
    PyArrayObject *z = args_float("z", object, dtype);
    if (z == NULL)
        return NULL;
    if (args_shape2("z", z, ARGS_ANY, ARGS_ANY) < 0) {
        Py_CLEAR(z);
    } else if (PyArray_DIM(z, 1) == 0) {
        PyErr_SetString(PyExc_ValueError, "z: expected at least one column, got 0");
        Py_CLEAR(z);
    }
    *table = module_kernels(module_state_of(module), *dtype);
    return z;
}

static mlpc_status run_loss(const mlpc_kernels *table, const args_objective *objective, PyArrayObject *z,
                            PyArrayObject *dz, double *row_loss, double *value)
{
    const void *const z_data = PyArray_DATA(z);
    void *const dz_data = PyArray_DATA(dz);
    const size_t B = (size_t)PyArray_DIM(z, 0), O = (size_t)PyArray_DIM(z, 1);
    poll_state state;
    const mlpc_poll *const poll = poll_begin_work(&state, mlpc_loss_terms(B, O), table->piece);
    const mlpc_status status = mlpc_loss_evaluate(&objective->objective, table, z_data, value, dz_data, row_loss, poll);
    poll_end(&state);
    return status;
}

static PyObject *loss(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    mlpc_dtype dtype = MLPC_N_DTYPES;
    const mlpc_kernels *table;
    PyArrayObject *z = NULL, *dz = NULL;
    double *row_loss = NULL, value;
    args_objective objective = {0};
    PyObject *result = NULL;
    if (args_count("loss", nargs, 5) < 0 || (z = parse_logits(module, args[0], &dtype, &table)) == NULL ||
        args_rows_at_least_one("z", z) < 0 ||
        objective_parse(module_state_of(module), &objective, dtype, PyArray_DIM(z, 1), args[2], args[1], args[3]) < 0 ||
        args_objective_rows(&objective, PyArray_DIM(z, 0)) < 0 ||
        (dz = args_out(args[4], 2, PyArray_DIMS(z), dtype)) == NULL || args_disjoint("out", dz, "z", z) < 0 ||
        args_objective_disjoint("out", dz, &objective) < 0)
        goto exit;
    row_loss = PyMem_Calloc((size_t)PyArray_DIM(z, 0), sizeof(double));
    if (row_loss == NULL) {
        PyErr_NoMemory();
        goto exit;
    }
    const mlpc_status status = run_loss(table, &objective, z, dz, row_loss, &value);
    result = status == MLPC_OK ? Py_BuildValue("dO", value, (PyObject *)dz) : errors_raise(status);
exit:
    PyMem_Free(row_loss);
    args_objective_clear(&objective);
    Py_XDECREF(dz);
    Py_XDECREF(z);
    return result;
}

PyMethodDef bind_ops_methods[] = {
    {"kernels", kernels, METH_NOARGS, "kernels()\n--\n\nFamilies of kernels and the names in each."},
    {"linear_forward", FAST(linear_forward),
     "linear_forward(x, weight, bias, out, kernel='linear_forward', /)\n--\n\nz = x @ weight.T + bias."},
    {"linear_backward", FAST(linear_backward),
     "linear_backward(dz, x, weight, /)\n--\n\n(dx, dw, db) of z = x @ weight.T + bias."},
    {"loss", FAST(loss), "loss(z, y, loss, sample_weight, out, /)\n--\n\n(L, dL/dz)."},
    {NULL, NULL, 0, NULL},
};
