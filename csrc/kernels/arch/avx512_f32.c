/* The templates over the avx512 vocabulary, 32-bit. */
#if defined(__x86_64__) || defined(__i386__)
#define MLPC_REAL_BITS 32
#define MLPC_TABLE mlpc_kernels_avx512_f32
#include "../tables.h"
#include "../vec/vec_avx512.h"

#include "../tmpl/templates.inc"
#include "../vec/vec_end.h"
#else
typedef int mlpc_empty_translation_unit;
#endif
