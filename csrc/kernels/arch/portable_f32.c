/* The templates over the portable vocabulary, 32-bit. */
#define MLPC_REAL_BITS 32
#define MLPC_TABLE mlpc_kernels_portable_f32
#include "../tables.h"
#include "../vec/vec_portable.h"

#include "../tmpl/templates.inc"
