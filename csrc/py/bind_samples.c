#include "bind_samples.h"

#include "errors.h"
#include "names.h"
#include "poll.h"

/* Takes the reference to x, which is of uint8 or of dtype. */
static SamplesObject *make(const module_state *state, PyArrayObject *x, double scale, mlpc_dtype dtype,
                           mlpc_zeros zeros)
{
    PyTypeObject *const type = (PyTypeObject *)state->samples_type;
    SamplesObject *self = (SamplesObject *)type->tp_alloc(type, 0);
    if (self == NULL) {
        Py_DECREF(x);
        return NULL;
    }
    self->x = x;
    self->dtype = dtype;
    self->scale = scale;
    const mlpc_input input = {PyArray_DATA(x), (size_t)PyArray_DIM(x, 0), PyArray_TYPE(x) == NPY_UINT8, scale};
    const size_t columns = (size_t)PyArray_DIM(x, 1);
    const mlpc_kernels *const kernels = module_kernels(state, dtype);
    poll_state poll;
    poll_begin(&poll, NULL);
    const mlpc_status status = mlpc_samples_create(&self->samples, kernels, &input, columns, zeros, &poll.poll);
    poll_end(&poll);
    if (status != MLPC_OK) {
        self->samples = NULL;
        Py_DECREF(self);
        errors_raise(status);
        return NULL;
    }
    return self;
}

/* Samples(x, scale, dtype, zeros): scale None: x is no bytes, or means what its numbers are. */
static PyObject *samples_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *object, *scale_object, *dtype_object, *zeros_object;
    if (keywords != NULL && PyDict_GET_SIZE(keywords) > 0) {
        PyErr_SetString(PyExc_TypeError, "Samples: expected no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "OOOO:Samples", &object, &scale_object, &dtype_object, &zeros_object))
        return NULL;
    const int dtype = names_find("dtype", dtype_object, names_dtypes, MLPC_N_DTYPES);
    const int zeros = dtype < 0 ? -1 : names_find("zeros", zeros_object, names_zeros, 3);
    double scale;
    if (zeros < 0 || args_scale(scale_object, (mlpc_dtype)dtype, &scale) < 0)
        return NULL;
    PyArrayObject *x = scale_object != Py_None ? args_bytes("x", object)
                                               : args_matrix("x", object, (mlpc_dtype)dtype, ARGS_ANY, ARGS_ANY);
    if (x != NULL && args_shape2("x", x, ARGS_ANY, ARGS_ANY) == 0 && args_rows_at_least_one("x", x) == 0 &&
        PyArray_DIM(x, 1) == 0)
        PyErr_SetString(PyExc_ValueError, "x: expected at least one column, got 0");
    if (PyErr_Occurred()) {
        Py_XDECREF(x);
        return NULL;
    }
    return (PyObject *)make(PyType_GetModuleState(type), x, scale, (mlpc_dtype)dtype, (mlpc_zeros)zeros);
}

SamplesObject *samples_parse(const module_state *state, PyObject *object, mlpc_dtype dtype, npy_intp columns)
{
    if (Py_TYPE(object) != (PyTypeObject *)state->samples_type) {
        PyArrayObject *x = args_matrix("x", object, dtype, ARGS_ANY, columns);
        if (x == NULL || args_rows_at_least_one("x", x) < 0) {
            Py_XDECREF(x);
            return NULL;
        }
        return make(state, x, 1, dtype, MLPC_ZEROS_MULTIPLY);
    }
    SamplesObject *const samples = (SamplesObject *)object;
    if (args_shape2("x", samples->x, ARGS_ANY, columns) < 0)
        return NULL;
    if (samples->dtype != dtype) {
        PyErr_Format(PyExc_TypeError, "x: expected samples for %s, got some for %s", names_dtypes[dtype],
                     names_dtypes[samples->dtype]);
        return NULL;
    }
    return (SamplesObject *)Py_NewRef(object);
}

SamplesObject *samples_over(const module_state *state, const SamplesObject *samples, PyArrayObject *x)
{
    const mlpc_zeros zeros = mlpc_samples_skip_zeros(samples->samples) ? MLPC_ZEROS_SKIP : MLPC_ZEROS_MULTIPLY;
    return make(state, x, samples->scale, samples->dtype, zeros);
}

static void samples_dealloc(PyObject *self)
{
    SamplesObject *const samples = (SamplesObject *)self;
    PyTypeObject *const type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    mlpc_samples_free(samples->samples);
    Py_XDECREF(samples->x);
    type->tp_free(self);
    Py_DECREF(type);
}

static int samples_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static PyObject *skip_zeros(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(mlpc_samples_skip_zeros(((SamplesObject *)self)->samples));
}

static PyGetSetDef samples_getset[] = {
    {"skip_zeros", skip_zeros, NULL, "Are zeros skipped?", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot samples_slots[] = {
    {Py_tp_doc, "Samples(x, scale, dtype, zeros, /)\n--\n\nThe rows that a training goes through."},
    {Py_tp_new, samples_new},
    {Py_tp_dealloc, samples_dealloc},
    {Py_tp_traverse, samples_traverse},
    {Py_tp_getset, samples_getset},
    {0, NULL},
};

static PyType_Spec samples_spec = {
    .name = "mlpc._mlpc.Samples",
    .basicsize = sizeof(SamplesObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = samples_slots,
};

PyObject *bind_samples_type(PyObject *module) { return PyType_FromModuleAndSpec(module, &samples_spec, NULL); }
