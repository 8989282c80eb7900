/* A loss and its targets among the arguments. */
#include <math.h>
#include <stdio.h>

#include "../core/fpmode.h"
#include "args.h"
#include "names.h"

#define REAL_NUMBERS "real numbers are learnt with loss=\"mse\""

static double element(PyArrayObject *array, npy_intp i)
{
    return PyArray_TYPE(array) == NPY_FLOAT32 ? (double)((const float *)PyArray_DATA(array))[i]
                                              : ((const double *)PyArray_DATA(array))[i];
}

/* Where the first element is that is not finite or below 0, and its value; n where there is none.  In the core's
 * floating-point mode: in the caller's, NaN may trap, and a subnormal number may be 0. */
static MLPC_NOINLINE npy_intp first_bad(PyArrayObject *array, double *value)
{
    const npy_intp n = PyArray_SIZE(array);
    for (npy_intp i = 0; i < n; i++) {
        *value = element(array, i);
        if (!isfinite(*value) || *value < 0)
            return i;
    }
    return n;
}

static int check_weights_inside(const char *name, PyArrayObject *array)
{
    double value;
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    const npy_intp i = first_bad(array, &value);
    mlpc_fpmode_leave(mode);
    if (i == PyArray_SIZE(array))
        return 0;
    PyObject *got = PyFloat_FromDouble(value);
    if (got != NULL) {
        PyErr_Format(PyExc_ValueError, "%s: expected finite numbers >= 0, got %R at row %zd", name, got, (Py_ssize_t)i);
        Py_DECREF(got);
    }
    return -1;
}

/* Weights (n,): finite and >= 0. */
static PyArrayObject *weights(const char *name, PyObject *object, mlpc_dtype dtype, npy_intp n)
{
    PyArrayObject *array = args_real(name, object, dtype);
    if (array != NULL && (args_shape1(name, array, n) < 0 || check_weights_inside(name, array) < 0))
        Py_CLEAR(array);
    return array;
}

/* The same of the outputs; of classes there are several, else one number is for all of them. */
static PyArrayObject *output_weights(const mlpc_loss_row *row, PyObject *object, mlpc_dtype dtype, npy_intp columns)
{
    PyArrayObject *array = args_seen(object);
    if (array != NULL && PyArray_NDIM(array) == 0 && row->link != MLPC_LINK_softmax) {
        PyArrayObject *all = (PyArrayObject *)PyArray_SimpleNewFromDescr(1, &columns, PyArray_DESCR(array));
        Py_INCREF(PyArray_DESCR(array));
        if (all == NULL || PyArray_CopyInto(all, array) < 0)
            Py_CLEAR(all);
        Py_SETREF(array, all);
    }
    PyArrayObject *result = array == NULL ? NULL : weights(row->weight, (PyObject *)array, dtype, columns);
    Py_XDECREF(array);
    return result;
}

int args_outputs(mlpc_loss_kind loss, npy_intp columns)
{
    const mlpc_loss_row *const row = mlpc_loss_row_of(loss);
    if (columns >= (npy_intp)row->targets.outputs)
        return 0;
    PyErr_Format(PyExc_ValueError,
                 "loss: expected at least %zu outputs for %s, got %zd; " REAL_NUMBERS
                 ", 0 and 1 with loss=\"bce_with_logits\"",
                 row->targets.outputs, row->name, (Py_ssize_t)columns);
    return -1;
}

/* The row's setting and its weight of each output; None: as the row has them. */
static int parse_settings(args_objective *objective, mlpc_dtype dtype, npy_intp columns, PyObject *setting,
                          PyObject *weight)
{
    const mlpc_loss_row *const row = mlpc_loss_row_of(objective->objective.loss.kind);
    objective->objective.loss.setting = row->setting.initial;
    if ((setting != Py_None && row->setting.name == NULL) || (weight != Py_None && row->weight == NULL)) {
        PyErr_Format(PyExc_ValueError, "loss: expected no %s with %s, got %R",
                     weight != Py_None && row->weight == NULL ? "weight" : "setting", row->name,
                     weight != Py_None && row->weight == NULL ? weight : setting);
        return -1;
    }
    if (setting != Py_None && args_setting(&row->setting, setting, dtype, &objective->objective.loss.setting) < 0)
        return -1;
    if (weight != Py_None) {
        objective->weight = output_weights(row, weight, dtype, columns);
        if (objective->weight == NULL)
            return -1;
    }
    return 0;
}

