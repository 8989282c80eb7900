/* The vector vocabulary for AVX-512 (F, DQ, BW, VL).  The words are explained in README.md beside this file.
 *
 * From here to vec_end.h every function is compiled for these instructions, whatever the options of the compiler;
 * headers are included before, so that none of their functions is. */
#ifndef MLPC_VEC_AVX512_H
#define MLPC_VEC_AVX512_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "fma.h"
#include "real.h"

#define MLPC_TARGET_REGION
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"))),                   \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")
#endif

#define TILE_ROWS 8
#define TILE_VECTORS 3
#define WIDE_ROWS 6
#define ROW_VECTORS 8
#define ROWS (768 / sizeof(real))
#define PIECE 400000000

#if MLPC_REAL_BITS == 32
typedef __m512 vec;
typedef __mmask16 mask;
#define VL 16
#define V(name) _mm512_##name##_ps
#define V_MASKED(name) _mm512_##name##_ps_mask
#define V_CLASS _mm512_fpclass_ps_mask
#define V_INTEGER(v) _mm512_castps_si512(v)
#define V_OF_INTEGER(i) _mm512_castsi512_ps(i)
#define V_SHIFT_LEFT _mm512_slli_epi32
#define V_SHIFT_RIGHT _mm512_srli_epi32
#else
typedef __m512d vec;
typedef __mmask8 mask;
#define VL 8
#define V(name) _mm512_##name##_pd
#define V_MASKED(name) _mm512_##name##_pd_mask
#define V_CLASS _mm512_fpclass_pd_mask
#define V_INTEGER(v) _mm512_castpd_si512(v)
#define V_OF_INTEGER(i) _mm512_castsi512_pd(i)
#define V_SHIFT_LEFT _mm512_slli_epi64
#define V_SHIFT_RIGHT _mm512_srli_epi64
#endif

/* Four vectors whose quarters, of 128 bits each, are a 4 by 4 matrix: its transpose, to out[0], out[step], ... */
#define V_TRANSPOSE_QUARTERS(shuffle, out, step, a, b, c, d)                                                           \
    do {                                                                                                               \
        const vec ab_even = shuffle(a, b, 0x88), ab_odd = shuffle(a, b, 0xDD);                                         \
        const vec cd_even = shuffle(c, d, 0x88), cd_odd = shuffle(c, d, 0xDD);                                         \
        (out)[0] = shuffle(ab_even, cd_even, 0x88);                                                                    \
        (out)[step] = shuffle(ab_odd, cd_odd, 0x88);                                                                   \
        (out)[2 * (step)] = shuffle(ab_even, cd_even, 0xDD);                                                           \
        (out)[3 * (step)] = shuffle(ab_odd, cd_odd, 0xDD);                                                             \
    } while (0)

/* Within each quarter 128 bits of rows are exchanged with as many of columns, then the quarters. */
static inline void v_transpose(vec v[VL])
{
    vec quarter[VL];
#if MLPC_REAL_BITS == 32
    for (int g = 0; g < 16; g += 4) {
        const vec a = _mm512_unpacklo_ps(v[g], v[g + 1]), b = _mm512_unpackhi_ps(v[g], v[g + 1]);
        const vec c = _mm512_unpacklo_ps(v[g + 2], v[g + 3]), d = _mm512_unpackhi_ps(v[g + 2], v[g + 3]);
        quarter[g] = _mm512_shuffle_ps(a, c, 0x44);
        quarter[g + 1] = _mm512_shuffle_ps(a, c, 0xEE);
        quarter[g + 2] = _mm512_shuffle_ps(b, d, 0x44);
        quarter[g + 3] = _mm512_shuffle_ps(b, d, 0xEE);
    }
    for (int c = 0; c < 4; c++)
        V_TRANSPOSE_QUARTERS(_mm512_shuffle_f32x4, v + c, 4, quarter[c], quarter[4 + c], quarter[8 + c],
                             quarter[12 + c]);
#else
    for (int g = 0; g < 8; g += 2) {
        quarter[g] = _mm512_unpacklo_pd(v[g], v[g + 1]);
        quarter[g + 1] = _mm512_unpackhi_pd(v[g], v[g + 1]);
    }
    for (int c = 0; c < 2; c++)
        V_TRANSPOSE_QUARTERS(_mm512_shuffle_f64x2, v + c, 2, quarter[c], quarter[2 + c], quarter[4 + c],
                             quarter[6 + c]);
#endif
}
#undef V_TRANSPOSE_QUARTERS

