/* The type Predictor: a frozen network.  Nothing of it changes, so that any number of threads may call it at once: each
 * call takes memory that no other has. */
#include "args_plan.h"

#include <string.h>
#include <structmember.h>

#include "args_input.h"
#include "bind_infer.h"
#include "errors.h"
#include "names.h"
#include "poll.h"

/* The memory of one call. */
typedef struct memory {
    mlpc_workspace *workspace; /* NULL where it could not be made */
    struct memory *next;
} memory;

typedef struct {
    PyObject_HEAD mlpc_predictor *predictor;
    npy_intp n_in, n_out;
    PyObject *sizes, *activations, *blocks, *norms, *dtype, *loss_name;
    Py_ssize_t n_parameters;
    memory *idle; /* of calls that have ended, for the next ones: as many as there were at once; the GIL guards it */
} PredictorObject;

/* ---- Making and ending ------------------------------------------------------------------------------------------- */

/* Of parameters (n_parameters,) and statistics (n_statistics,), which may be NULL where that is 0; NULL with an
 * exception. */
static mlpc_predictor *freeze(const module_state *state, const args_plan *plan, mlpc_loss_kind loss,
                              PyObject *parameters, PyObject *statistics)
{
    const mlpc_net *const net = plan->net;
    const npy_intp none = 0;
    PyArrayObject *array = args_real("parameters", parameters, net->dtype);
    PyArrayObject *running = statistics == NULL
                                 ? (PyArrayObject *)PyArray_SimpleNew(1, &none, args_type_number(net->dtype))
                                 : args_real("statistics", statistics, net->dtype);
    mlpc_predictor *predictor = NULL;
    if (array != NULL && running != NULL && args_shape1("parameters", array, (npy_intp)net->n_parameters) == 0 &&
        args_shape1("statistics", running, (npy_intp)net->n_statistics) == 0) {
        const mlpc_model model = {net, module_kernels(state, net->dtype), PyArray_DATA(array), PyArray_DATA(running)};
        PyThreadState *const thread = PyEval_SaveThread();
        const mlpc_status status = mlpc_predictor_create(&predictor, &model, loss);
        PyEval_RestoreThread(thread);
        if (status != MLPC_OK)
            errors_raise(status);
    }
    Py_XDECREF(running);
    Py_XDECREF(array);
    return predictor;
}

static void predictor_dealloc(PyObject *object)
{
    PredictorObject *const self = (PredictorObject *)object;
    PyTypeObject *const type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    for (memory *next; self->idle != NULL; self->idle = next) {
        next = self->idle->next;
        mlpc_workspace_free(self->idle->workspace);
        PyMem_RawFree(self->idle);
    }
    Py_XDECREF(self->loss_name);
    Py_XDECREF(self->dtype);
    Py_XDECREF(self->blocks);
    Py_XDECREF(self->norms);
    Py_XDECREF(self->activations);
    Py_XDECREF(self->sizes);
    mlpc_predictor_free(self->predictor);
    type->tp_free(object);
    Py_DECREF(type);
}

/* The module's own type among the bases of a subclass: the one that deallocates as this file says. */
static PyTypeObject *own_type(PyTypeObject *type)
{
    while (type->tp_dealloc != predictor_dealloc)
        type = type->tp_base;
    return type;
}

/* Predictor(sizes, activations, dtype, loss, parameters, norms=(None, ...), statistics=()) */
static PyObject *predictor_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *sizes, *activations, *dtype, *loss_name, *parameters, *norms = NULL, *statistics = NULL;
    args_plan plan;
    if (keywords != NULL && PyDict_GET_SIZE(keywords) > 0) {
        PyErr_SetString(PyExc_TypeError, "Predictor: expected no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "OOOOO|OO:Predictor", &sizes, &activations, &dtype, &loss_name, &parameters, &norms,
                          &statistics))
        return NULL;
    const int loss = names_find("loss", loss_name, names_losses, MLPC_N_LOSSES);
    if (loss < 0 || args_plan_parse(&plan, sizes, activations, dtype, norms) < 0)
        return NULL;
    /* Whole before it is an object: meanwhile code runs that sees all objects. */
    PyObject *name = PyUnicode_FromString(names_losses[loss]);
    mlpc_predictor *const predictor = name == NULL ? NULL
                                                   : freeze(PyType_GetModuleState(own_type(type)), &plan,
                                                            (mlpc_loss_kind)loss, parameters, statistics);
    PredictorObject *self = predictor == NULL ? NULL : (PredictorObject *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->predictor = predictor;
        self->sizes = Py_NewRef(plan.sizes);
        self->activations = Py_NewRef(plan.activations);
        self->blocks = Py_NewRef(plan.blocks);
        self->norms = Py_NewRef(plan.norms);
        self->dtype = Py_NewRef(plan.dtype);
        self->loss_name = Py_NewRef(name);
        self->n_in = (npy_intp)plan.net->layers[0].n_in;
        self->n_out = (npy_intp)plan.net->layers[plan.net->n_layers - 1].n_out;
        self->n_parameters = (Py_ssize_t)plan.net->n_parameters;
    } else {
        mlpc_predictor_free(predictor);
    }
    Py_XDECREF(name);
    args_plan_clear(&plan);
    return (PyObject *)self;
}

/* What the object holds besides its type cannot refer back to it. */
static int predictor_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

/* ---- Answers ----------------------------------------------------------------------------------------------------- */

