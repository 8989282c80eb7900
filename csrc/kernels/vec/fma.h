/* mlpc_fma(a, b, c): a b + c rounded once, by the hardware where the target has the instruction, else by emulation.
 * The emulations are exact for every argument (tests/c/fma_check.c) and are there on every target, to be tested. */
#ifndef MLPC_FMA_H
#define MLPC_FMA_H

#include <stdint.h>
#include <string.h>

#include "real.h"

static inline uint64_t fma_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
static inline double fma_double(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* a + b rounded to odd: where inexact, that one of the two neighbours whose last bit is 1.  A later rounding to two
 * bits less, or fewer, then gives what rounding the exact sum at once would give (Boldo and Melquiond, 2008). */
static inline double fma_add_to_odd(double a, double b)
{
    const double sum = a + b;
    const double part = sum - a;
    const double error = (a - (sum - part)) + (b - part);
    const uint64_t bits = fma_bits(sum);
    if ((error < 0 || error > 0) && !(bits & 1))
        return fma_double((error > 0) == (sum > 0) ? bits + 1 : bits - 1);
    return sum;
}

static inline float mlpc_fma_emulated_f32(float a, float b, float c)
{
    return (float)fma_add_to_odd((double)a * (double)b, (double)c); /* the product of two floats is exact */
}

/* Magnitudes of 128 bits; no compiler's wider integer, which 32-bit targets lack. */
typedef struct {
    uint64_t high, low;
} fma_wide;

/* v 2^-n; what falls off the end is kept as a 1 in the last bit. */
static inline fma_wide fma_shift_right(fma_wide v, int n)
{
    fma_wide r = {0, 0};
    uint64_t lost = v.high | v.low;
    if (n == 0)
        return v;
    if (n < 64) {
        r.high = v.high >> n;
        r.low = v.low >> n | v.high << (64 - n);
        lost = v.low << (64 - n);
    } else if (n < 128) {
        r.low = v.high >> (n - 64);
        lost = v.low | (n > 64 ? v.high << (128 - n) : 0);
    }
    r.low |= lost != 0;
    return r;
}

/* |x| = m 2^e with 2^52 <= m < 2^53, for finite x; m = 0 for a zero. */
static inline uint64_t fma_split(double x, int *e)
{
    const int field = (int)(fma_bits(x) >> 52 & 2047);
    uint64_t m = fma_bits(x) & (((uint64_t)1 << 52) - 1);
    *e = field ? field - 1075 : -1074;
    if (field)
        return m | (uint64_t)1 << 52;
    while (m && !(m >> 52)) {
        m <<= 1;
        --*e;
    }
    return m;
}

/* Not inline: a call costs little beside it; inline, all that calls it would save registers, and compilers would work
 * for minutes. */
#ifdef __GNUC__
#define FMA_CALLED __attribute__((noinline, unused))
#else
#define FMA_CALLED inline
#endif

/* a b + c in integers, for finite a, b, c with a and b not zero. */
static FMA_CALLED double fma_in_integers(double a, double b, double c)
{
    int ea, eb, ec;
    const uint64_t ma = fma_split(a, &ea), mb = fma_split(b, &eb), mc = fma_split(c, &ec);

    /* Product and addend as integers in [2^124, 2^126); the zeros below them make shifts lossless near cancellation. */
    const uint64_t a0 = (uint32_t)ma, a1 = ma >> 32, b0 = (uint32_t)mb, b1 = mb >> 32;
    const uint64_t middle = a0 * b1 + a1 * b0;
    fma_wide p, q = {mc << 9, 0};
    p.low = a0 * b0 + (middle << 32);
    p.high = a1 * b1 + (middle >> 32) + (p.low < middle << 32);
    p.high = p.high << 20 | p.low >> 44;
    p.low <<= 20;
    int e = ea + eb - 20;
    ec -= 73;
    if (mc) {
        if (e >= ec) {
            q = fma_shift_right(q, e - ec);
        } else {
            p = fma_shift_right(p, ec - e);
            e = ec;
        }
    }

    uint64_t sign = (fma_bits(a) ^ fma_bits(b)) >> 63;
    if (sign == fma_bits(c) >> 63) {
        p.low += q.low;
        p.high += q.high + (p.low < q.low);
    } else {
        if (p.high < q.high || (p.high == q.high && p.low < q.low)) {
            const fma_wide larger = q;
            q = p;
            p = larger;
            sign ^= 1;
        }
        const uint64_t borrow = p.low < q.low;
        p.low -= q.low;
        p.high -= q.high + borrow;
        if (!(p.high | p.low))
            return 0;
    }
    for (; !(p.high >> 62); --e) {
        p.high = p.high << 1 | p.low >> 63;
        p.low <<= 1;
    }

    /* Round m 2^e, m in [2^62, 2^63), to 53 bits, or to a multiple of 2^-1074 where that is coarser. */
    const uint64_t m = p.high | (p.low != 0);
    e += 64;
    const int drop = e + 10 < -1074 ? -1074 - e : 10;
    uint64_t rounded = 0;
    if (drop < 64) {
        const uint64_t half = (uint64_t)1 << (drop - 1), rest = m & (2 * half - 1);
        rounded = m >> drop;
        rounded += rest > half || (rest == half && (rounded & 1));
    }
    const int scale = drop < 64 ? e + drop + 1074 : 0;
    const uint64_t infinity = (uint64_t)2047 << 52;
    uint64_t bits = scale > 2045 ? infinity : ((uint64_t)scale << 52) + rounded;
    if (bits > infinity)
        bits = infinity;
    return fma_double(sign << 63 | bits);
}

/* The exact product of two doubles is high + the result, for magnitudes in which nothing under- or overflows. */
static inline double fma_product_error(double a, double b, double high)
{
    const double splitter = 134217729; /* 2^27 + 1 */
    double wide_a = splitter * a, wide_b = splitter * b;
    MLPC_NO_CONTRACT(wide_a);
    MLPC_NO_CONTRACT(wide_b);
    const double a1 = wide_a - (wide_a - a), a0 = a - a1;
    const double b1 = wide_b - (wide_b - b), b0 = b - b1;
    return ((a1 * b1 - high) + a1 * b0 + a0 * b1) + a0 * b0; /* products of halves are exact */
}

static FMA_CALLED double mlpc_fma_emulated_f64(double a, double b, double c)
{
    const int ea = (int)(fma_bits(a) >> 52 & 2047), eb = (int)(fma_bits(b) >> 52 & 2047);
    const int ec = (int)(fma_bits(c) >> 52 & 2047);

    double high = a * b;
    MLPC_NO_CONTRACT(high);
    if (ea - 573 >= 0 && ea - 573 < 900 && eb - 573 >= 0 && eb - 573 < 900 && ec < 1923 && (ec > 123 || c == 0)) {
        /* Exponents far from the limits: a b + c = total + (rest + low), exactly; the second sum rounds to odd. */
        const double product_error = fma_product_error(a, b, high);
        const double sum = c + product_error, sum_part = sum - c;
        const double low = (c - (sum - sum_part)) + (product_error - sum_part);
        const double total = high + sum, total_part = total - high;
        const double rest = (high - (total - total_part)) + (sum - total_part);
        return total + fma_add_to_odd(low, rest);
    }
    if (ea == 2047 || eb == 2047 || a == 0 || b == 0)
        return high + c;
    if (ec == 2047)
        return c + c; /* the finite product may have overflowed */
    return fma_in_integers(a, b, c);
}

/* Where the hardware has it, the emulation is named all the same: a function that nobody names is worth a warning. */
#if MLPC_REAL_BITS == 32
#if defined(__FMA__) || defined(__FP_FAST_FMAF) || defined(__aarch64__)
static inline float mlpc_fma(float a, float b, float c) { return (void)mlpc_fma_emulated_f32, __builtin_fmaf(a, b, c); }
#else
#define MLPC_FMA_IS_EMULATED
static inline float mlpc_fma(float a, float b, float c) { return mlpc_fma_emulated_f32(a, b, c); }
#endif
#else
#if defined(__FMA__) || defined(__FP_FAST_FMA) || defined(__aarch64__)
static inline double mlpc_fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
#else
#define MLPC_FMA_IS_EMULATED
static inline double mlpc_fma(double a, double b, double c) { return mlpc_fma_emulated_f64(a, b, c); }
#endif
#endif

#endif
