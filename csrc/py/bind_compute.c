/* Forward, losses and backward of a network. */
#include <string.h>

#include "args_input.h"
#include "bind_net.h"
#include "errors.h"
#include "poll.h"

/* ---- Forward ----------------------------------------------------------------------------------------------------- */

/* Copies of arguments that lie in memory which forward and backward write, as what layers[i].output shows does. */
static int copy_from_own_memory(const NetObject *net, PyArrayObject **x, args_objective *objective)
{
    int status = args_copy_from(PyArray_DATA(net->gradients), (size_t)PyArray_NBYTES(net->gradients), x, objective);
    if (status == 0)
        status = args_copy_from(PyArray_DATA(net->statistics), (size_t)PyArray_NBYTES(net->statistics), x, objective);
    for (size_t l = 0; status == 0 && l < net->plan->n_layers; l++) {
        const size_t bytes = net->workspace->batch * net->plan->layers[l].n_out * net_itemsize(net);
        status = args_copy_from(net->workspace->z[l], bytes, x, objective) < 0 ||
                         args_copy_from(net->workspace->normed[l], bytes, x, objective) < 0 ||
                         args_copy_from(net->workspace->a[l], bytes, x, objective) < 0 ||
                         args_copy_from(net->workspace->dropped[l], bytes, x, objective) < 0
                     ? -1
                     : 0;
    }
    if (status == 0 && net->workspace->dropped_x != NULL)
        status = args_copy_from(net->workspace->dropped_x,
                                net->workspace->batch * (size_t)net->n_in * net_itemsize(net), x, objective);
    return status;
}

/* Makes *x (rows, n_in) the latest forward.  Where that fails there is none, or still the one before.  x and what the
 * objective, NULL where there is none, will be computed from may become copies. */
static int run_forward(NetObject *net, PyArrayObject **x, args_objective *objective)
{
    const size_t rows = (size_t)PyArray_DIM(*x, 0);
    if (net_reserve(net, rows) < 0 || copy_from_own_memory(net, x, objective) < 0)
        return -1;
    net_forget(net);
    const mlpc_model model = net_model(net);
    void *const data = PyArray_DATA(*x);
    const mlpc_input input = {.rows = data, .n = rows};
    poll_state state;
    net->workspace->trains = net->training;
    net->workspace->draw = net->draw;
    const mlpc_poll *const poll = poll_begin_work(&state, mlpc_forward_terms(net->plan, rows), model.kernels->piece);
    const mlpc_status status = mlpc_forward(&model, net->workspace, &input, poll);
    poll_end(&state);
    if (status != MLPC_OK) {
        errors_raise(status);
        return -1;
    }
    net->x = (PyArrayObject *)Py_NewRef((PyObject *)*x);
    net->x_data = data;
    net->rows = rows;
    net->draw.t += net->workspace->trains != 0;
    net->batches += net->workspace->trains && rows > 0 && net->plan->n_statistics > 0;
    return 0;
}

static void *latest_logits(const NetObject *net) { return net->workspace->z[net->plan->n_layers - 1]; }

static PyObject *forward_within(NetObject *net, PyArrayObject **x, PyObject *out)
{
    const npy_intp shape[2] = {PyArray_DIM(*x, 0), net->n_out};
    PyArrayObject *z = args_out(out, 2, shape, net->plan->dtype);
    if (z == NULL || args_disjoint("out", z, "x", *x) < 0 ||
        args_disjoint("out", z, "the parameters", net->parameters) < 0 ||
        args_disjoint("out", z, "the gradients", net->gradients) < 0 ||
        args_disjoint("out", z, "the statistics", net->statistics) < 0 || run_forward(net, x, NULL) < 0) {
        Py_XDECREF(z);
        return NULL;
    }
    memcpy(PyArray_DATA(z), latest_logits(net), net->rows * (size_t)net->n_out * net_itemsize(net));
    return (PyObject *)z;
}

/* x of a forward, as the numbers that backward will read: what was none has become an array of its own. */
static int parse_x(const NetObject *net, args_input *x, PyObject *object, PyObject *scale)
{
    return args_input_parse(x, object, scale, net->plan->dtype, net->n_in) < 0
               ? -1
               : args_input_to_numbers(x, net_kernels(net));
}

