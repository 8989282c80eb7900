/* The templates over the neon vocabulary, 32-bit. */
#if defined(__aarch64__)
#define MLPC_REAL_BITS 32
#define MLPC_TABLE mlpc_kernels_neon_f32
#include "../tables.h"
#include "../vec/vec_neon.h"

#include "../tmpl/templates.inc"
#else
typedef int mlpc_empty_translation_unit;
#endif
