/* What leaves no trace in a network: logits, predictions, probabilities and evaluation. */
#include "bind_infer.h"

#include "args_input.h"
#include "bind_net.h"
#include "errors.h"
#include "names.h"
#include "poll.h"

/* Are they integers, and have they one number for a row? */
static int is_integral(mlpc_output output, mlpc_loss_kind loss)
{
    const mlpc_link link = mlpc_loss_row_of(loss)->link;
    return output == MLPC_OUTPUT_prediction && (link == MLPC_LINK_softmax || link == MLPC_LINK_sigmoid);
}

static int is_flat(mlpc_output output, mlpc_loss_kind loss, npy_intp n_out)
{
    const int label = output == MLPC_OUTPUT_prediction && mlpc_loss_row_of(loss)->link == MLPC_LINK_softmax;
    return label || (output != MLPC_OUTPUT_logits && n_out == 1);
}

PyArrayObject *infer_new_output(mlpc_output output, mlpc_loss_kind loss, npy_intp n, npy_intp n_out, mlpc_dtype dtype)
{
    const npy_intp shape[2] = {n, n_out};
    const int type = is_integral(output, loss) ? NPY_INT64 : args_type_number(dtype);
    return (PyArrayObject *)PyArray_SimpleNew(is_flat(output, loss, n_out) ? 1 : 2, shape, type);
}

PyObject *infer_finish_output(PyArrayObject *array, mlpc_output output, mlpc_loss_kind loss, npy_intp n_out)
{
    const int64_t *const label = PyArray_DATA(array);
    const npy_intp n = is_integral(output, loss) ? PyArray_SIZE(array) : 0;
    npy_intp i = 0;
    while (i < n && label[i] >= 0)
        i++;
    if (i == n)
        return (PyObject *)array;
    PyErr_Format(PyExc_ValueError,
                 "x: expected rows that have a label, got NaN as the network's output for row %zd; "
                 "look for NaN in that row, and in the network's parameters",
                 (Py_ssize_t)(i / (is_flat(output, loss, n_out) ? 1 : n_out)));
    Py_DECREF(array);
    return NULL;
}

/* Rows that a thread computes at once: enough to fill the kernels' tiles, few enough for what lies between layers to
 * stay in a cache of 4 MB. */
static size_t rows_at_once(const mlpc_net *net)
{
    const size_t most = 256, cache = (size_t)4 << 20;
    size_t bytes = 0; /* of one row: z and a per layer; sizes fit memory, since the biases do */
    for (size_t l = 0; l < net->n_layers; l++)
        bytes += 2 * net->layers[l].n_out * mlpc_itemsize(net->dtype);
    return bytes * most <= cache ? most : bytes < cache ? cache / bytes : 1;
}

int infer_reserve(mlpc_workspace **workspace, const mlpc_net *net, const mlpc_kernels *kernels, size_t rows)
{
    const size_t threads = mlpc_useful_threads(net, kernels, rows, module_num_threads());
    if (*workspace == NULL || (*workspace)->room < threads) {
        mlpc_workspace *made;
        const mlpc_status status =
            mlpc_workspace_create_for_inference(&made, net, threads * rows_at_once(net), threads);
        if (status != MLPC_OK) {
            errors_raise(status);
            return -1;
        }
        mlpc_workspace_free(*workspace);
        *workspace = made;
    }
    module_limit_threads(*workspace);
    return 0;
}

static PyObject *predict_within(NetObject *net, const mlpc_input *x, mlpc_output output, mlpc_loss_kind loss)
{
    const mlpc_model model = net_model(net);
    if (infer_reserve(&net->scratch, model.net, model.kernels, x->n) < 0)
        return NULL;
    PyArrayObject *output_array = infer_new_output(output, loss, (npy_intp)x->n, net->n_out, net->plan->dtype);
    if (output_array == NULL)
        return NULL;
    void *const to = PyArray_DATA(output_array);
    poll_state state;
    const mlpc_poll *const poll = poll_begin_work(&state, mlpc_forward_terms(model.net, x->n), model.kernels->piece);
    const mlpc_status status = mlpc_predict(&model, net->scratch, output, loss, to, x, poll);
    poll_end(&state);
    if (status != MLPC_OK) {
        Py_DECREF(output_array);
        return errors_raise(status);
    }
    return infer_finish_output(output_array, output, loss, net->n_out);
}

static PyObject *predict(NetObject *net, PyObject *object, PyObject *scale, mlpc_output output, mlpc_loss_kind loss)
{
    PyObject *result = NULL;
    args_input x;
    if (args_input_parse(&x, object, scale, net->plan->dtype, net->n_in) == 0 && net_enter(net) == 0) {
        result = predict_within(net, &x.input, output, loss);
        net_leave(net);
    }
    args_input_clear(&x);
    return result;
}

PyObject *net_logits(PyObject *self, PyObject *x)
{
    return predict((NetObject *)self, x, Py_None, MLPC_OUTPUT_logits, MLPC_LOSS_mse);
}

PyObject *net_predict(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    int output, loss;
    if (args_count("_predict", nargs, 4) < 0 ||
        (output = names_find("output", args[1], names_outputs, MLPC_N_OUTPUTS)) < 0 ||
        (loss = names_find("loss", args[2], names_losses, MLPC_N_LOSSES)) < 0 ||
        (output != MLPC_OUTPUT_logits && args_outputs((mlpc_loss_kind)loss, ((NetObject *)self)->n_out) < 0))
        return NULL;
    return predict((NetObject *)self, args[0], args[3], (mlpc_output)output, (mlpc_loss_kind)loss);
}

static PyObject *evaluate_within(NetObject *net, const mlpc_input *x, const args_objective *objective)
{
    const mlpc_model model = net_model(net);
    if (infer_reserve(&net->scratch, model.net, model.kernels, x->n) < 0)
        return NULL;
    double *const row_loss = PyMem_Calloc(x->n, sizeof(double));
    if (row_loss == NULL)
        return PyErr_NoMemory();
    mlpc_evaluation result;
    poll_state state;
    const mlpc_poll *const poll = poll_begin_work(&state, mlpc_forward_terms(model.net, x->n), model.kernels->piece);
    const mlpc_status status = mlpc_evaluate(&model, net->scratch, &objective->objective, x, &result, row_loss, poll);
    poll_end(&state);
    PyMem_Free(row_loss);
    return status == MLPC_OK ? Py_BuildValue("dd", result.loss, result.accuracy) : errors_raise(status);
}

PyObject *net_evaluate(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    NetObject *const net = (NetObject *)self;
    args_objective objective = {0};
    args_input x = {0};
    PyObject *seen = NULL, *result = NULL;
    if ((nargs == 4 || args_count("evaluate", nargs, 5) == 0) &&
        (seen = csr_of(args[0]) ? Py_NewRef(args[0]) : (PyObject *)args_seen(args[0])) != NULL &&
        args_input_parse(&x, seen, nargs == 5 ? args[4] : Py_None, net->plan->dtype, net->n_in) == 0 &&
        args_input_rows_at_least_one(&x) == 0 && net_objective(net, &objective, args[2], args[1], args[3]) == 0 &&
        args_objective_rows(&objective, (npy_intp)x.input.n) == 0 && net_enter(net) == 0) {
        result = evaluate_within(net, &x.input, &objective);
        net_leave(net);
    }
    args_objective_clear(&objective);
    args_input_clear(&x);
    Py_XDECREF(seen);
    return result;
}
