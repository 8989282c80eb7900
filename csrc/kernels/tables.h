/* The tables of kernels that this library holds, by instruction set and dtype. */
#ifndef MLPC_TABLES_H
#define MLPC_TABLES_H

#include "kernels.h"

#if defined(__x86_64__) || defined(__i386__)
#define MLPC_HAS_X86 1
#else
#define MLPC_HAS_X86 0
#endif

#if defined(__aarch64__)
#define MLPC_HAS_NEON 1
#else
#define MLPC_HAS_NEON 0
#endif

extern const mlpc_kernels mlpc_kernels_reference_f32, mlpc_kernels_reference_f64;
extern const mlpc_kernels mlpc_kernels_portable_f32, mlpc_kernels_portable_f64;
#if MLPC_HAS_NEON
extern const mlpc_kernels mlpc_kernels_neon_f32, mlpc_kernels_neon_f64;
#endif
#if MLPC_HAS_X86
extern const mlpc_kernels mlpc_kernels_avx2_f32, mlpc_kernels_avx2_f64;
extern const mlpc_kernels mlpc_kernels_avx512_f32, mlpc_kernels_avx512_f64;
#endif

#endif
