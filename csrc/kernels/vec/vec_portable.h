/* The vector vocabulary in plain C, one lane: what any C11 compiler builds, and what the reference is written with.
 * The words are explained in README.md beside this file. */
#ifndef MLPC_VEC_PORTABLE_H
#define MLPC_VEC_PORTABLE_H

#include <stdint.h>
#include <string.h>

#include "fma.h"
#include "real.h"

typedef real vec;
typedef int mask;
#define VL 1
#define TILE_ROWS 4
#define TILE_VECTORS 2
#define WIDE_ROWS 3
#define ROW_VECTORS 8
#define ROWS MLPC_WHOLE_TILES
#define PIECE FOR_REAL(2000000, 400000) /* one emulated fma takes 3 ns, or 28 */

static inline vec v_load(const real *p) { return *p; }
static inline void v_store(real *p, vec v) { *p = v; }
static inline vec v_load_n(const real *p, size_t n) { return n ? *p : 0; }
static inline void v_store_n(real *p, vec v, size_t n)
{
    if (n)
        *p = v;
}
static inline void v_transpose(vec v[VL]) { (void)v; }
static inline vec v_set(real c) { return c; }
static inline vec v_broadcast(const real *p) { return *p; }

static inline vec v_add(vec a, vec b) { return a + b; }
static inline vec v_sub(vec a, vec b) { return a - b; }
static inline vec v_mul(vec a, vec b)
{
    vec product = a * b;
    MLPC_NO_CONTRACT(product);
    return product;
}
static inline vec v_div(vec a, vec b) { return a / b; }
static inline vec v_fma(vec a, vec b, vec c) { return mlpc_fma(a, b, c); }

static inline real_bits bits_of(real x)
{
    real_bits b;
    memcpy(&b, &x, sizeof b);
    return b;
}
static inline real real_of(real_bits b)
{
    real x;
    memcpy(&x, &b, sizeof x);
    return x;
}

#define SIGN_BIT ((real_bits)1 << (MLPC_REAL_BITS - 1))
static inline vec v_neg(vec a) { return real_of(bits_of(a) ^ SIGN_BIT); }
static inline vec v_abs(vec a) { return real_of(bits_of(a) & ~SIGN_BIT); }
static inline vec v_copysign(vec magnitude, vec sign)
{
    return real_of((bits_of(magnitude) & ~SIGN_BIT) | (bits_of(sign) & SIGN_BIT));
}

static inline mask v_lt(vec a, vec b) { return a < b; }
static inline mask v_le(vec a, vec b) { return a <= b; }
static inline mask v_eq(vec a, vec b) { return a == b; }
static inline mask v_is_nan(vec a) { return a != a; }
static inline mask m_and(mask m, mask n) { return m & n; }
static inline mask m_or(mask m, mask n) { return m | n; }
static inline mask m_not(mask m) { return !m; }
static inline int m_any(mask m) { return m; }
static inline unsigned m_bits(mask m) { return (unsigned)m; }
static inline vec v_select(mask m, vec a, vec b) { return m ? a : b; }
static inline vec v_clear(mask m, vec a) { return v_select(m, v_set(0), a); }
static inline vec v_flush(vec a) { return v_clear(v_lt(v_abs(a), v_set(REAL_MIN)), a); }

/* Adding and subtracting 2^(mantissa bits) rounds a magnitude below it to an integer. */
static inline vec v_rint(vec a)
{
    const real big = (real)((real_bits)1 << REAL_MANTISSA);
    const real magnitude = v_abs(a);
    if (!(magnitude < big))
        return a;
    const volatile real rounded = magnitude + big;
    return v_copysign(rounded - big, a);
}

/* Adding 2^(mantissa bits) to a small non-negative integer leaves it in the low bits of the sum. */
static inline vec v_pow2(vec n)
{
    const real big = (real)((real_bits)1 << REAL_MANTISSA);
    return real_of(bits_of(n + (big + REAL_BIAS)) << REAL_MANTISSA);
}
static inline vec v_exponent(vec x) { return (real)((int64_t)(bits_of(x) >> REAL_MANTISSA) - REAL_BIAS); }
static inline vec v_significand(vec x)
{
    const real_bits fraction = ((real_bits)1 << REAL_MANTISSA) - 1;
    return real_of((bits_of(x) & fraction) | ((real_bits)REAL_BIAS << REAL_MANTISSA));
}

static inline vec v_sqrt(vec a) { return REAL_SQRT(a); }

typedef uint32_t wvec;
static inline wvec w_set(uint32_t n) { return n; }
static inline wvec w_count(uint32_t n) { return n; }
static inline wvec w_xor(wvec a, wvec b) { return a ^ b; }
static inline wvec w_product(wvec a, uint32_t b, wvec *high)
{
    const uint64_t product = (uint64_t)a * b;
    *high = (uint32_t)(product >> 32);
    return (uint32_t)product;
}
static inline mask w_below(wvec a, uint32_t n) { return a < n; }
static inline vec w_unit(wvec a) { return real_of((real_bits)FOR_REAL(a >> 9, (uint64_t)a << 20) | bits_of(1)); }

#endif
