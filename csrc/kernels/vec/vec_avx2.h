/* The vector vocabulary for AVX2 with FMA.  The words are explained in README.md beside this file.
 *
 * From here to vec_end.h every function is compiled for these instructions, whatever the options of the compiler;
 * headers are included before, so that none of their functions is. */
#ifndef MLPC_VEC_AVX2_H
#define MLPC_VEC_AVX2_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "fma.h"
#include "real.h"

#define MLPC_TARGET_REGION
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

#define TILE_ROWS 6
#define TILE_VECTORS 2
#define WIDE_ROWS 4
#define ROW_VECTORS 13
#define ROWS (768 / sizeof(real))
#define PIECE 200000000

#if MLPC_REAL_BITS == 32
typedef __m256 vec;
#define VL 8
#define V(name) _mm256_##name##_ps
#define V_INTEGER(v) _mm256_castps_si256(v)
#define V_OF_INTEGER(i) _mm256_castsi256_ps(i)
#define V_SHIFT_LEFT _mm256_slli_epi32
#define V_SHIFT_RIGHT _mm256_srli_epi32
#define V_BROADCAST _mm256_broadcast_ss

/* The first n lanes: the sign bits that maskload and maskstore look at. */
static inline __m256i v_first(size_t n)
{
    static const int32_t window[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(const void *)(window + 8 - n));
}
static inline vec v_load_n(const real *p, size_t n) { return _mm256_maskload_ps(p, v_first(n)); }
static inline void v_store_n(real *p, vec v, size_t n) { _mm256_maskstore_ps(p, v_first(n), v); }

/* Within each half of the vectors 4 rows by 4 columns are exchanged, then the halves of rows 0..3 and 4..7. */
static inline void v_transpose(vec v[VL])
{
    vec half[8];
    for (int g = 0; g < 8; g += 4) {
        const vec a = _mm256_unpacklo_ps(v[g], v[g + 1]), b = _mm256_unpackhi_ps(v[g], v[g + 1]);
        const vec c = _mm256_unpacklo_ps(v[g + 2], v[g + 3]), d = _mm256_unpackhi_ps(v[g + 2], v[g + 3]);
        half[g] = _mm256_shuffle_ps(a, c, 0x44);
        half[g + 1] = _mm256_shuffle_ps(a, c, 0xEE);
        half[g + 2] = _mm256_shuffle_ps(b, d, 0x44);
        half[g + 3] = _mm256_shuffle_ps(b, d, 0xEE);
    }
    for (int c = 0; c < 4; c++) {
        v[c] = _mm256_permute2f128_ps(half[c], half[4 + c], 0x20);
        v[4 + c] = _mm256_permute2f128_ps(half[c], half[4 + c], 0x31);
    }
}
#else
typedef __m256d vec;
#define VL 4
#define V(name) _mm256_##name##_pd
#define V_INTEGER(v) _mm256_castpd_si256(v)
#define V_OF_INTEGER(i) _mm256_castsi256_pd(i)
#define V_SHIFT_LEFT _mm256_slli_epi64
#define V_SHIFT_RIGHT _mm256_srli_epi64
#define V_BROADCAST _mm256_broadcast_sd

/* The first n lanes: the sign bits that maskload and maskstore look at. */
static inline __m256i v_first(size_t n)
{
    static const int64_t window[8] = {-1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(const void *)(window + 4 - n));
}
static inline vec v_load_n(const real *p, size_t n) { return _mm256_maskload_pd(p, v_first(n)); }
static inline void v_store_n(real *p, vec v, size_t n) { _mm256_maskstore_pd(p, v_first(n), v); }

/* Within each half of the vectors 2 rows by 2 columns are exchanged, then the halves of rows 0..1 and 2..3. */
static inline void v_transpose(vec v[VL])
{
    const vec half[4] = {_mm256_unpacklo_pd(v[0], v[1]), _mm256_unpackhi_pd(v[0], v[1]), _mm256_unpacklo_pd(v[2], v[3]),
                         _mm256_unpackhi_pd(v[2], v[3])};
    for (int c = 0; c < 2; c++) {
        v[c] = _mm256_permute2f128_pd(half[c], half[2 + c], 0x20);
        v[2 + c] = _mm256_permute2f128_pd(half[c], half[2 + c], 0x31);
    }
}
#endif
typedef vec mask; /* all bits of a lane are equal */

static inline vec v_load(const real *p) { return V(loadu)(p); }
static inline void v_store(real *p, vec v) { V(storeu)(p, v); }
static inline vec v_set(real c) { return V(set1)(c); }
static inline vec v_broadcast(const real *p) { return V_BROADCAST(p); }

