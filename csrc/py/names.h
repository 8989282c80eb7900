/* Names of the enums, as Python sees them: from the table of kernels and, for the core's few, written out once. */
#ifndef MLPC_PY_NAMES_H
#define MLPC_PY_NAMES_H

#include "module.h"

extern const char *const names_maps[MLPC_N_MAPS];
extern const char *const names_activations[MLPC_N_ACTIVATIONS];
extern const char *const names_rowwise[MLPC_N_ROWWISE];
extern const char *const names_losses[MLPC_N_LOSSES];
extern const char *const names_links[MLPC_N_LINKS];
extern const char *const names_outputs[MLPC_N_OUTPUTS];
extern const char *const names_inits[MLPC_N_INITS];
extern const char *const names_norms[MLPC_N_NORMS];
extern const char *const names_reductions[2]; /* index: mlpc_loss.mean */
extern const char *const names_dtypes[MLPC_N_DTYPES];
extern const char *const names_zeros[3];

/* The index of a str among n names; -1 with TypeError or ValueError that names the argument and lists them all. */
int names_find(const char *argument, PyObject *name, const char *const *names, int n);

/* All names, as a list. */
PyObject *names_list(const char *const *names, int n);

/* Family of kernels.def -> list of names, in the table's order. */
PyObject *names_kernels(void);

#endif