static inline mask v_first(size_t n) { return (mask)((1u << n) - 1); }
static inline vec v_load(const real *p) { return V(loadu)(p); }
static inline void v_store(real *p, vec v) { V(storeu)(p, v); }
static inline vec v_load_n(const real *p, size_t n) { return V(maskz_loadu)(v_first(n), p); }
static inline void v_store_n(real *p, vec v, size_t n) { V(mask_storeu)(p, v_first(n), v); }
static inline vec v_set(real c) { return V(set1)(c); }
static inline vec v_broadcast(const real *p) { return V(set1)(*p); }

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
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion" /* in gcc's own macro, which is a function with optimization */
static inline vec v_rint(vec a) { return V(roundscale)(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
#pragma GCC diagnostic pop

static inline vec v_neg(vec a) { return V(xor)(a, v_set((real)-0.0)); }
static inline vec v_abs(vec a) { return V(andnot)(v_set((real)-0.0), a); }
static inline vec v_copysign(vec magnitude, vec sign)
{
    return V(or)(v_abs(magnitude), V(and)(v_set((real)-0.0), sign));
}

static inline mask v_lt(vec a, vec b) { return V_MASKED(cmp)(a, b, _CMP_LT_OQ); }
static inline mask v_le(vec a, vec b) { return V_MASKED(cmp)(a, b, _CMP_LE_OQ); }
static inline mask v_eq(vec a, vec b) { return V_MASKED(cmp)(a, b, _CMP_EQ_OQ); }
static inline mask v_is_nan(vec a) { return V_MASKED(cmp)(a, a, _CMP_UNORD_Q); }
static inline mask m_and(mask m, mask n) { return (mask)(m & n); }
static inline mask m_or(mask m, mask n) { return (mask)(m | n); }
static inline mask m_not(mask m) { return (mask)~m; }
static inline int m_any(mask m) { return m != 0; }
static inline unsigned m_bits(mask m) { return m; }
static inline vec v_select(mask m, vec a, vec b) { return V(mask_blend)(m, b, a); }
static inline vec v_clear(mask m, vec a) { return v_select(m, v_set(0), a); }
/* Of the classes of numbers 0x20 are the subnormal ones, 0x04 is -0. */
static inline vec v_flush(vec a) { return v_clear(V_CLASS(a, 0x24), a); }

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

typedef __m512i wvec;
static inline wvec w_xor(wvec a, wvec b) { return _mm512_xor_si512(a, b); }
#if MLPC_REAL_BITS == 32
static inline wvec w_set(uint32_t n) { return _mm512_set1_epi32((int)n); }
static inline wvec w_count(uint32_t n)
{
    return _mm512_add_epi32(w_set(n), _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}
static inline wvec w_product(wvec a, uint32_t b, wvec *high)
{
    const wvec even = _mm512_mul_epu32(a, w_set(b)), odd = _mm512_mul_epu32(_mm512_srli_epi64(a, 32), w_set(b));
    *high = _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 32), odd);
    return _mm512_mask_blend_epi32(0xAAAA, even, _mm512_slli_epi64(odd, 32));
}
static inline mask w_below(wvec a, uint32_t n) { return _mm512_cmplt_epu32_mask(a, w_set(n)); }
static inline vec w_unit(wvec a) { return V(or)(V_OF_INTEGER(_mm512_srli_epi32(a, 9)), v_set(1)); }
#else
/* The upper half of a lane means nothing. */
static inline wvec w_set(uint32_t n) { return _mm512_set1_epi64((int64_t)n); }
static inline wvec w_count(uint32_t n) { return _mm512_add_epi64(w_set(n), _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7)); }
static inline wvec w_product(wvec a, uint32_t b, wvec *high)
{
    const wvec product = _mm512_mul_epu32(a, w_set(b));
    *high = _mm512_srli_epi64(product, 32);
    return product;
}
static inline mask w_below(wvec a, uint32_t n)
{
    return _mm512_cmplt_epu64_mask(_mm512_and_si512(a, w_set(UINT32_MAX)), w_set(n));
}
static inline vec w_unit(wvec a)
{
    return V(or)(V_OF_INTEGER(_mm512_srli_epi64(_mm512_slli_epi64(a, 32), 12)), v_set(1));
}
#endif

#undef V
#undef V_MASKED
#undef V_CLASS
#undef V_INTEGER
#undef V_OF_INTEGER
#undef V_SHIFT_LEFT
#undef V_SHIFT_RIGHT
#undef V_BIG

#endif