/* "mean", "sum", or what the mean is multiplied by: a number > 0. */
static int parse_reduction(PyObject *object, double *mean)
{
    static const mlpc_setting multiplied = {"reduction", 1, .least = 0, .most = INFINITY, .open = MLPC_OPEN_LEAST};
    if (PyFloat_Check(object))
        return args_setting(&multiplied, object, MLPC_FLOAT64, mean);
    const int index = names_find("reduction", object, names_reductions, 2);
    *mean = index;
    return index < 0 ? -1 : 0;
}

static int parse_loss(args_objective *objective, mlpc_dtype dtype, npy_intp columns, PyObject *tuple)
{
    mlpc_loss *const loss = &objective->objective.loss;
    if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != 4) {
        PyErr_Format(PyExc_TypeError, "loss: expected (name, reduction, setting, weight), got %R", tuple);
        return -1;
    }
    const int kind = names_find("loss", PyTuple_GET_ITEM(tuple, 0), names_losses, MLPC_N_LOSSES);
    if (kind < 0)
        return -1;
    loss->kind = (mlpc_loss_kind)kind;
    if (args_outputs(loss->kind, columns) < 0)
        return -1;
    return parse_reduction(PyTuple_GET_ITEM(tuple, 1), &loss->mean) < 0
               ? -1
               : parse_settings(objective, dtype, columns, PyTuple_GET_ITEM(tuple, 2), PyTuple_GET_ITEM(tuple, 3));
}

/* Labels (n,), a copy. */
static PyArrayObject *labels(PyArrayObject *any)
{
    if (PyArray_NDIM(any) != 1) {
        args_shape_error("y", "(n,)", any, "; labels are (n,) integers, probabilities must be floating-point");
        return NULL;
    }
    return args_contiguous(any, NPY_INT64, NPY_ARRAY_ENSURECOPY);
}

/* Values (n, columns), or (n,) for one column. */
static PyArrayObject *values(PyArrayObject *any, mlpc_dtype dtype, npy_intp columns, int extra)
{
    const int flat = columns == 1 && PyArray_NDIM(any) == 1;
    return flat || args_shape2("y", any, ARGS_ANY, columns) == 0 ? args_contiguous(any, args_type_number(dtype), extra)
                                                                 : NULL;
}

/* The number in an array as the caller gave it, before any conversion. */
static PyObject *given(PyArrayObject *any, size_t row, size_t column)
{
    void *const at = PyArray_NDIM(any) == 2 ? PyArray_GETPTR2(any, (npy_intp)row, (npy_intp)column)
                                            : PyArray_GETPTR1(any, (npy_intp)row);
    return PyArray_ToScalar(at, any);
}

/* ValueError that says where y, whose values are held by `any` as they were given, breaks the rule of the loss.  In the
 * core's floating-point mode, since NaN may trap in the caller's. */
static MLPC_NOINLINE void target_error(const args_objective *objective, mlpc_dtype dtype, npy_intp columns,
                                       PyArrayObject *any, const mlpc_bad_target *bad)
{
    const mlpc_target_rule *const rule = &mlpc_loss_row_of(objective->objective.loss.kind)->targets;
    const char *const hint = rule->rows_sum_to_one ? "; " REAL_NUMBERS : "";
    if (bad->column == (size_t)columns) {
        PyObject *sum = PyFloat_FromDouble(bad->sum);
        if (sum != NULL) {
            PyErr_Format(PyExc_ValueError,
                         "y: expected probabilities that sum to 1 in every row, got a sum of %R at "
                         "row %zu%s",
                         sum, bad->row, hint);
            Py_DECREF(sum);
        }
        return;
    }
    PyObject *got = given(any, bad->row, bad->column);
    PyObject *number = got == NULL ? NULL : PyNumber_Float(got);
    if (number != NULL) {
        const double value = PyFloat_AS_DOUBLE(number);
        const int too_large = isfinite(value) && value >= rule->least && value <= rule->most;
        char expected[64] = "finite numbers";
        if (too_large)
            snprintf(expected, sizeof expected, "numbers within the range of %s", names_dtypes[dtype]);
        else if (isfinite(rule->most))
            snprintf(expected, sizeof expected, "numbers in [%g, %g]", rule->least, rule->most);
        else if (isfinite(rule->least))
            snprintf(expected, sizeof expected, "finite numbers >= %g", rule->least);
        PyErr_Format(PyExc_ValueError, "y: expected %s, got %S at row %zu, column %zu%s", expected, got, bad->row,
                     bad->column, too_large ? "" : hint);
    }
    Py_XDECREF(number);
    Py_XDECREF(got);
}

