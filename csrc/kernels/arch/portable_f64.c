/* The templates over the portable vocabulary, 64-bit. */
#define MLPC_REAL_BITS 64
#define MLPC_TABLE mlpc_kernels_portable_f64
#include "../tables.h"
#include "../vec/vec_portable.h"

#include "../tmpl/templates.inc"
