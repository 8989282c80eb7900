/* The vector vocabulary for arm64, whose Advanced SIMD always has fused multiply-add.  The words are explained in
 * README.md beside this file. */
#ifndef MLPC_VEC_NEON_H
#define MLPC_VEC_NEON_H

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#include "fma.h"
#include "real.h"

#define TILE_ROWS 6
#define TILE_VECTORS 4
#define WIDE_ROWS 4
#define ROW_VECTORS 16
#define ROWS (768 / sizeof(real))
#define PIECE 100000000

#if MLPC_REAL_BITS == 32
typedef float32x4_t vec;
typedef uint32x4_t mask;
#define VL 4
#define V(name) name##_f32
#define V_BITS(name) name##_u32
#define V_INTEGER(v) vreinterpretq_u32_f32(v)
#define V_OF_INTEGER(i) vreinterpretq_f32_u32(i)
static inline mask m_not(mask m) { return vmvnq_u32(m); }
static inline int m_any(mask m) { return vmaxvq_u32(m) != 0; }
static inline unsigned m_bits(mask m)
{
    static const uint32_t bits[4] = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(m, vld1q_u32(bits)));
}
#else
typedef float64x2_t vec;
typedef uint64x2_t mask;
#define VL 2
#define V(name) name##_f64
#define V_BITS(name) name##_u64
#define V_INTEGER(v) vreinterpretq_u64_f64(v)
#define V_OF_INTEGER(i) vreinterpretq_f64_u64(i)
static inline mask m_not(mask m) { return veorq_u64(m, vdupq_n_u64(~UINT64_C(0))); }
static inline int m_any(mask m) { return (vgetq_lane_u64(m, 0) | vgetq_lane_u64(m, 1)) != 0; }
static inline unsigned m_bits(mask m) { return (unsigned)((vgetq_lane_u64(m, 0) & 1) | (vgetq_lane_u64(m, 1) & 2)); }
#endif

/* Pairs of rows first, then, in float32, pairs of pairs. */
static inline void v_transpose(vec v[VL])
{
#if MLPC_REAL_BITS == 32
    const float64x2_t a = vreinterpretq_f64_f32(vtrn1q_f32(v[0], v[1]));
    const float64x2_t b = vreinterpretq_f64_f32(vtrn2q_f32(v[0], v[1]));
    const float64x2_t c = vreinterpretq_f64_f32(vtrn1q_f32(v[2], v[3]));
    const float64x2_t d = vreinterpretq_f64_f32(vtrn2q_f32(v[2], v[3]));
    v[0] = vreinterpretq_f32_f64(vtrn1q_f64(a, c));
    v[1] = vreinterpretq_f32_f64(vtrn1q_f64(b, d));
    v[2] = vreinterpretq_f32_f64(vtrn2q_f64(a, c));
    v[3] = vreinterpretq_f32_f64(vtrn2q_f64(b, d));
#else
    const vec a = vtrn1q_f64(v[0], v[1]), b = vtrn2q_f64(v[0], v[1]);
    v[0] = a;
    v[1] = b;
#endif
}

static inline vec v_load(const real *p) { return V(vld1q)(p); }
static inline void v_store(real *p, vec v) { V(vst1q)(p, v); }
static inline vec v_load_n(const real *p, size_t n)
{
    real lanes[VL] = {0};
    memcpy(lanes, p, n * sizeof *p);
    return v_load(lanes);
}
static inline void v_store_n(real *p, vec v, size_t n)
{
    real lanes[VL];
    v_store(lanes, v);
    memcpy(p, lanes, n * sizeof *p);
}
static inline vec v_set(real c) { return V(vdupq_n)(c); }
static inline vec v_broadcast(const real *p) { return V(vld1q_dup)(p); }

static inline vec v_add(vec a, vec b) { return V(vaddq)(a, b); }
static inline vec v_sub(vec a, vec b) { return V(vsubq)(a, b); }
static inline vec v_mul(vec a, vec b)
{
    vec product = V(vmulq)(a, b);
    MLPC_NO_CONTRACT(product);
    return product;
}
static inline vec v_div(vec a, vec b) { return V(vdivq)(a, b); }
static inline vec v_sqrt(vec a) { return V(vsqrtq)(a); }
static inline vec v_fma(vec a, vec b, vec c) { return V(vfmaq)(c, a, b); }
static inline vec v_rint(vec a) { return V(vrndnq)(a); }

