#include "names.h"

const char *const names_maps[MLPC_N_MAPS] = {
#define MLPC_MAP(name) #name,
#include "../kernels/kernels.def"
};

const char *const names_activations[MLPC_N_ACTIVATIONS] = {
#define MLPC_ACTIVATION(name, cost) #name,
#include "../kernels/kernels.def"
};

const char *const names_rowwise[MLPC_N_ROWWISE] = {
#define MLPC_ROWWISE(name) #name,
#include "../kernels/kernels.def"
};

const char *const names_losses[MLPC_N_LOSSES] = {
#define MLPC_LOSS(name) #name,
#include "../kernels/kernels.def"
};

static const char *const names_steps[MLPC_N_STEPS] = {
#define MLPC_STEP(name) #name,
#include "../kernels/kernels.def"
};

static const char *const names_others[] = {
#define MLPC_KERNEL(name) #name,
#include "../kernels/kernels.def"
};

const char *const names_outputs[MLPC_N_OUTPUTS] = {
    [MLPC_OUTPUT_logits] = "logits",
    [MLPC_OUTPUT_prediction] = "prediction",
    [MLPC_OUTPUT_probabilities] = "probabilities",
};

const char *const names_inits[MLPC_N_INITS] = {
    [MLPC_INIT_torch] = "torch",           [MLPC_INIT_he] = "he",         [MLPC_INIT_glorot] = "glorot",
    [MLPC_INIT_lecun] = "lecun",           [MLPC_INIT_course] = "course", [MLPC_INIT_zeros] = "zeros",
    [MLPC_INIT_orthogonal] = "orthogonal",
};

const char *const names_links[MLPC_N_LINKS] = {
    [MLPC_LINK_none] = "none",
    [MLPC_LINK_softmax] = "softmax",
    [MLPC_LINK_sigmoid] = "sigmoid",
    [MLPC_LINK_exp] = "exp",
};

const char *const names_norms[MLPC_N_NORMS] = {
    [MLPC_NORM_none] = "none",
    [MLPC_NORM_batch] = "batch",
    [MLPC_NORM_layer] = "layer",
};

const char *const names_reductions[2] = {"sum", "mean"};

const char *const names_dtypes[MLPC_N_DTYPES] = {[MLPC_FLOAT32] = "float32", [MLPC_FLOAT64] = "float64"};

const char *const names_zeros[3] = {
    [MLPC_ZEROS_CHOOSE] = "choose",
    [MLPC_ZEROS_MULTIPLY] = "multiply",
    [MLPC_ZEROS_SKIP] = "skip",
};

PyObject *names_list(const char *const *names, int n)
{
    PyObject *list = PyList_New(n);
    for (int i = 0; list != NULL && i < n; i++) {
        PyObject *name = PyUnicode_FromString(names[i]);
        if (name == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, name);
    }
    return list;
}

int names_find(const char *argument, PyObject *name, const char *const *names, int n)
{
    if (!PyUnicode_Check(name)) {
        PyErr_Format(PyExc_TypeError, "%s: expected a name (str), got %.100s", argument, Py_TYPE(name)->tp_name);
        return -1;
    }
    for (int i = 0; i < n; i++)
        if (PyUnicode_CompareWithASCIIString(name, names[i]) == 0)
            return i;
    PyObject *list = names_list(names, n);
    if (list != NULL) {
        PyErr_Format(PyExc_ValueError, "%s: expected one of %R, got %R", argument, list, name);
        Py_DECREF(list);
    }
    return -1;
}

static int add_family(PyObject *families, const char *family, const char *const *names, int n)
{
    PyObject *list = names_list(names, n);
    const int failed = list == NULL || PyDict_SetItemString(families, family, list) < 0;
    Py_XDECREF(list);
    return failed ? -1 : 0;
}

PyObject *names_kernels(void)
{
    PyObject *families = PyDict_New();
    if (families != NULL &&
        (add_family(families, "map", names_maps, MLPC_N_MAPS) < 0 ||
         add_family(families, "activation", names_activations, MLPC_N_ACTIVATIONS) < 0 ||
         add_family(families, "rowwise", names_rowwise, MLPC_N_ROWWISE) < 0 ||
         add_family(families, "loss", names_losses, MLPC_N_LOSSES) < 0 ||
         add_family(families, "step", names_steps, MLPC_N_STEPS) < 0 ||
         add_family(families, "kernel", names_others, (int)(sizeof names_others / sizeof *names_others)) < 0))
        Py_CLEAR(families);
    return families;
}