/* Memory for so many rows; NULL with MemoryError. */
static memory *take_memory(PredictorObject *self, size_t rows)
{
    const mlpc_model *const model = &self->predictor->model;
    memory *taken = self->idle;
    if (taken != NULL)
        self->idle = taken->next;
    else if ((taken = PyMem_RawCalloc(1, sizeof *taken)) == NULL)
        PyErr_NoMemory();
    if (taken != NULL && infer_reserve(&taken->workspace, model->net, model->kernels, rows) < 0) {
        mlpc_workspace_free(taken->workspace);
        PyMem_RawFree(taken);
        taken = NULL;
    }
    return taken;
}

static void give_back(PredictorObject *self, memory *taken)
{
    taken->next = self->idle;
    self->idle = taken;
}

static PyObject *predict(PredictorObject *self, const mlpc_input *x, mlpc_output output)
{
    const mlpc_predictor *const predictor = self->predictor;
    const mlpc_model *const model = &predictor->model;
    PyArrayObject *result = infer_new_output(output, predictor->loss, (npy_intp)x->n, self->n_out, model->net->dtype);
    memory *const own = result == NULL ? NULL : take_memory(self, x->n);
    if (own == NULL) {
        Py_XDECREF(result);
        return NULL;
    }
    void *const to = PyArray_DATA(result);
    poll_state state;
    const mlpc_poll *const poll = poll_begin_work(&state, mlpc_forward_terms(model->net, x->n), model->kernels->piece);
    const mlpc_status status = mlpc_predictor_run(predictor, own->workspace, output, to, x, poll);
    poll_end(&state);
    give_back(self, own);
    if (status != MLPC_OK) {
        Py_DECREF(result);
        return errors_raise(status);
    }
    return infer_finish_output(result, output, predictor->loss, self->n_out);
}

static PyObject *predictor_predict(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    PredictorObject *const self = (PredictorObject *)object;
    PyObject *result = NULL;
    args_input x;
    int output;
    if (args_count("_predict", nargs, 3) < 0 ||
        (output = names_find("output", args[1], names_outputs, MLPC_N_OUTPUTS)) < 0 ||
        (output != MLPC_OUTPUT_logits && args_outputs(self->predictor->loss, self->n_out) < 0))
        return NULL;
    if (args_input_parse(&x, args[0], args[2], self->predictor->model.net->dtype, self->n_in) == 0)
        result = predict(self, &x.input, (mlpc_output)output);
    args_input_clear(&x);
    return result;
}

static PyObject *copy_of(const mlpc_model *model, const void *numbers, size_t count)
{
    const npy_intp n = (npy_intp)count;
    PyObject *copy = PyArray_SimpleNew(1, &n, args_type_number(model->net->dtype));
    if (copy != NULL)
        memcpy(PyArray_DATA((PyArrayObject *)copy), numbers, count * mlpc_itemsize(model->net->dtype));
    return copy;
}

static PyObject *copy_parameters(PyObject *object, PyObject *Py_UNUSED(none))
{
    const mlpc_model *const model = &((PredictorObject *)object)->predictor->model;
    return copy_of(model, model->parameters, model->net->n_parameters);
}

static PyObject *copy_statistics(PyObject *object, PyObject *Py_UNUSED(none))
{
    const mlpc_model *const model = &((PredictorObject *)object)->predictor->model;
    return copy_of(model, model->statistics, model->net->n_statistics);
}

/* ---- The type ---------------------------------------------------------------------------------------------------- */

static PyMethodDef predictor_methods[] = {
    {"_predict", FAST(predictor_predict),
     "_predict($self, x, output, scale, /)\n--\n\nlogits, prediction or probabilities."},
    {"_copy_parameters", copy_parameters, METH_NOARGS,
     "_copy_parameters($self, /)\n--\n\nA copy of all of them, in an array of its own."},
    {"_copy_statistics", copy_statistics, METH_NOARGS,
     "_copy_statistics($self, /)\n--\n\nA copy of the running ones of batch norms."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef predictor_members[] = {
    {"sizes", T_OBJECT_EX, offsetof(PredictorObject, sizes), READONLY, "Units of every layer, inputs first."},
    {"activations", T_OBJECT_EX, offsetof(PredictorObject, activations), READONLY, "Names, of the hidden layers."},
    {"_blocks", T_OBJECT_EX, offsetof(PredictorObject, blocks), READONLY,
     "Of the hidden layers: a name, or a tuple of name and setting."},
    {"_norms", T_OBJECT_EX, offsetof(PredictorObject, norms), READONLY, "The hidden layers' norms, or None."},
    {"dtype", T_OBJECT_EX, offsetof(PredictorObject, dtype), READONLY, "float32 or float64."},
    {"loss_name", T_OBJECT_EX, offsetof(PredictorObject, loss_name), READONLY, "What predictions are made for."},
    {"n_parameters", T_PYSSIZET, offsetof(PredictorObject, n_parameters), READONLY, "How many weights and biases."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot predictor_slots[] = {
    {Py_tp_doc, "Predictor(sizes, activations, dtype, loss, parameters, norms=(), statistics=(), /)\n--\n\nA frozen "
                "network, for any number of threads."},
    {Py_tp_new, predictor_new},
    {Py_tp_dealloc, predictor_dealloc},
    {Py_tp_traverse, predictor_traverse},
    {Py_tp_methods, predictor_methods},
    {Py_tp_members, predictor_members},
    {0, NULL},
};

static PyType_Spec predictor_spec = {
    .name = "mlpc._mlpc.Predictor",
    .basicsize = sizeof(PredictorObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = predictor_slots,
};

PyObject *bind_predictor_type(PyObject *module) { return PyType_FromModuleAndSpec(module, &predictor_spec, NULL); }
