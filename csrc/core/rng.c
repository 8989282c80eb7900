/* Random numbers: Philox4x32-10 (Salmon et al., SC 2011) and what is made from its bits. */
#include "fpmode.h"
#include "mlpc.h"
#include "progress.h"
#include "scalar.h"

#include "../kernels/tmpl/philox.inc"

#include "../kernels/tmpl/normal.inc"

/* ---- Bits ---- */

void mlpc_philox(uint32_t out[4], uint64_t seed, mlpc_stream stream, uint32_t index, uint64_t counter)
{
    out[0] = (uint32_t)counter;
    out[1] = (uint32_t)(counter >> 32);
    out[2] = index;
    out[3] = (uint32_t)stream;
    philox(out, (uint32_t)seed, (uint32_t)(seed >> 32));
}

uint64_t mlpc_random_bits(uint64_t seed, mlpc_stream stream, uint32_t index, uint64_t counter)
{
    uint32_t block[4];
    mlpc_philox(block, seed, stream, index, counter);
    return (uint64_t)block[1] << 32 | block[0];
}

/* Exact whatever the floating-point mode: 53 bits, none of them subnormal. */
double mlpc_random_uniform(uint64_t seed, mlpc_stream stream, uint32_t index, uint64_t counter)
{
    return (double)(mlpc_random_bits(seed, stream, index, counter) >> 11) * 0x1p-53;
}

/* ---- Normal variates: algorithm AS 241, PPND16 (Wichura, Applied Statistics 37, 1988) ---- */

static const n_rational tail = {
    {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7},
    {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2, 7.86869131145613259100e-4,
     1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15},
};

/* Of p = (k + 1/2) 2^-53, k < 2^53.  Distances from the middle and from the nearer end are odd multiples of 2^-54 below
 * 1/2, hence exact, never 0, and symmetric; p itself need not be a double. */
static MLPC_NOINLINE void inverse_normal(double *x, uint64_t k)
{
    const int64_t half = (int64_t)1 << 53;
    const int64_t m = 2 * (int64_t)k + 1 - half;
    const double q = (double)m * 0x1p-54;
    if (v_abs(q) <= 0.425) {
        *x = n_near_the_middle(q);
        return;
    }
    const double end = (double)(half - (m < 0 ? -m : m)) * 0x1p-54;
    const double r = v_sqrt(-e_log(end));
    const double beyond = n_polynomial(tail.numerator, r - 5) / n_polynomial(tail.denominator, r - 5);
    *x = v_copysign(r <= 5 ? n_near_the_ends(end) : beyond, q);
}

double mlpc_random_normal(uint64_t seed, mlpc_stream stream, uint32_t index, uint64_t counter)
{
    const uint64_t bits = mlpc_random_bits(seed, stream, index, counter);
    double x;
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    inverse_normal(&x, bits >> 11);
    mlpc_fpmode_leave(mode);
    return x;
}

/* ---- Shuffles ---- */

/* The high 64 bits of a b; the low ones in *low. */
static uint64_t multiply(uint64_t a, uint64_t b, uint64_t *low)
{
    const uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    const uint64_t p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0, p11 = a1 * b1;
    const uint64_t middle_sum = (p00 >> 32) + (uint32_t)p01 + (uint32_t)p10;
    *low = middle_sum << 32 | (uint32_t)p00;
    return p11 + (p01 >> 32) + (p10 >> 32) + (middle_sum >> 32);
}

/* Uniform on 0..bound-1 (Lemire, ACM TOMACS 29, 2019): the high word of bits times bound, draws whose low word falls
 * into the first 2^64 mod bound being rejected.  That remainder, a division, is rarely needed: it is below bound. */
static uint64_t bounded(uint64_t bound, uint64_t seed, uint32_t epoch, uint64_t *counter)
{
    uint64_t low, high = multiply(mlpc_random_bits(seed, MLPC_STREAM_SHUFFLE, epoch, (*counter)++), bound, &low);
    if (low < bound) {
        const uint64_t remainder = (0 - bound) % bound;
        while (low < remainder)
            high = multiply(mlpc_random_bits(seed, MLPC_STREAM_SHUFFLE, epoch, (*counter)++), bound, &low);
    }
    return high;
}

/* Draws between two questions whether to go on: some milliseconds, where each misses the caches. */
enum { DRAWS = 1 << 16 };

mlpc_status mlpc_shuffle(size_t *order, size_t n, uint64_t seed, uint32_t epoch, const mlpc_poll *poll)
{
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    uint64_t counter = 0;
    for (size_t i = n; i > 1; i--) {
        if (i % DRAWS == 0 && mlpc_stopped(poll, 0))
            return MLPC_ERROR_INTERRUPTED;
        const size_t j = (size_t)bounded(i, seed, epoch, &counter);
        const size_t last = order[i - 1];
        order[i - 1] = order[j];
        order[j] = last;
    }
    return MLPC_OK;
}