static void label_error(PyArrayObject *any, npy_intp columns, const mlpc_bad_target *bad)
{
    PyObject *got = given(any, bad->row, 0);
    if (got != NULL) {
        PyErr_Format(PyExc_ValueError, "y: label %S at row %zu is outside 0..%zd", got, bad->row,
                     (Py_ssize_t)(columns - 1));
        Py_DECREF(got);
    }
}

/* The pointers that the core gets. */
static void point(args_objective *objective)
{
    const int classes = PyArray_TYPE(objective->y) == NPY_INT64;
    mlpc_targets *const targets = &objective->objective.targets;
    objective->objective.loss.weight = objective->weight == NULL ? NULL : PyArray_DATA(objective->weight);
    targets->labels = classes ? PyArray_DATA(objective->y) : NULL;
    targets->values = classes ? NULL : PyArray_DATA(objective->y);
    targets->sample_weight = objective->sample_weight == NULL ? NULL : PyArray_DATA(objective->sample_weight);
}

/* objective->y, of the type and the shape that the loss wants. */
static int convert_targets(args_objective *objective, mlpc_dtype dtype, npy_intp columns, PyArrayObject *any)
{
    const int classes = mlpc_loss_row_of(objective->objective.loss.kind)->link == MLPC_LINK_softmax;
    if (!args_is_integral(any) && !PyArray_ISFLOAT(any)) {
        args_type_error("y", classes ? "integer labels or probabilities" : "real numbers", any);
    } else if (classes && !args_is_integral(any) && PyArray_NDIM(any) == 1) {
        PyErr_Format(PyExc_TypeError, "y: expected integer labels, got dtype %S; " REAL_NUMBERS,
                     (PyObject *)PyArray_DESCR(any));
    } else {
        const int copy = objective->keeps ? NPY_ARRAY_ENSURECOPY : 0;
        objective->y = classes && args_is_integral(any) ? labels(any) : values(any, dtype, columns, copy);
    }
    if (objective->y == NULL)
        return -1;
    objective->objective.targets.n = (size_t)PyArray_DIM(objective->y, 0);
    objective->objective.targets.O = (size_t)columns;
    point(objective);
    return 0;
}

static int parse_targets(args_objective *objective, const mlpc_kernels *kernels, mlpc_dtype dtype, npy_intp columns,
                         PyObject *y)
{
    PyArrayObject *any = args_seen(y);
    if (any == NULL || convert_targets(objective, dtype, columns, any) < 0) {
        Py_XDECREF(any);
        return -1;
    }
    const mlpc_objective of_core = objective->objective;
    mlpc_bad_target bad;
    NPY_BEGIN_THREADS_DEF
    NPY_BEGIN_THREADS_THRESHOLDED(PyArray_SIZE(objective->y));
    const mlpc_status status = mlpc_targets_check(&of_core, kernels, &bad);
    NPY_END_THREADS
    if (status == MLPC_ERROR_LABEL) {
        label_error(any, columns, &bad);
    } else if (status == MLPC_ERROR_TARGET) {
        const mlpc_fpmode mode = mlpc_fpmode_enter();
        target_error(objective, dtype, columns, any, &bad);
        mlpc_fpmode_leave(mode);
    }
    Py_DECREF(any);
    return status == MLPC_OK ? 0 : -1;
}

