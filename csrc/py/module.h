/* What every file of the boundary includes, before anything else.
 *
 * This folder alone knows Python and NumPy.  It parses, checks, releases the GIL for one call of the core or of one
 * kernel, and maps the status.  No policy and no arithmetic live here: names, defaults and conveniences are Python's.
 */
#ifndef MLPC_PY_MODULE_H
#define MLPC_PY_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_1_25_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL mlpc_array_api
#ifndef MLPC_IMPORTS_NUMPY /* module.c alone holds NumPy's table of functions */
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>
#undef I /* NumPy includes <complex.h>; here I is a number of inputs */

#include "../core/mlpc.h"
#include "../kernels/kernels.h"

typedef struct {
    PyObject *net_type, *predictor_type, *samples_type, *csr_type, *objective_type;
    PyObject *divergence_error, *in_use_error;
    mlpc_isa isa; /* whose kernels compute */
    const mlpc_kernels *kernels[MLPC_N_DTYPES];
} module_state;

static inline module_state *module_state_of(PyObject *module) { return PyModule_GetState(module); }

/* The kernels that compute now; looked up for every call, so that use_isa() holds for networks that exist.  Not by
 * mlpc_kernels_for, which asks the CPU: on a virtual machine that takes 15 us. */
static inline const mlpc_kernels *module_kernels(const module_state *state, mlpc_dtype dtype)
{
    return state->kernels[dtype];
}

/* How many threads a call of this thread may use now; looked up for every call, with or without the GIL. */
enum { MODULE_MAX_THREADS = 1024 };
size_t module_num_threads(void);

/* Before a call with a workspace that was made before: the number may be another since. */
void module_limit_threads(mlpc_workspace *workspace);

/* A function of (self, args, nargs) in a table of methods. */
#define FAST(function) (PyCFunction)(void (*)(void)) function, METH_FASTCALL

/* Tables of methods that the files bind_*.c of these names fill, and module.c adds to the module. */
extern PyMethodDef bind_ops_methods[];
extern PyMethodDef bind_elements_methods[];
extern PyMethodDef bind_norms_methods[];
extern PyMethodDef bind_draws_methods[];
extern PyMethodDef bind_numbers_methods[];
extern PyMethodDef bind_tables_methods[];
extern PyMethodDef bind_threads_methods[];

/* The types, made for this module: new references. */
PyObject *bind_net_type(PyObject *module);
PyObject *bind_predictor_type(PyObject *module);
PyObject *bind_samples_type(PyObject *module);
PyObject *bind_csr_type(PyObject *module);
PyObject *bind_objective_type(PyObject *module);

#endif
