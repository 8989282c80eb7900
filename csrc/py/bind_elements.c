/* Kernels that work on arrays element by element or row by row, see bind_ops.c for what holds of all. */
#include "../core/fpmode.h"
#include "../core/rows.h"
#include "args.h"
#include "names.h"

/* ---- Element by element, row by row ------------------------------------------------------------------------------ */

typedef void unary(void *y, const void *x, size_t n);

static void run_unary(unary *kernel, PyArrayObject *y, PyArrayObject *x)
{
    void *const to = PyArray_DATA(y);
    const void *const from = PyArray_DATA(x);
    const size_t n = (size_t)PyArray_SIZE(x);
    Py_BEGIN_ALLOW_THREADS
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    kernel(to, from, n);
    mlpc_fpmode_leave(mode);
    Py_END_ALLOW_THREADS
}

/* An array, and one for what is computed of each of its elements. */
typedef struct {
    PyArrayObject *x, *out;
    mlpc_dtype dtype;
} operands;

static int parse_operands(operands *to, const char *x_name, PyObject *x, PyObject *out)
{
    *to = (operands){.dtype = MLPC_N_DTYPES};
    if ((to->x = args_float(x_name, x, &to->dtype)) != NULL &&
        (to->out = args_out(out, PyArray_NDIM(to->x), PyArray_DIMS(to->x), to->dtype)) != NULL &&
        args_disjoint("out", to->out, x_name, to->x) == 0)
        return 0;
    Py_CLEAR(to->x);
    Py_CLEAR(to->out);
    return -1;
}

static PyObject *map(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    operands o;
    if (args_count("map", nargs, 3) < 0)
        return NULL;
    const int index = names_find("name", args[0], names_maps, MLPC_N_MAPS);
    if (index < 0 || parse_operands(&o, "x", args[1], args[2]) < 0)
        return NULL;
    run_unary(module_kernels(module_state_of(module), o.dtype)->map[index], o.out, o.x);
    Py_DECREF(o.x);
    return (PyObject *)o.out;
}

static void run_activation_forward(const mlpc_kernels *table, const mlpc_block *block, PyArrayObject *a,
                                   PyArrayObject *z)
{
    void *const to = PyArray_DATA(a);
    const void *const from = PyArray_DATA(z);
    const size_t n = (size_t)PyArray_SIZE(z);
    Py_BEGIN_ALLOW_THREADS
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    table->activation_forward[block->activation](to, from, block->setting, n);
    mlpc_fpmode_leave(mode);
    Py_END_ALLOW_THREADS
}

/* The array is parsed first: its dtype says what a setting may be. */
static PyObject *activation_forward(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    operands o;
    mlpc_block block;
    if (args_count("activation_forward", nargs, 3) < 0 || parse_operands(&o, "z", args[1], args[2]) < 0)
        return NULL;
    if (args_block("activation", args[0], o.dtype, &block) < 0)
        Py_CLEAR(o.out);
    else
        run_activation_forward(module_kernels(module_state_of(module), o.dtype), &block, o.out, o.x);
    Py_DECREF(o.x);
    return (PyObject *)o.out;
}

/* A caller has z; the kernels of the derivative read a = f(z) too, which is computed here into an array for that. */
static void run_activation_backward(const mlpc_kernels *table, const mlpc_block *block, PyArrayObject *dz,
                                    PyArrayObject *da, PyArrayObject *z, PyArrayObject *a)
{
    void *const dz_data = PyArray_DATA(dz), *const a_data = PyArray_DATA(a);
    const void *const da_data = PyArray_DATA(da), *const z_data = PyArray_DATA(z);
    const size_t n = (size_t)PyArray_SIZE(z);
    Py_BEGIN_ALLOW_THREADS
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    table->activation_forward[block->activation](a_data, z_data, block->setting, n);
    table->activation_backward[block->activation](dz_data, da_data, z_data, a_data, block->setting, n);
    mlpc_fpmode_leave(mode);
    Py_END_ALLOW_THREADS
}