/* ValueError that names the weights where the mean of a loss would divide by 0, or by infinity. */
static int check_divisor(const char *name, const mlpc_objective *objective, const mlpc_kernels *kernels)
{
    mlpc_objective mean = *objective;
    double divisor;
    double *const scratch = PyMem_Calloc(objective->targets.n, sizeof *scratch);
    if (scratch == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (mean.loss.mean == 0)
        mean.loss.mean = 1;
    const mlpc_status status = mlpc_loss_divisor(&mean, kernels, &divisor, scratch);
    PyMem_Free(scratch);
    if (status == MLPC_OK)
        return 0;
    PyObject *got = PyFloat_FromDouble(divisor);
    if (got != NULL) {
        PyErr_Format(PyExc_ValueError, "%s: expected a %s sum, got %R", name, isfinite(divisor) ? "positive" : "finite",
                     got);
        Py_DECREF(got);
    }
    return -1;
}

/* With reduction "sum", too, sample weights must not all be 0; class weights may be: nothing is divided by them. */
static int check_weights(const mlpc_objective *objective, const mlpc_kernels *kernels)
{
    mlpc_objective without = *objective;
    without.loss.weight = NULL;
    if (objective->targets.n == 0)
        return 0;
    if (objective->targets.sample_weight != NULL && check_divisor("sample_weight", &without, kernels) < 0)
        return -1;
    return objective->loss.weight == NULL || objective->loss.mean == 0
               ? 0
               : check_divisor(mlpc_loss_row_of(objective->loss.kind)->weight, objective, kernels);
}

/* A copy instead of an array, which may be NULL, where it is a view of the caller's. */
static int own(PyArrayObject **array)
{
    if (*array == NULL || PyArray_CHKFLAGS(*array, NPY_ARRAY_OWNDATA))
        return 0;
    PyArrayObject *copy = (PyArrayObject *)PyArray_NewCopy(*array, NPY_CORDER);
    if (copy == NULL)
        return -1;
    Py_SETREF(*array, copy);
    return 0;
}

int args_objective_parse(args_objective *objective, const mlpc_kernels *kernels, mlpc_dtype dtype, npy_intp columns,
                         PyObject *loss, PyObject *y, PyObject *sample_weight)
{
    *objective = (args_objective){.keeps = objective->keeps};
    if (parse_loss(objective, dtype, columns, loss) < 0 || parse_targets(objective, kernels, dtype, columns, y) < 0)
        return -1;
    if (sample_weight != Py_None) {
        objective->sample_weight = weights("sample_weight", sample_weight, MLPC_FLOAT64, PyArray_DIM(objective->y, 0));
        if (objective->sample_weight == NULL)
            return -1;
    }
    if (objective->keeps && (own(&objective->weight) < 0 || own(&objective->sample_weight) < 0))
        return -1;
    point(objective);
    return check_weights(&objective->objective, kernels);
}

int args_objective_rows(const args_objective *objective, npy_intp rows)
{
    const npy_intp got = (npy_intp)objective->objective.targets.n;
    if (got == rows)
        return 0;
    PyErr_Format(PyExc_ValueError, "y: expected %zd rows, one for each of the logits or predictions, got %zd",
                 (Py_ssize_t)rows, (Py_ssize_t)got);
    return -1;
}

/* A copy instead of an array, which may be NULL, where it overlaps n bytes at memory. */
static int copy_from(const void *memory, size_t n, PyArrayObject **array)
{
    if (*array == NULL || !args_overlap_memory(*array, memory, n))
        return 0;
    PyArrayObject *copy = (PyArrayObject *)PyArray_NewCopy(*array, NPY_CORDER);
    if (copy == NULL)
        return -1;
    Py_SETREF(*array, copy);
    return 0;
}

int args_copy_from(const void *memory, size_t n, PyArrayObject **x, args_objective *objective)
{
    if (copy_from(memory, n, x) < 0)
        return -1;
    if (objective == NULL)
        return 0;
    if (copy_from(memory, n, &objective->y) < 0 || copy_from(memory, n, &objective->sample_weight) < 0 ||
        copy_from(memory, n, &objective->weight) < 0)
        return -1;
    point(objective);
    return 0;
}

int args_objective_disjoint(const char *name, PyArrayObject *array, const args_objective *objective)
{
    if (args_disjoint(name, array, "y", objective->y) < 0 ||
        (objective->sample_weight != NULL && args_disjoint(name, array, "sample_weight", objective->sample_weight) < 0))
        return -1;
    return objective->weight == NULL
               ? 0
               : args_disjoint(name, array, mlpc_loss_row_of(objective->objective.loss.kind)->weight,
                               objective->weight);
}

void args_objective_clear(args_objective *objective)
{
    Py_CLEAR(objective->weight);
    Py_CLEAR(objective->y);
    Py_CLEAR(objective->sample_weight);
}
