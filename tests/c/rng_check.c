/* Checks of the random numbers that need more than the public functions: known answers of the generator (Random123,
 * kat_vectors, "philox4x32 10"), both ends of the normal distribution, which no test will ever draw, and the rejection
 * of draws, which happens once in 2^64 / n.  Prints one line each; exits with 1 where one is wrong.
 *
 *     cc -std=c11 tests/c/rng_check.c -lm && ./a.out
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../../csrc/core/rng.c"

static int wrong;

static void report(const char *what, size_t i, int right)
{
    printf("%s %zu %s\n", what, i, right ? "ok" : "WRONG");
    wrong |= !right;
}

static void check_philox(void)
{
    static const struct {
        uint32_t counter[4], key[2], answer[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const uint32_t *c = known[i].counter, *k = known[i].key;
        uint32_t out[4];
        mlpc_philox(out, (uint64_t)k[1] << 32 | k[0], (mlpc_stream)c[3], c[2], (uint64_t)c[1] << 32 | c[0]);
        report("philox", i, memcmp(out, known[i].answer, sizeof out) == 0);
    }
}

/* Quantiles of (k + 1/2) 2^-53, from mpmath, with the borders of the three pieces among them. */
static void check_normal(void)
{
    static const struct {
        uint64_t k;
        double quantile;
    } known[] = {
        {0, -8.2923610758135955382},
        {1, -8.1607078408585831755},
        {2, -8.0987842043543016312},
        {1000, -7.3347380140439433241},
        {125090, -6.6579057924825616546},
        {125092, -6.6579034419482992734},
        {1000000, -6.3452637406857323492},
        {9007199254, -4.7534243088283059182},
        {90071992547409, -2.3263478740408428504},
        {675539943204854, -1.4395314716448929812},
        {675539945006294, -1.4395314702320186934},
        {2702159776422297, -0.52440051270804081597},
        {4503599627370494, -4.1743746370076503834e-16},
        {4503599627370495, -1.3914582123358834611e-16},
    };
    const uint64_t most = ((uint64_t)1 << 53) - 1;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        double x, mirrored;
        inverse_normal(&x, known[i].k);
        inverse_normal(&mirrored, most - known[i].k);
        const double error = (x - known[i].quantile) / known[i].quantile;
        report("normal", i, error < 1e-15 && error > -1e-15 && mirrored == -x);
    }
}

static void check_multiply(void)
{
    static const struct {
        uint64_t a, b, high, low;
    } known[] = {
        {0xffffffffffffffff, 0xffffffffffffffff, 0xfffffffffffffffe, 0x1},
        {0xffffffffffffffff, 0x2, 0x1, 0xfffffffffffffffe},
        {0x123456789abcdef0, 0xfedcba9876543210, 0x121fa00ad77d7422, 0x236d88fe5618cf00},
        {0xffffffff, 0xffffffff00000001, 0xfffffffe, 0x1ffffffff},
        {0x0, 0x5, 0x0, 0x0},
        {0x8000000000000000, 0x8000000000000000, 0x4000000000000000, 0x0},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint64_t low;
        const uint64_t high = multiply(known[i].a, known[i].b, &low);
        report("multiply", i, high == known[i].high && low == known[i].low);
    }
}

/* Nearly every second draw is rejected at this bound; counters are those after the number. */
static void check_bounded(void)
{
    const uint64_t bound = ((uint64_t)1 << 63) + 1;
    static const struct {
        uint64_t number, counter;
    } known[] = {
        {0x77b33fece34192d6, 3}, {0x2ce18df64219f0a9, 6},  {0x51f8a2b43690769c, 7}, {0x3c2983458a024db7, 8},
        {0x3e2dcd15b0f3317d, 9}, {0x38ad47de2162752d, 10}, {0x8a7a140f05226c5, 11}, {0x7f1dfa5d39cefa2f, 12},
    };
    uint64_t counter = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const uint64_t number = bounded(bound, 1, 2, &counter);
        report("bounded", i, number == known[i].number && counter == known[i].counter);
    }
}

int main(void)
{
    check_philox();
    check_normal();
    check_multiply();
    check_bounded();
    return wrong;
}
