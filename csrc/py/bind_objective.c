/* The type Objective: a loss, its targets and the weights of rows, checked once and kept for all epochs. */
#include "bind_objective.h"

#include "bind_net.h"
#include "names.h"

typedef struct {
    PyObject_HEAD mlpc_dtype dtype;
    npy_intp columns; /* of the logits that it is for */
    args_objective objective;
} ObjectiveObject;

/* Objective(y, loss, sample_weight, dtype, n_out) */
static PyObject *objective_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *y, *loss, *sample_weight, *dtype_object, *columns_object;
    uint64_t columns;
    if (keywords != NULL && PyDict_GET_SIZE(keywords) > 0) {
        PyErr_SetString(PyExc_TypeError, "Objective: expected no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "OOOOO:Objective", &y, &loss, &sample_weight, &dtype_object, &columns_object))
        return NULL;
    const int dtype = args_dtype(dtype_object);
    if (dtype < 0 || args_integer("n_out", columns_object, 1, NPY_MAX_INTP, &columns) < 0)
        return NULL;
    /* Whole before it is an object: what is converted may run code that sees all objects. */
    args_objective objective = {.keeps = 1};
    ObjectiveObject *self = NULL;
    const mlpc_kernels *const kernels = module_kernels(PyType_GetModuleState(type), (mlpc_dtype)dtype);
    if (args_objective_parse(&objective, kernels, (mlpc_dtype)dtype, (npy_intp)columns, loss, y, sample_weight) < 0 ||
        args_rows_at_least_one("y", objective.y) < 0 || (self = (ObjectiveObject *)type->tp_alloc(type, 0)) == NULL) {
        args_objective_clear(&objective);
        return NULL;
    }
    self->dtype = (mlpc_dtype)dtype;
    self->columns = (npy_intp)columns;
    self->objective = objective;
    return (PyObject *)self;
}

int objective_parse(const module_state *state, args_objective *objective, mlpc_dtype dtype, npy_intp columns,
                    PyObject *loss, PyObject *y, PyObject *sample_weight)
{
    if (Py_TYPE(y) != (PyTypeObject *)state->objective_type)
        return args_objective_parse(objective, module_kernels(state, dtype), dtype, columns, loss, y, sample_weight);
    const ObjectiveObject *const kept = (ObjectiveObject *)y;
    if (loss != Py_None || sample_weight != Py_None) {
        PyErr_SetString(PyExc_TypeError,
                        "y: expected None as loss and sample_weight beside an Objective, which has both");
        return -1;
    }
    if (kept->dtype != dtype || kept->columns != columns) {
        PyErr_Format(PyExc_ValueError, "y: expected an Objective for %zd outputs of %s, got one for %zd of %s",
                     (Py_ssize_t)columns, names_dtypes[dtype], (Py_ssize_t)kept->columns, names_dtypes[kept->dtype]);
        return -1;
    }
    *objective = kept->objective;
    Py_XINCREF(objective->weight);
    Py_XINCREF(objective->y);
    Py_XINCREF(objective->sample_weight);
    return 0;
}

int net_objective(const NetObject *net, args_objective *objective, PyObject *loss, PyObject *y, PyObject *sample_weight)
{
    return objective_parse(net->state, objective, net->plan->dtype, net->n_out, loss, y, sample_weight);
}

static void objective_dealloc(PyObject *self)
{
    PyTypeObject *const type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    args_objective_clear(&((ObjectiveObject *)self)->objective);
    type->tp_free(self);
    Py_DECREF(type);
}

/* What it holds besides its type are arrays of numbers. */
static int objective_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static PyType_Slot objective_slots[] = {
    {Py_tp_doc, "Objective(y, loss, sample_weight, dtype, n_out, /)\n--\n\nWhat a training is to achieve."},
    {Py_tp_new, objective_new},
    {Py_tp_dealloc, objective_dealloc},
    {Py_tp_traverse, objective_traverse},
    {0, NULL},
};

static PyType_Spec objective_spec = {
    .name = "mlpc._mlpc.Objective",
    .basicsize = sizeof(ObjectiveObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = objective_slots,
};

PyObject *bind_objective_type(PyObject *module) { return PyType_FromModuleAndSpec(module, &objective_spec, NULL); }
