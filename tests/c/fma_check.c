/* The emulated fused multiply-add against the hardware's, bit by bit: fma_check [N [seed]].
 * Build it for a target that has the instruction (-mfma, or any arm64).  Exits 1 at the first difference. */
#define MLPC_REAL_BITS 64
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../csrc/kernels/vec/fma.h"

#if !defined(__FMA__) && !defined(__aarch64__)
#error "build fma_check with -mfma"
#endif

static uint64_t state;

static uint64_t next(void) /* splitmix64 */
{
    uint64_t z = state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static uint32_t bits_of_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static void check_f64(double a, double b, double c)
{
    const double want = __builtin_fma(a, b, c), got = mlpc_fma_emulated_f64(a, b, c);
    if (fma_bits(want) == fma_bits(got) || (want != want && got != got))
        return;
    printf("float64: fma(%a, %a, %a) is %a, emulated %a\n", a, b, c, want, got);
    exit(1);
}
static void check_f32(float a, float b, float c)
{
    const float want = __builtin_fmaf(a, b, c), got = mlpc_fma_emulated_f32(a, b, c);
    if (bits_of_float(want) == bits_of_float(got) || (want != want && got != got))
        return;
    printf("float32: fma(%a, %a, %a) is %a, emulated %a\n", (double)a, (double)b, (double)c, (double)want, (double)got);
    exit(1);
}

/* Few significant bits, so that ties and exact results happen often: a mask of 2^0..2^bits ones at the top. */
static uint64_t sparse(uint64_t fraction, int bits)
{
    const unsigned kept = (unsigned)(next() % (uint64_t)(bits + 1));
    return fraction & ~((UINT64_C(1) << kept) - 1);
}
static double make_f64(int exponent, int spread)
{
    const uint64_t fraction = next() >> 12;
    int field = exponent + (int)(next() % (uint64_t)(2 * spread + 1)) - spread;
    field = field < 0 ? 0 : field > 2047 ? 2047 : field;
    return fma_double(next() >> 63 << 63 | (uint64_t)field << 52 | (next() & 1 ? fraction : sparse(fraction, 52)));
}
static float make_f32(int exponent, int spread)
{
    const uint64_t fraction = next() >> 41;
    int field = exponent + (int)(next() % (uint64_t)(2 * spread + 1)) - spread;
    field = field < 0 ? 0 : field > 255 ? 255 : field;
    return float_of(
        (uint32_t)(next() >> 63 << 31 | (uint64_t)field << 23 | (next() & 1 ? fraction : sparse(fraction, 23))));
}

int main(int argc, char **argv)
{
    const uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

    static const double hard[] = {
        0.0,
        1.0,
        2.0,
        0.5,
        3.0,
        0x1.fffffffffffffp+1023,
        0x1p+1023,
        0x1p-1022,
        0x1.fffffffffffffp-1023,
        0x1p-1074,
        0x1.8p-1073,
        0x1p-537,
        0x1p-538,
        0x1.0000000000001p-537,
        0x1.fffffffffffffp-538,
        0x1p+512,
        0x1p+511,
        0x1p-52,
        0x1.0000000000001p+0,
        0x1.fffffffffffffp-1,
        0x1.0000002p+0,
        0x1.0000004p+0,
        0x1.fffffep+127,
        0x1p-126,
        0x1p-149,
        0x1p-450,
        0x1p+449,
        0x1p+450,
        0x1p-900,
        0x1p+900,
        0x1.8p+900,
        0x1p-1000,
        0x1p-53,
        0x1p-54,
        0x1p-24,
        0x1.000002p+0,
        0x1.fffffep-1,
        0x1p-75,
        0x1p-74,
        0x1p+64,
        0x1.fffffffffffffp+511,
        0x1.6a09e667f3bcdp-538,
        HUGE_VAL,
        (double)NAN,
    };
    const size_t count = sizeof hard / sizeof *hard;
    for (size_t i = 0; i < count * count * count * 8; ++i) {
        const size_t j = i / 8;
        const double a = i & 1 ? -hard[j % count] : hard[j % count];
        const double b = i & 2 ? -hard[j / count % count] : hard[j / count % count];
        const double c = i & 4 ? -hard[j / count / count] : hard[j / count / count];
        check_f64(a, b, c);
        check_f32((float)a, (float)b, (float)c);
    }
    for (uint64_t i = 0; i < n; ++i) {
        double a = fma_double(next()), b = fma_double(next()), c = fma_double(next());
        switch (i % 8) {
        case 0: /* any bits */ break;
        case 1: /* subnormal results */ a = make_f64(500, 60), b = make_f64(500, 60), c = make_f64(0, 120); break;
        case 2: /* overflow */ a = make_f64(1535, 4), b = make_f64(1535, 4), c = make_f64(2046, 60); break;
        case 3: /* the addend cancels the rounded product */
            a = make_f64(1023, 1000), b = make_f64(1023, 900), c = -(a * b);
            break;
        case 4: /* ... nearly */
            a = make_f64(1023, 500), b = make_f64(1023, 500), c = fma_double(fma_bits(-(a * b)) + (next() & 3));
            break;
        default: /* addend within reach of the product */
            a = make_f64(1023, 400), b = make_f64(1023, 400);
            c = make_f64((int)(fma_bits(a * b) >> 52 & 2047), 110);
        }
        check_f64(a, b, c);

        float x = float_of((uint32_t)next()), y = float_of((uint32_t)next()), z = float_of((uint32_t)next());
        switch (i % 4) {
        case 0: break;
        case 1: x = make_f32(64, 20), y = make_f32(64, 20), z = make_f32(0, 40); break;
        case 2: x = make_f32(127, 60), y = make_f32(127, 60), z = -(x * y); break;
        default:
            x = make_f32(127, 60), y = make_f32(127, 60);
            z = make_f32((int)(bits_of_float(x * y) >> 23 & 255), 50);
        }
        check_f32(x, y, z);
    }
    printf("fma_check: %" PRIu64 " random cases of each dtype agree\n", n);
    return 0;
}
