/* What leaves no trace in a network: logits, predictions, probabilities and evaluation. */
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

/* ValueError at the first row whose label would be made of NaN. */
static int check_labels(PyArrayObject *labels, npy_intp columns)
{
    const int64_t *const label = PyArray_DATA(labels);
    const npy_intp n = PyArray_SIZE(labels);
    npy_intp i = 0;
    while (i < n && label[i] >= 0)
        i++;
    if (i == n)
        return 0;
    PyErr_Format(PyExc_ValueError,
                 "x: expected rows that have a label, got NaN as the network's output for row %zd; "
                 "look for NaN in that row, and in the network's parameters",
                 (Py_ssize_t)(i / columns));
    return -1;
}

static PyObject *answers_within(NetObject *net, PyArrayObject *x, const mlpc_input *input, mlpc_output output,
                                mlpc_loss_kind loss)
{
    const npy_intp shape[2] = {PyArray_DIM(x, 0), net->n_out};
    const int integral = is_integral(output, loss), flat = is_flat(output, loss, net->n_out);
    const int type = integral ? NPY_INT64 : args_type_number(net->plan->dtype);
    const size_t n = (size_t)shape[0];
    mlpc_workspace *const scratch = net_scratch(net, n);
    PyObject *answers = scratch == NULL ? NULL : PyArray_SimpleNew(flat ? 1 : 2, shape, type);
    if (answers == NULL)
        return NULL;
    const mlpc_kernels *const kernels = net_kernels(net);
    const void *const parameters = PyArray_DATA(net->parameters);
    void *const to = PyArray_DATA((PyArrayObject *)answers);
    mlpc_knowledge knowledge = net_knowledge(net);
    poll_state state;
    const mlpc_poll *const poll = poll_begin_work(&state, mlpc_forward_terms(net->plan, n), kernels->piece);
    const mlpc_status status =
        mlpc_predict(net->plan, kernels, parameters, scratch, output, loss, to, input, n, &knowledge, poll);
    poll_end(&state);
    net_learn(net, &knowledge);
    if (status != MLPC_OK) {
        Py_DECREF(answers);
        return errors_raise(status);
    }
    if (integral && check_labels((PyArrayObject *)answers, flat ? 1 : net->n_out) < 0)
        Py_CLEAR(answers);
    return answers;
}

static PyObject *answers(NetObject *net, PyObject *object, PyObject *scale, mlpc_output output, mlpc_loss_kind loss)
{
    PyObject *result = NULL;
    mlpc_input input;
    PyArrayObject *x = args_input(&input, object, scale, net->plan->dtype, net->n_in);
    if (x != NULL && net_enter(net) == 0) {
        result = answers_within(net, x, &input, output, loss);
        net_leave(net);
    }
    Py_XDECREF(x);
    return result;
}

PyObject *net_logits(PyObject *self, PyObject *x)
{
    return answers((NetObject *)self, x, Py_None, MLPC_OUTPUT_logits, MLPC_LOSS_mse);
}

PyObject *net_answers(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    int output, loss;
    if (args_count("_answers", nargs, 4) < 0 ||
        (output = names_find("output", args[1], names_outputs, MLPC_N_OUTPUTS)) < 0 ||
        (loss = names_find("loss", args[2], names_losses, MLPC_N_LOSSES)) < 0 ||
        (output != MLPC_OUTPUT_logits && args_outputs((mlpc_loss_kind)loss, ((NetObject *)self)->n_out) < 0))
        return NULL;
    return answers((NetObject *)self, args[0], args[3], (mlpc_output)output, (mlpc_loss_kind)loss);
}

static PyObject *evaluate_within(NetObject *net, PyArrayObject *x, const mlpc_input *input,
                                 const args_objective *objective)
{
    const size_t n = (size_t)PyArray_DIM(x, 0);
    mlpc_workspace *const scratch = net_scratch(net, n);
    double *const row_loss = PyMem_Calloc(n, sizeof(double));
    if (scratch == NULL || row_loss == NULL) {
        PyMem_Free(row_loss);
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    }
    const mlpc_kernels *const kernels = net_kernels(net);
    const void *const parameters = PyArray_DATA(net->parameters);
    mlpc_knowledge knowledge = net_knowledge(net);
    double value, accuracy;
    poll_state state;
    const mlpc_poll *const poll = poll_begin_work(&state, mlpc_forward_terms(net->plan, n), kernels->piece);
    const mlpc_status status = mlpc_evaluate(net->plan, kernels, parameters, scratch, &objective->loss, input,
                                             &objective->targets, n, row_loss, &value, &accuracy, &knowledge, poll);
    poll_end(&state);
    net_learn(net, &knowledge);
    PyMem_Free(row_loss);
    return status == MLPC_OK ? Py_BuildValue("dd", value, accuracy) : errors_raise(status);
}

PyObject *net_evaluate(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    NetObject *const net = (NetObject *)self;
    args_objective objective = {0};
    mlpc_input input;
    PyArrayObject *seen = NULL, *x = NULL;
    PyObject *result = NULL;
    if ((nargs == 4 || args_count("evaluate", nargs, 5) == 0) && (seen = args_seen(args[0])) != NULL &&
        (x = args_input(&input, (PyObject *)seen, nargs == 5 ? args[4] : Py_None, net->plan->dtype, net->n_in)) !=
            NULL &&
        args_rows_at_least_one("x", x) == 0 && net_objective(net, &objective, args[2], args[1], args[3]) == 0 &&
        args_objective_rows(&objective, PyArray_DIM(x, 0)) == 0 && net_enter(net) == 0) {
        result = evaluate_within(net, x, &input, &objective);
        net_leave(net);
    }
    args_objective_clear(&objective);
    Py_XDECREF(x);
    Py_XDECREF(seen);
    return result;
}
