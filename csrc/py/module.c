/* The module mlpc._mlpc: multi-phase initialisation, all state per module, no static objects.  The GIL guards it.
 * The number of threads alone is the process's. */
#define MLPC_IMPORTS_NUMPY
#include "module.h"

#include <stdlib.h>

#include "names.h"

/* Given by setup.py; another way of building may leave them out. */
#ifndef MLPC_BUILD_HASH
#define MLPC_BUILD_HASH "unknown"
#endif
#ifndef MLPC_OPTIMIZATION
#define MLPC_OPTIMIZATION "unknown optimisation"
#endif
#if defined(__clang__)
#define COMPILER __VERSION__
#elif defined(__GNUC__)
#define COMPILER "GCC " __VERSION__
#else
#define COMPILER "unknown compiler"
#endif

/* ---- Instruction sets -------------------------------------------------------------------------------------------- */

/* The names of those that run here; returns how many. */
static int running(const char *names[MLPC_N_ISAS])
{
    int n = 0;
    for (int isa = 0; isa < MLPC_N_ISAS; isa++)
        if (mlpc_isa_runs((mlpc_isa)isa))
            names[n++] = mlpc_isa_name((mlpc_isa)isa);
    return n;
}

static PyObject *isas(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    const char *names[MLPC_N_ISAS];
    return names_list(names, running(names));
}

static PyObject *active_isa(PyObject *module, PyObject *Py_UNUSED(none))
{
    return PyUnicode_FromString(mlpc_isa_name(module_state_of(module)->isa));
}

static void set_isa(module_state *state, mlpc_isa isa)
{
    state->isa = isa;
    for (int dtype = 0; dtype < MLPC_N_DTYPES; dtype++)
        state->kernels[dtype] = mlpc_kernels_for(isa, (mlpc_dtype)dtype);
}

/* -1 with TypeError or ValueError where the name is none of those that run; argument: what the message calls it. */
static int choose_isa(module_state *state, const char *argument, PyObject *name)
{
    const char *names[MLPC_N_ISAS];
    const int chosen = names_find(argument, name, names, running(names));
    if (chosen < 0)
        return -1;
    for (int isa = 0; isa < MLPC_N_ISAS; isa++)
        if (mlpc_isa_name((mlpc_isa)isa) == names[chosen])
            set_isa(state, (mlpc_isa)isa);
    return 0;
}

static PyObject *use_isa(PyObject *module, PyObject *name)
{
    return choose_isa(module_state_of(module), "instruction set", name) < 0 ? NULL : Py_NewRef(Py_None);
}

/* The environment's choice, or the fastest. */
static int initial_isa(module_state *state)
{
    set_isa(state, mlpc_isa_best());
    const char *const wanted = getenv("MLPC_ISA");
    if (wanted == NULL || *wanted == '\0')
        return 0;
    PyObject *name = PyUnicode_DecodeFSDefault(wanted);
    if (name == NULL)
        return -1;
    const int result = choose_isa(state, "environment variable MLPC_ISA", name);
    Py_DECREF(name);
    if (result < 0 && PyErr_ExceptionMatches(PyExc_ValueError)) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        PyErr_Format(PyExc_ImportError, "%S", value);
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
    }
    return result;
}

static PyObject *cpu_features(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    PyObject *features = PyDict_New();
    int present;
    const char *name;
    for (size_t i = 0; features != NULL && (name = mlpc_cpu_feature(i, &present)) != NULL; i++)
        if (PyDict_SetItemString(features, name, present ? Py_True : Py_False) < 0)
            Py_CLEAR(features);
    return features;
}

static PyMethodDef methods[] = {
    {"isas", isas, METH_NOARGS, "isas()\n--\n\nInstruction sets that run here, slowest first."},
    {"active_isa", active_isa, METH_NOARGS, "active_isa()\n--\n\nThe instruction set whose kernels compute."},
    {"use_isa", use_isa, METH_O, "use_isa(name, /)\n--\n\nLets another instruction set's kernels compute."},
    {"cpu_features", cpu_features, METH_NOARGS, "cpu_features()\n--\n\nFeatures of the CPU and whether it has them."},
    {NULL, NULL, 0, NULL},
};