static PyObject *activation_backward(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    mlpc_dtype dtype = MLPC_N_DTYPES;
    mlpc_block block;
    PyArrayObject *z = NULL, *a = NULL, *dz = NULL, *da = NULL;
    if (args_count("activation_backward", nargs, 4) < 0)
        return NULL;
    if ((da = args_float("da", args[1], &dtype)) == NULL || args_block("activation", args[0], dtype, &block) < 0 ||
        (z = args_float("z", args[2], &dtype)) == NULL || args_shape("z", z, PyArray_NDIM(da), PyArray_DIMS(da)) < 0 ||
        (a = args_out(Py_None, PyArray_NDIM(z), PyArray_DIMS(z), dtype)) == NULL)
        goto exit;
    dz = args_out(args[3], PyArray_NDIM(z), PyArray_DIMS(z), dtype);
    if (dz == NULL || args_disjoint("out", dz, "da", da) < 0 || args_disjoint("out", dz, "z", z) < 0) {
        Py_CLEAR(dz);
        goto exit;
    }
    run_activation_backward(module_kernels(module_state_of(module), dtype), &block, dz, da, z, a);
exit:
    Py_XDECREF(a);
    Py_XDECREF(z);
    Py_XDECREF(da);
    return (PyObject *)dz;
}

static PyObject *activation_setting(PyObject *Py_UNUSED(module), PyObject *activation)
{
    mlpc_block block;
    if (args_block("activation", activation, MLPC_FLOAT64, &block) < 0)
        return NULL;
    const char *const setting = mlpc_activation_of(block.activation)->setting;
    return setting == NULL ? Py_NewRef(Py_None) : Py_BuildValue("(sd)", setting, block.setting);
}

static void run_rowwise(const mlpc_kernels *table, int index, PyArrayObject *y, PyArrayObject *x)
{
    void *const to = PyArray_DATA(y);
    const void *const from = PyArray_DATA(x);
    const size_t rows = (size_t)PyArray_DIM(x, 0), columns = (size_t)PyArray_DIM(x, 1);
    if (rows == 0 || columns == 0)
        return;
    Py_BEGIN_ALLOW_THREADS
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    table->rowwise[index](to, from, rows, columns);
    mlpc_fpmode_leave(mode);
    Py_END_ALLOW_THREADS
}

static PyObject *rowwise(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    mlpc_dtype dtype = MLPC_N_DTYPES;
    PyArrayObject *z = NULL, *out = NULL;
    if (args_count("rowwise", nargs, 3) < 0)
        return NULL;
    const int index = names_find("name", args[0], names_rowwise, MLPC_N_ROWWISE);
    if (index < 0 || (z = args_float("z", args[1], &dtype)) == NULL || args_shape2("z", z, ARGS_ANY, ARGS_ANY) < 0)
        goto exit;
    out = args_out(args[2], 2, PyArray_DIMS(z), dtype);
    if (out == NULL || args_disjoint("out", out, "z", z) < 0) {
        Py_CLEAR(out);
        goto exit;
    }
    run_rowwise(module_kernels(module_state_of(module), dtype), index, out, z);
exit:
    Py_XDECREF(z);
    return (PyObject *)out;
}

/* ---- Whole arrays ------------------------------------------------------------------------------------------------ */

/* What a kernel finds in n elements: a number, a truth or a count, and each of these is exact as a double. */
typedef double reduction(const mlpc_kernels *table, const void *x, size_t n);

static double find_sum(const mlpc_kernels *table, const void *x, size_t n) { return table->sum(x, n); }

static double find_finite(const mlpc_kernels *table, const void *x, size_t n)
{
    return mlpc_all_finite(table, x, n, module_num_threads());
}

static double find_zeros(const mlpc_kernels *table, const void *x, size_t n)
{
    return (double)table->count_zeros(x, n);
}

