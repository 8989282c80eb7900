#include "bind_samples.h"

#include "errors.h"
#include "names.h"
#include "poll.h"

/* Takes what x holds.  Whole before it is an object: while lists are made other threads run, and see all objects. */
static SamplesObject *make(const module_state *state, args_input *x, mlpc_dtype dtype, mlpc_zeros zeros)
{
    PyTypeObject *const type = (PyTypeObject *)state->samples_type;
    const mlpc_kernels *const kernels = module_kernels(state, dtype);
    mlpc_samples *samples = NULL;
    SamplesObject *self = NULL;
    poll_state poll;
    poll_begin(&poll, NULL);
    const mlpc_status status =
        mlpc_samples_create(&samples, kernels, &x->input, (size_t)x->columns, zeros, module_num_threads(), &poll.poll);
    poll_end(&poll);
    if (status != MLPC_OK)
        errors_raise(status);
    else if ((self = (SamplesObject *)type->tp_alloc(type, 0)) == NULL)
        mlpc_samples_free(samples);
    if (self == NULL) {
        args_input_clear(x);
        return NULL;
    }
    self->x = *x;
    self->dtype = dtype;
    self->samples = samples;
    return self;
}

/* x of Samples: bytes have a scale. */
static int parse_x(args_input *x, PyObject *object, PyObject *scale_object, mlpc_dtype dtype, npy_intp columns)
{
    double scale;
    if (csr_of(object) != NULL)
        return args_input_parse(x, object, scale_object, dtype, columns);
    *x = (args_input){0};
    if (args_scale(scale_object, dtype, &scale) < 0)
        return -1;
    x->numbers = scale_object != Py_None ? args_bytes("x", object) : args_real("x", object, dtype);
    if (x->numbers == NULL || args_shape2("x", x->numbers, ARGS_ANY, columns) < 0)
        return -1;
    x->columns = PyArray_DIM(x->numbers, 1);
    x->input = (mlpc_input){
        .rows = PyArray_DATA(x->numbers),
        .n = (size_t)PyArray_DIM(x->numbers, 0),
        .bytes = scale_object != Py_None,
        .scale = scale,
    };
    return 0;
}

/* Samples(x, scale, dtype, zeros): scale None: x is no bytes, or means what its numbers are. */
static PyObject *samples_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *object, *scale, *dtype_object, *zeros_object;
    args_input x = {0};
    if (keywords != NULL && PyDict_GET_SIZE(keywords) > 0) {
        PyErr_SetString(PyExc_TypeError, "Samples: expected no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "OOOO:Samples", &object, &scale, &dtype_object, &zeros_object))
        return NULL;
    const int dtype = args_dtype(dtype_object);
    const int zeros = dtype < 0 ? -1 : names_find("zeros", zeros_object, names_zeros, 3);
    if (zeros >= 0 && parse_x(&x, object, scale, (mlpc_dtype)dtype, ARGS_ANY) == 0 &&
        args_input_rows_at_least_one(&x) == 0 && x.columns == 0)
        PyErr_SetString(PyExc_ValueError, "x: expected at least one column, got 0");
    if (PyErr_Occurred()) {
        args_input_clear(&x);
        return NULL;
    }
    return (PyObject *)make(PyType_GetModuleState(type), &x, (mlpc_dtype)dtype, (mlpc_zeros)zeros);
}

SamplesObject *samples_parse(const module_state *state, PyObject *object, mlpc_dtype dtype, npy_intp columns)
{
    if (Py_TYPE(object) != (PyTypeObject *)state->samples_type) {
        args_input x;
        if (parse_x(&x, object, Py_None, dtype, columns) < 0 || args_input_rows_at_least_one(&x) < 0) {
            args_input_clear(&x);
            return NULL;
        }
        return make(state, &x, dtype, MLPC_ZEROS_MULTIPLY);
    }
    SamplesObject *const samples = (SamplesObject *)object;
    if (args_input_columns(&samples->x, columns) < 0)
        return NULL;
    if (samples->dtype != dtype) {
        PyErr_Format(PyExc_TypeError, "x: expected samples for %s, got some for %s", names_dtypes[dtype],
                     names_dtypes[samples->dtype]);
        return NULL;
    }
    return (SamplesObject *)Py_NewRef(object);
}

SamplesObject *samples_over(const module_state *state, const SamplesObject *samples, PyArrayObject *numbers)
{
    const mlpc_zeros zeros = mlpc_samples_skip_zeros(samples->samples) ? MLPC_ZEROS_SKIP : MLPC_ZEROS_MULTIPLY;
    args_input x = samples->x;
    Py_XINCREF(x.csr);
    Py_INCREF(x.numbers);
    args_input_replace(&x, numbers);
    return make(state, &x, samples->dtype, zeros);
}

static void samples_dealloc(PyObject *self)
{
    SamplesObject *const samples = (SamplesObject *)self;
    PyTypeObject *const type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    mlpc_samples_free(samples->samples);
    args_input_clear(&samples->x);
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
