#include "bind_csr.h"

#include <stddef.h>

static void clear(CSRObject *self)
{
    Py_CLEAR(self->data);
    Py_CLEAR(self->indices);
    Py_CLEAR(self->indptr);
}

static void csr_dealloc(PyObject *object)
{
    PyTypeObject *const type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    clear((CSRObject *)object);
    type->tp_free(object);
    Py_DECREF(type);
}

CSRObject *csr_of(PyObject *object)
{
    const PyTypeObject *type = Py_TYPE(object);
    while (type != NULL && type->tp_dealloc != csr_dealloc)
        type = type->tp_base;
    return type == NULL ? NULL : (CSRObject *)object;
}

/* What stays of an argument: a view, since anyone can give the base of a view that is handed out another shape.  Takes
 * the reference. */
static PyArrayObject *kept(PyArrayObject *array)
{
    if (array != NULL && PyArray_BASE(array) == NULL)
        Py_SETREF(array, (PyArrayObject *)PyArray_View(array, NULL, &PyArray_Type));
    return array;
}

static PyArrayObject *integers(const char *name, PyObject *object, int extra)
{
    PyArrayObject *const any = args_seen(object);
    PyArrayObject *array = NULL;
    if (any != NULL && PyArray_ISINTEGER(any))
        array = args_contiguous(any, NPY_INT64, extra);
    else if (any != NULL)
        args_type_error(name, "integers", any);
    Py_XDECREF(any);
    return array;
}

/* int64 as int32; ValueError where that lacks a number. */
static PyArrayObject *narrowed(PyArrayObject *wide)
{
    PyArrayObject *array = (PyArrayObject *)PyArray_SimpleNew(PyArray_NDIM(wide), PyArray_DIMS(wide), NPY_INT32);
    const int64_t *const from = PyArray_DATA(wide);
    for (npy_intp i = 0, n = PyArray_SIZE(wide); array != NULL && i < n; i++) {
        ((int32_t *)PyArray_DATA(array))[i] = (int32_t)from[i];
        if (from[i] < 0 || from[i] > INT32_MAX) {
            PyErr_Format(PyExc_ValueError, "indices: expected numbers in 0..%d, got others", INT32_MAX);
            Py_CLEAR(array);
        }
    }
    return array;
}

/* int32, without a copy where they are. */
static PyArrayObject *columns_of(PyObject *object)
{
    PyArrayObject *const any = args_seen(object);
    PyArrayObject *array = NULL;
    if (any != NULL && PyArray_EquivTypenums(PyArray_TYPE(any), NPY_INT32))
        array = args_contiguous(any, NPY_INT32, 0);
    else if (any != NULL && (array = integers("indices", (PyObject *)any, 0)) != NULL)
        Py_SETREF(array, narrowed(array));
    Py_XDECREF(any);
    return kept(array);
}

static PyArrayObject *real_numbers(const char *name, PyObject *object)
{
    PyArrayObject *const any = args_seen(object);
    PyArrayObject *array = NULL;
    if (any != NULL && (args_is_integral(any) || PyArray_ISFLOAT(any)))
        array = args_contiguous(any, PyArray_TYPE(any), 0);
    else if (any != NULL)
        args_type_error(name, "real numbers", any);
    Py_XDECREF(any);
    return kept(array);
}

/* Are all indices where they may be, and in order? */
static int check(const CSRObject *self)
{
    if (args_shape1("data", self->data, ARGS_ANY) < 0 ||
        args_shape1("indices", self->indices, PyArray_DIM(self->data, 0)) < 0 ||
        args_shape1("indptr", self->indptr, ARGS_ANY) < 0)
        return -1;
    const mlpc_input input = {
        .n = (size_t)csr_rows(self),
        .indptr = PyArray_DATA(self->indptr),
        .indices = PyArray_DATA(self->indices),
    };
    mlpc_bad_entry bad = {0, SIZE_MAX};
    if (PyArray_DIM(self->indptr, 0) == 0) {
        PyErr_SetString(PyExc_ValueError, "indptr: expected at least one number, got none");
        return -1;
    }
    if (mlpc_csr_is_canonical(&input, (size_t)self->columns, (size_t)PyArray_DIM(self->data, 0), &bad))
        return 0;
    PyErr_Format(PyExc_ValueError, "%s: expected canonical rows of %zd columns, got others in row %zu",
                 bad.k == SIZE_MAX ? "indptr" : "indices", (Py_ssize_t)self->columns, bad.row);
    return -1;
}