static PyObject *reduce(PyObject *module, PyObject *object, reduction *find, PyObject *(*as_object)(double))
{
    mlpc_dtype dtype = MLPC_N_DTYPES;
    PyArrayObject *x = args_float("x", object, &dtype);
    if (x == NULL)
        return NULL;
    const mlpc_kernels *const table = module_kernels(module_state_of(module), dtype);
    const void *const data = PyArray_DATA(x);
    const size_t n = (size_t)PyArray_SIZE(x);
    double found;
    Py_BEGIN_ALLOW_THREADS
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    found = find(table, data, n);
    mlpc_fpmode_leave(mode);
    Py_END_ALLOW_THREADS
    Py_DECREF(x);
    return as_object(found);
}

static PyObject *sum(PyObject *module, PyObject *object)
{
    return reduce(module, object, find_sum, PyFloat_FromDouble);
}

static PyObject *truth(double found) { return PyBool_FromLong(found != 0); }

static PyObject *all_finite(PyObject *module, PyObject *object) { return reduce(module, object, find_finite, truth); }

static PyObject *count_zeros(PyObject *module, PyObject *object)
{
    return reduce(module, object, find_zeros, PyLong_FromDouble);
}

static PyObject *add(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    mlpc_dtype dtype = MLPC_N_DTYPES;
    PyArrayObject *x = NULL, *y = NULL;
    PyObject *result = NULL;
    if (args_count("add", nargs, 2) < 0 || (x = args_float("x", args[1], &dtype)) == NULL ||
        (y = args_inplace("y", args[0], PyArray_NDIM(x), PyArray_DIMS(x), dtype)) == NULL ||
        args_disjoint("y", y, "x", x) < 0)
        goto exit;
    run_unary(module_kernels(module_state_of(module), dtype)->add, y, x);
    result = Py_NewRef(Py_None);
exit:
    Py_XDECREF(y);
    Py_XDECREF(x);
    return result;
}

static PyObject *from_bytes(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    double scale;
    int dtype;
    PyArrayObject *x = NULL, *y = NULL;
    if (args_count("from_bytes", nargs, 3) < 0 || args_double("scale", args[1], &scale) < 0 ||
        (dtype = args_dtype(args[2])) < 0 || (x = args_bytes("x", args[0])) == NULL ||
        (y = args_out(Py_None, PyArray_NDIM(x), PyArray_DIMS(x), (mlpc_dtype)dtype)) == NULL)
        goto exit;
    const mlpc_kernels *const table = module_kernels(module_state_of(module), (mlpc_dtype)dtype);
    void *const to = PyArray_DATA(y);
    const uint8_t *const from = PyArray_DATA(x);
    const size_t n = (size_t)PyArray_SIZE(x);
    Py_BEGIN_ALLOW_THREADS
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    table->from_bytes(to, from, scale, n);
    mlpc_fpmode_leave(mode);
    Py_END_ALLOW_THREADS
exit:
    Py_XDECREF(x);
    return (PyObject *)y;
}

PyMethodDef bind_elements_methods[] = {
    {"map", FAST(map), "map(name, x, out, /)\n--\n\nAn elementary function of every element."},
    {"activation_forward", FAST(activation_forward), "activation_forward(activation, z, out, /)\n--\n\na = f(z)."},
    {"activation_setting", activation_setting, METH_O,
     "activation_setting(activation, /)\n--\n\nThe setting's name and value, or None."},
    {"activation_backward", FAST(activation_backward),
     "activation_backward(activation, da, z, out, /)\n--\n\ndz = da * f'(z)."},
    {"rowwise", FAST(rowwise), "rowwise(name, z, out, /)\n--\n\nsoftmax or log_softmax of every row."},
    {"sum", sum, METH_O, "sum(x, /)\n--\n\nThe sum of all elements, in double."},
    {"add", FAST(add), "add(y, x, /)\n--\n\ny += x, in place."},
    {"all_finite", all_finite, METH_O, "all_finite(x, /)\n--\n\nIs no element NaN or infinite?"},
    {"count_zeros", count_zeros, METH_O, "count_zeros(x, /)\n--\n\nHow many elements are +0 or -0."},
    {"from_bytes", FAST(from_bytes), "from_bytes(x, scale, dtype, /)\n--\n\nBytes times a scale, in a dtype."},
    {NULL, NULL, 0, NULL},
};
