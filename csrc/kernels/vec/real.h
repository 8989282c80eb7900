/* The dtype of a file of kernels: MLPC_REAL_BITS (32 or 64) makes `real`, and what depends on it. */
#ifndef MLPC_REAL_H
#define MLPC_REAL_H

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* Canonical arithmetic needs IEEE 754 to the letter: one rounding per operation, NaN, infinities and signed zeros. */
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0) ||                           \
    defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || defined(__NO_SIGNED_ZEROS__)
#error "mlpc: fast-math options change bits; build without them"
#endif
/* 1, gcc's -std=c11 on s390x, computes floats in double: rounded to 53 bits and then, by the word's return or by an
 * assignment, to 24 or fewer, one operation comes out as if rounded once, since 53 >= 2 * 24 + 2 (Figueroa, 1995).  So
 * no expression of floats has two operations. */
#if FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 1
#error "mlpc: excess precision changes bits; on 32-bit x86 build with -msse2 -mfpmath=sse"
#endif

/* MLPC_NO_CONTRACT(v), a statement: whatever computed the variable v (a scalar or a vector) is finished here, so that
 * no compiler makes one fused operation of a product and the sum that takes it.  Every product that is not v_fma's
 * passes through it: -ffp-contract=fast undoes pragmas, and fuses intrinsics as readily as operators. */
#ifdef __GNUC__
#define MLPC_NO_CONTRACT_ARRAY(a) __asm__("" : "+m"(a)) /* the same of an array, whole */
#else
#define MLPC_NO_CONTRACT_ARRAY(a) ((void)(a))
#endif
#if defined(__x86_64__) || defined(__i386__)
#define MLPC_NO_CONTRACT(v) __asm__("" : "+x"(v))
#elif defined(__aarch64__)
#define MLPC_NO_CONTRACT(v) __asm__("" : "+w"(v))
#elif defined(__arm__) && defined(__ARM_FP)
#define MLPC_NO_CONTRACT(v) __asm__("" : "+w"(v))
#elif defined(__GNUC__)
#define MLPC_NO_CONTRACT(v) __asm__("" : "+m"(v))
#else
#define MLPC_NO_CONTRACT(v) (*(volatile char *)&(v) = *(volatile char *)&(v)) /* which may have changed the number */
#endif

#if MLPC_REAL_BITS == 32
typedef float real;
typedef uint32_t real_bits;
#define REAL_MANTISSA 23
#define REAL_BIAS 127
#define REAL_MIN FLT_MIN
#define REAL_SQRT sqrtf
#define FOR_REAL(f32, f64) f32
#elif MLPC_REAL_BITS == 64
typedef double real;
typedef uint64_t real_bits;
#define REAL_MANTISSA 52
#define REAL_BIAS 1023
#define REAL_MIN DBL_MIN
#define REAL_SQRT sqrt
#define FOR_REAL(f32, f64) f64
#else
#error "mlpc: MLPC_REAL_BITS is 32 or 64"
#endif

#endif