PyObject *net_forward(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    NetObject *const net = (NetObject *)self;
    PyObject *result = NULL;
    args_input x;
    if ((nargs < 1 || nargs > 2) && args_count("forward", nargs, 3) < 0)
        return NULL;
    if (parse_x(net, &x, args[0], nargs == 3 ? args[2] : Py_None) == 0 && net_enter(net) == 0) {
        result = forward_within(net, &x.numbers, nargs >= 2 ? args[1] : Py_None);
        net_leave(net);
    }
    args_input_clear(&x);
    return result;
}

/* ---- Losses ------------------------------------------------------------------------------------------------------ */

static int require_forward(const NetObject *net, const char *method)
{
    if (net->x != NULL)
        return 0;
    PyErr_Format(PyExc_RuntimeError, "%s: there is no forward before it", method);
    return -1;
}

/* Room for the derivative of the latest forward's loss. */
static int reserve_dz(NetObject *net)
{
    if (net->dz != NULL && net->dz_rows >= net->rows)
        return 0;
    const size_t rows = net->workspace->batch;
    void *const dz = PyMem_RawMalloc(rows * (size_t)net->n_out * net_itemsize(net)); /* no larger than the workspace */
    if (dz == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    PyMem_RawFree(net->dz);
    net->dz = dz;
    net->dz_rows = rows;
    net->has_dz = 0;
    return 0;
}

/* The loss of the latest forward, whose derivative the network remembers. */
static int run_loss(NetObject *net, const args_objective *objective, double *value)
{
    if (args_objective_rows(objective, (npy_intp)net->rows) < 0 || args_rows_at_least_one("y", objective->y) < 0 ||
        reserve_dz(net) < 0)
        return -1;
    const mlpc_kernels *const kernels = net_kernels(net);
    const void *const z = latest_logits(net);
    poll_state state;
    net->has_dz = 0;
    const mlpc_poll *const poll =
        poll_begin_work(&state, mlpc_loss_terms(net->rows, (size_t)net->n_out), kernels->piece);
    const mlpc_status status =
        mlpc_loss_evaluate(&objective->objective, kernels, z, value, net->dz, net->workspace->row_loss, poll);
    poll_end(&state);
    if (status != MLPC_OK) {
        errors_raise(status);
        return -1;
    }
    net->has_dz = 1;
    return 0;
}

PyObject *net_loss(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    NetObject *const net = (NetObject *)self;
    args_objective objective = {0};
    PyObject *result = NULL;
    if (args_count("loss", nargs, 3) == 0 && net_objective(net, &objective, args[1], args[0], args[2]) == 0 &&
        net_enter(net) == 0) {
        double value;
        if (require_forward(net, "loss") == 0 && run_loss(net, &objective, &value) == 0)
            result = PyFloat_FromDouble(value);
        net_leave(net);
    }
    args_objective_clear(&objective);
    return result;
}

/* ---- Backward ---------------------------------------------------------------------------------------------------- */

/* After a forward; dx may be NULL. */
static int run_backward(NetObject *net, const void *dz, void *dx, int accumulate)
{
    const mlpc_model model = net_model(net);
    const mlpc_input x = {.rows = net->x_data, .n = net->rows};
    const mlpc_gradients to = {.parameters = PyArray_DATA(net->gradients), .accumulate = accumulate, .x = dx};
    poll_state poll;
    module_limit_threads(net->workspace);
    poll_begin(&poll, NULL);
    const mlpc_status status = mlpc_backward(&model, net->workspace, &x, dz, &to, &poll.poll);
    poll_end(&poll);
    if (status != MLPC_OK) {
        errors_raise(status);
        return -1;
    }
    return 0;
}

/* Has dz the shape of the latest forward's output? */
static int check_dz(const NetObject *net, PyArrayObject *dz)
{
    if (PyArray_NDIM(dz) == 2 && PyArray_DIM(dz, 0) == (npy_intp)net->rows && PyArray_DIM(dz, 1) == net->n_out)
        return 0;
    PyObject *shape = PyArray_IntTupleFromIntp(PyArray_NDIM(dz), PyArray_DIMS(dz));
    if (shape != NULL) {
        PyErr_Format(PyExc_ValueError, "dz: expected (%zu, %zd) like the latest forward's output, got %R", net->rows,
                     (Py_ssize_t)net->n_out, shape);
        Py_DECREF(shape);
    }
    return -1;
}

/* dz NULL: what the loss left. */
static PyObject *backward_within(NetObject *net, PyArrayObject *dz, int accumulate)
{
    if (require_forward(net, "backward") < 0 || (dz != NULL && check_dz(net, dz) < 0))
        return NULL;
    if (dz == NULL && !net->has_dz) {
        PyErr_SetString(PyExc_RuntimeError, "backward: expected dz, since no loss of the latest forward was computed");
        return NULL;
    }
    const npy_intp shape[2] = {(npy_intp)net->rows, net->n_in};
    PyObject *dx = PyArray_SimpleNew(2, shape, args_type_number(net->plan->dtype));
    if (dx != NULL &&
        run_backward(net, dz == NULL ? net->dz : PyArray_DATA(dz), PyArray_DATA((PyArrayObject *)dx), accumulate) < 0)
        Py_CLEAR(dx);
    return dx;
}

/* dz that overlaps the gradients, which are written while it is read, is copied. */
static PyArrayObject *parse_dz(const NetObject *net, PyObject *object)
{
    PyArrayObject *dz = args_real("dz", object, net->plan->dtype);
    if (dz != NULL && args_overlap(dz, net->gradients))
        Py_SETREF(dz, (PyArrayObject *)PyArray_NewCopy(dz, NPY_CORDER));
    return dz;
}

PyObject *net_backward(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    NetObject *const net = (NetObject *)self;
    PyArrayObject *dz = NULL;
    PyObject *result = NULL;
    int accumulate;
    if (args_count("backward", nargs, 2) == 0 && args_bool(args[1], &accumulate) == 0 &&
        (args[0] == Py_None || (dz = parse_dz(net, args[0])) != NULL) && net_enter(net) == 0) {
        result = backward_within(net, dz, accumulate);
        net_leave(net);
    }
    Py_XDECREF(dz);
    return result;
}

/* The derivative of a loss that is none of the core's, of the latest forward. */
PyObject *net_remember(PyObject *self, PyObject *object)
{
    NetObject *const net = (NetObject *)self;
    PyArrayObject *dz = args_real("dz", object, net->plan->dtype);
    PyObject *result = NULL;
    if (dz != NULL && net_enter(net) == 0) {
        if (require_forward(net, "loss") == 0 && check_dz(net, dz) == 0 && reserve_dz(net) == 0) {
            memcpy(net->dz, PyArray_DATA(dz), (size_t)PyArray_NBYTES(dz));
            net->has_dz = 1;
            result = Py_NewRef(Py_None);
        }
        net_leave(net);
    }
    Py_XDECREF(dz);
    return result;
}

PyObject *net_loss_and_grad(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    NetObject *const net = (NetObject *)self;
    args_objective objective = {0};
    args_input x = {0};
    PyObject *seen = NULL, *result = NULL;
    int accumulate;
    if (args_count("loss_and_grad", nargs, 5) == 0 && args_bool(args[4], &accumulate) == 0 &&
        (seen = csr_of(args[0]) ? Py_NewRef(args[0]) : (PyObject *)args_seen(args[0])) != NULL &&
        parse_x(net, &x, seen, Py_None) == 0 && args_input_rows_at_least_one(&x) == 0 &&
        net_objective(net, &objective, args[2], args[1], args[3]) == 0 &&
        args_objective_rows(&objective, (npy_intp)x.input.n) == 0 && net_enter(net) == 0) {
        double value;
        if (run_forward(net, &x.numbers, &objective) == 0 && run_loss(net, &objective, &value) == 0 &&
            run_backward(net, net->dz, NULL, accumulate) == 0)
            result = PyFloat_FromDouble(value);
        net_leave(net);
    }
    args_objective_clear(&objective);
    args_input_clear(&x);
    Py_XDECREF(seen);
    return result;
}