/* CSR(data, indices, indptr, columns) */
static PyObject *csr_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *data, *indices, *indptr;
    Py_ssize_t columns;
    if (keywords != NULL && PyDict_GET_SIZE(keywords) > 0) {
        PyErr_SetString(PyExc_TypeError, "CSR: expected no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "OOOn:CSR", &data, &indices, &indptr, &columns))
        return NULL;
    if (columns < 0 || columns > INT32_MAX) {
        PyErr_Format(PyExc_ValueError, "columns: expected a number in 0..%d, got %zd", INT32_MAX, columns);
        return NULL;
    }
    /* Whole before it is an object: what is converted may run code that sees all objects. */
    CSRObject whole = {.columns = columns}, *self = NULL;
    if ((whole.data = real_numbers("data", data)) != NULL && (whole.indices = columns_of(indices)) != NULL &&
        (whole.indptr = integers("indptr", indptr, NPY_ARRAY_ENSURECOPY)) != NULL && check(&whole) == 0 &&
        (self = (CSRObject *)type->tp_alloc(type, 0)) != NULL) {
        self->data = (PyArrayObject *)Py_NewRef((PyObject *)whole.data);
        self->indices = (PyArrayObject *)Py_NewRef((PyObject *)whole.indices);
        self->indptr = (PyArrayObject *)Py_NewRef((PyObject *)whole.indptr);
        self->columns = columns;
    }
    clear(&whole);
    return (PyObject *)self;
}

/* What the object holds besides its type are arrays of numbers. */
static int csr_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static Py_ssize_t csr_length(PyObject *self) { return csr_rows((CSRObject *)self); }

static PyObject *shape(PyObject *self, void *Py_UNUSED(closure))
{
    const CSRObject *const csr = (CSRObject *)self;
    return Py_BuildValue("nn", (Py_ssize_t)csr_rows(csr), (Py_ssize_t)csr->columns);
}

/* A new view, read-only, of the array at an offset.  The array itself is not its base: it could be given another shape
 * then, and indptr, which nobody else has, be written to. */
static PyObject *view(PyObject *self, void *closure)
{
    PyArrayObject *const array = *(PyArrayObject **)((char *)self + (size_t)closure);
    PyObject *const base = PyArray_BASE(array) == NULL ? self : PyArray_BASE(array);
    PyArray_Descr *const type = PyArray_DESCR(array);
    Py_INCREF(type);
    PyObject *made = PyArray_NewFromDescr(&PyArray_Type, type, 1, PyArray_DIMS(array), NULL, PyArray_DATA(array),
                                          NPY_ARRAY_CARRAY_RO, NULL);
    if (made != NULL && PyArray_SetBaseObject((PyArrayObject *)made, Py_NewRef(base)) < 0)
        Py_CLEAR(made);
    return made;
}

static PyGetSetDef csr_getset[] = {
    {"shape", shape, NULL, "Rows and columns.", NULL},
    {"data", view, NULL, "The numbers that are stored.", (void *)offsetof(CSRObject, data)},
    {"indices", view, NULL, "Their columns.", (void *)offsetof(CSRObject, indices)},
    {"indptr", view, NULL, "Where each row begins among them, and where the last one ends.",
     (void *)offsetof(CSRObject, indptr)},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot csr_slots[] = {
    {Py_tp_doc, "CSR(data, indices, indptr, columns, /)\n--\n\nRows without their zeros, canonical."},
    {Py_tp_new, csr_new},
    {Py_tp_dealloc, csr_dealloc},
    {Py_tp_traverse, csr_traverse},
    {Py_tp_getset, csr_getset},
    {Py_sq_length, csr_length},
    {0, NULL},
};

static PyType_Spec csr_spec = {
    .name = "mlpc._mlpc.CSR",
    .basicsize = sizeof(CSRObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = csr_slots,
};

PyObject *bind_csr_type(PyObject *module) { return PyType_FromModuleAndSpec(module, &csr_spec, NULL); }