static inline vec v_add(vec a, vec b) { return V(add)(a, b); }
static inline vec v_sub(vec a, vec b) { return V(sub)(a, b); }
static inline vec v_mul(vec a, vec b)
{
    vec product = V(mul)(a, b);
    MLPC_NO_CONTRACT(product);
    return product;
}
static inline vec v_div(vec a, vec b) { return V(div)(a, b); }
static inline vec v_sqrt(vec a) { return V(sqrt)(a); }
static inline vec v_fma(vec a, vec b, vec c) { return V(fmadd)(a, b, c); }
static inline vec v_rint(vec a) { return V(round)(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

static inline vec v_neg(vec a) { return V(xor)(a, v_set((real)-0.0)); }
static inline vec v_abs(vec a) { return V(andnot)(v_set((real)-0.0), a); }
static inline vec v_copysign(vec magnitude, vec sign)
{
    return V(or)(v_abs(magnitude), V(and)(v_set((real)-0.0), sign));
}

static inline mask v_lt(vec a, vec b) { return V(cmp)(a, b, _CMP_LT_OQ); }
static inline mask v_le(vec a, vec b) { return V(cmp)(a, b, _CMP_LE_OQ); }
static inline mask v_eq(vec a, vec b) { return V(cmp)(a, b, _CMP_EQ_OQ); }
static inline mask v_is_nan(vec a) { return V(cmp)(a, a, _CMP_UNORD_Q); }
static inline mask m_and(mask m, mask n) { return V(and)(m, n); }
static inline mask m_or(mask m, mask n) { return V(or)(m, n); }
static inline mask m_not(mask m) { return V(xor)(m, V_OF_INTEGER(_mm256_set1_epi32(-1))); }
static inline int m_any(mask m) { return V(movemask)(m) != 0; }
static inline unsigned m_bits(mask m) { return (unsigned)V(movemask)(m); }
static inline vec v_select(mask m, vec a, vec b) { return V(blendv)(b, a, m); }
/* Of the same with v_select compilers make two instructions. */
static inline vec v_clear(mask m, vec a) { return V(andnot)(m, a); }
static inline vec v_flush(vec a) { return v_clear(v_lt(v_abs(a), v_set(REAL_MIN)), a); }

/* Adding 2^(mantissa bits) to a small non-negative integer leaves it in the low bits of the sum; both ways. */
#define V_BIG ((real)((real_bits)1 << REAL_MANTISSA))
static inline vec v_pow2(vec n)
{
    return V_OF_INTEGER(V_SHIFT_LEFT(V_INTEGER(v_add(n, v_set(V_BIG + REAL_BIAS))), REAL_MANTISSA));
}
static inline vec v_exponent(vec x)
{
    const vec field = V_OF_INTEGER(V_SHIFT_RIGHT(V_INTEGER(x), REAL_MANTISSA));
    return v_sub(V(or)(field, v_set(V_BIG)), v_set(V_BIG + REAL_BIAS));
}
static inline vec v_significand(vec x)
{
    const vec exponent = v_set((real)HUGE_VAL); /* all ones in the exponent, zeros elsewhere */
    return V(or)(V(andnot)(exponent, x), v_set(1));
}

typedef __m256i wvec;
static inline wvec w_xor(wvec a, wvec b) { return _mm256_xor_si256(a, b); }
#if MLPC_REAL_BITS == 32
static inline wvec w_set(uint32_t n) { return _mm256_set1_epi32((int)n); }
static inline wvec w_count(uint32_t n) { return _mm256_add_epi32(w_set(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)); }
static inline wvec w_product(wvec a, uint32_t b, wvec *high)
{
    const wvec even = _mm256_mul_epu32(a, w_set(b)), odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), w_set(b));
    *high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
    return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
}
/* Of signed numbers, which is the only comparison there is: both are moved down by 2^31. */
static inline mask w_below(wvec a, uint32_t n)
{
    const wvec down = w_set((uint32_t)1 << 31);
    return V_OF_INTEGER(_mm256_cmpgt_epi32(w_xor(w_set(n), down), w_xor(a, down)));
}
static inline vec w_unit(wvec a) { return V(or)(V_OF_INTEGER(_mm256_srli_epi32(a, 9)), v_set(1)); }
#else
/* The upper half of a lane means nothing. */
static inline wvec w_set(uint32_t n) { return _mm256_set1_epi64x((int64_t)n); }
static inline wvec w_count(uint32_t n) { return _mm256_add_epi64(w_set(n), _mm256_setr_epi64x(0, 1, 2, 3)); }
static inline wvec w_product(wvec a, uint32_t b, wvec *high)
{
    const wvec product = _mm256_mul_epu32(a, w_set(b));
    *high = _mm256_srli_epi64(product, 32);
    return product;
}
static inline mask w_below(wvec a, uint32_t n)
{
    return V_OF_INTEGER(_mm256_cmpgt_epi64(w_set(n), _mm256_and_si256(a, w_set(UINT32_MAX))));
}
static inline vec w_unit(wvec a)
{
    return V(or)(V_OF_INTEGER(_mm256_srli_epi64(_mm256_slli_epi64(a, 32), 12)), v_set(1));
}
#endif

#undef V
#undef V_INTEGER
#undef V_OF_INTEGER
#undef V_SHIFT_LEFT
#undef V_SHIFT_RIGHT
#undef V_BROADCAST
#undef V_BIG

#endif
