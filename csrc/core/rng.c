/* Random numbers: Philox4x32-10 (Salmon et al., SC 2011) and what is made from its bits. */
#include "fpmode.h"
#include "mlpc.h"
#include "progress.h"
#include "scalar.h"

/* ---- Bits ---- */

void mlpc_philox(uint32_t out[4], uint64_t seed, mlpc_stream stream, uint32_t index, uint64_t counter)
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)(counter >> 32), c2 = index, c3 = (uint32_t)stream;
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

uint64_t mlpc_random_bits(uint64_t seed, mlpc_stream stream, uint32_t index, uint64_t counter)
{
    uint32_t words[4];
    mlpc_philox(words, seed, stream, index, counter);
    return (uint64_t)words[1] << 32 | words[0];
}

/* Exact whatever the floating-point mode: 53 bits, none of them subnormal. */
double mlpc_random_uniform(uint64_t seed, mlpc_stream stream, uint32_t index, uint64_t counter)
{
    return (double)(mlpc_random_bits(seed, stream, index, counter) >> 11) * 0x1p-53;
}

/* ---- Normal variates: algorithm AS 241, PPND16 (Wichura, Applied Statistics 37, 1988) ---- */

/* Coefficients from the constant term upwards; the first of each denominator is 1. */
typedef struct {
    double numerator[8], denominator[8];
} rational;

static const rational centre = {
    {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3},
    {1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
     3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3},
};
static const rational middle = {
    {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4},
    {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
     1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9},
};
static const rational tail = {
    {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7},
    {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2, 7.86869131145613259100e-4,
     1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15},
};

static double polynomial(const double c[8], double r)
{
    double sum = c[7];
    for (int i = 6; i >= 0; i--)
        sum = v_fma(sum, r, c[i]);
    return sum;
}

static double quotient(const rational *f, double r)
{
    return polynomial(f->numerator, r) / polynomial(f->denominator, r);
}

/* Of p = (k + 1/2) 2^-53, k < 2^53.  Distances from the middle and from the nearer end are odd multiples of 2^-54 below
 * 1/2, hence exact, never 0, and symmetric; p itself need not be a double. */
static MLPC_NOINLINE void inverse_normal(double *x, uint64_t k)
{
    const int64_t half = (int64_t)1 << 53;
    const int64_t m = 2 * (int64_t)k + 1 - half;
    const double q = (double)m * 0x1p-54;
    if (v_abs(q) <= 0.425) {
        const double r = v_fma(-q, q, 0.180625);
        *x = q * polynomial(centre.numerator, r) / polynomial(centre.denominator, r);
        return;
    }
    const double end = (double)(half - (m < 0 ? -m : m)) * 0x1p-54;
    const double r = v_sqrt(-e_log(end));
    const double magnitude = r <= 5 ? quotient(&middle, r - 1.6) : quotient(&tail, r - 5);
    *x = v_copysign(magnitude, q);
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