/* ---- The module -------------------------------------------------------------------------------------------------- */

static int add_object(PyObject *module, const char *name, PyObject *object)
{
    return object == NULL ? -1 : PyModule_AddObjectRef(module, name, object);
}

static int module_exec(PyObject *module)
{
    module_state *const state = module_state_of(module);
    if (PyArray_ImportNumPyAPI() < 0 || initial_isa(state) < 0)
        return -1;
    state->divergence_error = PyErr_NewExceptionWithDoc(
        "mlpc.DivergenceError", "Training met a logit, a loss, a gradient or a weight that is not finite.",
        PyExc_ValueError, NULL);
    state->in_use_error = PyErr_NewExceptionWithDoc(
        "mlpc.InUseError", "Another thread, or a call that called back, computes with the network.", PyExc_RuntimeError,
        NULL);
    state->net_type = bind_net_type(module);
    state->predictor_type = bind_predictor_type(module);
    state->samples_type = bind_samples_type(module);
    state->csr_type = bind_csr_type(module);
    state->objective_type = bind_objective_type(module);
    if (add_object(module, "DivergenceError", state->divergence_error) < 0 ||
        add_object(module, "InUseError", state->in_use_error) < 0 || add_object(module, "Net", state->net_type) < 0 ||
        add_object(module, "Predictor", state->predictor_type) < 0 ||
        add_object(module, "Samples", state->samples_type) < 0 || add_object(module, "CSR", state->csr_type) < 0 ||
        add_object(module, "Objective", state->objective_type) < 0 ||
        PyModule_AddFunctions(module, bind_ops_methods) < 0 ||
        PyModule_AddFunctions(module, bind_elements_methods) < 0 ||
        PyModule_AddFunctions(module, bind_norms_methods) < 0 ||
        PyModule_AddFunctions(module, bind_draws_methods) < 0 ||
        PyModule_AddFunctions(module, bind_numbers_methods) < 0 ||
        PyModule_AddFunctions(module, bind_tables_methods) < 0 ||
        PyModule_AddFunctions(module, bind_threads_methods) < 0 ||
        PyModule_AddIntConstant(module, "MAX_THREADS", MODULE_MAX_THREADS) < 0 ||
        PyModule_AddIntConstant(module, "ARITHMETIC", MLPC_ARITHMETIC) < 0 ||
        PyModule_AddStringConstant(module, "build_hash", MLPC_BUILD_HASH) < 0 ||
        PyModule_AddStringConstant(module, "compiler", COMPILER " " MLPC_OPTIMIZATION) < 0)
        return -1;
    return 0;
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    module_state *const state = module_state_of(module);
    Py_VISIT(state->net_type);
    Py_VISIT(state->predictor_type);
    Py_VISIT(state->samples_type);
    Py_VISIT(state->csr_type);
    Py_VISIT(state->objective_type);
    Py_VISIT(state->divergence_error);
    Py_VISIT(state->in_use_error);
    return 0;
}

static int module_clear(PyObject *module)
{
    module_state *const state = module_state_of(module);
    Py_CLEAR(state->net_type);
    Py_CLEAR(state->predictor_type);
    Py_CLEAR(state->samples_type);
    Py_CLEAR(state->csr_type);
    Py_CLEAR(state->objective_type);
    Py_CLEAR(state->divergence_error);
    Py_CLEAR(state->in_use_error);
    return 0;
}

static void module_free(void *module) { module_clear(module); }

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, module_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED}, /* as NumPy */
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "mlpc._mlpc",
    .m_doc = "The C extension of mlpc: arrays in, arrays out; see the Python modules above it.",
    .m_size = sizeof(module_state),
    .m_methods = methods,
    .m_slots = slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit__mlpc(void) { return PyModuleDef_Init(&definition); }