static inline vec v_neg(vec a) { return V(vnegq)(a); }
static inline vec v_abs(vec a) { return V(vabsq)(a); }
static inline mask v_lt(vec a, vec b) { return V(vcltq)(a, b); }
static inline mask v_le(vec a, vec b) { return V(vcleq)(a, b); }
static inline mask v_eq(vec a, vec b) { return V(vceqq)(a, b); }
static inline mask v_is_nan(vec a) { return m_not(v_eq(a, a)); }
static inline mask m_and(mask m, mask n) { return V_BITS(vandq)(m, n); }
static inline mask m_or(mask m, mask n) { return V_BITS(vorrq)(m, n); }
static inline vec v_select(mask m, vec a, vec b) { return V(vbslq)(m, a, b); }
static inline vec v_clear(mask m, vec a) { return v_select(m, v_set(0), a); }
static inline vec v_flush(vec a) { return v_clear(v_lt(v_abs(a), v_set(REAL_MIN)), a); }
static inline vec v_copysign(vec magnitude, vec sign)
{
    return v_select(V_INTEGER(v_set((real)-0.0)), sign, magnitude);
}

/* Adding 2^(mantissa bits) to a small non-negative integer leaves it in the low bits of the sum; both ways. */
#define V_BIG ((real)((real_bits)1 << REAL_MANTISSA))
static inline vec v_pow2(vec n)
{
    return V_OF_INTEGER(V_BITS(vshlq_n)(V_INTEGER(v_add(n, v_set(V_BIG + REAL_BIAS))), REAL_MANTISSA));
}
static inline vec v_exponent(vec x)
{
    const mask field = V_BITS(vshrq_n)(V_INTEGER(x), REAL_MANTISSA);
    return v_sub(V_OF_INTEGER(m_or(field, V_INTEGER(v_set(V_BIG)))), v_set(V_BIG + REAL_BIAS));
}
static inline vec v_significand(vec x)
{
    const mask exponent = V_INTEGER(v_set((real)HUGE_VAL)); /* all ones in the exponent, zeros elsewhere */
    return V_OF_INTEGER(m_or(V_BITS(vbicq)(V_INTEGER(x), exponent), V_INTEGER(v_set(1))));
}

#if MLPC_REAL_BITS == 32
typedef uint32x4_t wvec;
static inline wvec w_set(uint32_t n) { return vdupq_n_u32(n); }
static inline wvec w_count(uint32_t n)
{
    static const uint32_t lanes[4] = {0, 1, 2, 3};
    return vaddq_u32(w_set(n), vld1q_u32(lanes));
}
static inline wvec w_product(wvec a, uint32_t b, wvec *high)
{
    const wvec low_half = vreinterpretq_u32_u64(vmull_n_u32(vget_low_u32(a), b));
    const wvec high_half = vreinterpretq_u32_u64(vmull_high_n_u32(a, b));
    *high = vuzp2q_u32(low_half, high_half);
    return vuzp1q_u32(low_half, high_half);
}
static inline mask w_below(wvec a, uint32_t n) { return vcltq_u32(a, w_set(n)); }
static inline vec w_unit(wvec a) { return V_OF_INTEGER(vorrq_u32(vshrq_n_u32(a, 9), V_INTEGER(v_set(1)))); }
#else
/* The upper half of a lane means nothing. */
typedef uint64x2_t wvec;
static inline wvec w_set(uint32_t n) { return vdupq_n_u64(n); }
static inline wvec w_count(uint32_t n) { return vaddq_u64(w_set(n), vcombine_u64(vcreate_u64(0), vcreate_u64(1))); }
static inline wvec w_product(wvec a, uint32_t b, wvec *high)
{
    const wvec product = vmull_n_u32(vmovn_u64(a), b);
    *high = vshrq_n_u64(product, 32);
    return product;
}
static inline mask w_below(wvec a, uint32_t n) { return vcltq_u64(vandq_u64(a, w_set(UINT32_MAX)), w_set(n)); }
static inline vec w_unit(wvec a)
{
    return V_OF_INTEGER(vorrq_u64(vshrq_n_u64(vshlq_n_u64(a, 32), 12), V_INTEGER(v_set(1))));
}
#endif
static inline wvec w_xor(wvec a, wvec b) { return V_BITS(veorq)(a, b); }

#undef V
#undef V_BITS
#undef V_INTEGER
#undef V_OF_INTEGER
#undef V_BIG

#endif
