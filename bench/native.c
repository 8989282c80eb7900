/* What kernels.py and shapes.py measure: doors to mlpc's kernels, and the limits of the machine beside them.
 *
 * Compiled by native.py with -DISA=NAME, and linked with the two kernel files of that instruction set alone.  Here,
 * unlike in mlpc, the compiler is to fuse multiplication and addition: -ffp-contract=fast. */
#include "../csrc/kernels/tables.h"

/* ---- The machine: fused multiply-adds in registers -------------------------------------------------------------- */

/* `chains` independent vectors, each through `rounds` fused multiply-adds: enough to hide the latency of two units, of
 * four on arm64, and few enough for compilers to keep them in registers.  The result keeps them from leaving it all
 * out. */
#define PEAK(name, real, bytes, chains, ATTRIBUTE)                                                                     \
    ATTRIBUTE double name(size_t rounds)                                                                               \
    {                                                                                                                  \
        typedef real vector __attribute__((vector_size(bytes)));                                                       \
        vector a[chains], factor = (vector){0} + (real)0.999, term = (vector){0} + (real)0.001;                        \
        for (int i = 0; i < chains; i++)                                                                               \
            a[i] = (vector){0} + (real)i;                                                                              \
        for (size_t round = 0; round < rounds; round++)                                                                \
            for (int i = 0; i < chains; i++)                                                                           \
                a[i] = a[i] * factor + term;                                                                           \
        double sum = 0;                                                                                                \
        for (int i = 0; i < chains; i++)                                                                               \
            sum += (double)a[i][0];                                                                                    \
        return sum;                                                                                                    \
    }

/* ---- The machine: a root and a division, of which Adam takes one each ------------------------------------------- */

/* Of so many numbers in each round, which stay in the first-level cache, and none of which tends to one that divides
 * easily. */
#define ROOTED 512
#define ROOTS(name, real, root, ATTRIBUTE)                                                                             \
    ATTRIBUTE double name(size_t rounds)                                                                               \
    {                                                                                                                  \
        real x[ROOTED], v[ROOTED];                                                                                     \
        for (int i = 0; i < ROOTED; i++)                                                                               \
            x[i] = v[i] = (real)(i + 1) / 3;                                                                           \
        for (size_t round = 0; round < rounds; round++)                                                                \
            for (int i = 0; i < ROOTED; i++)                                                                           \
                v[i] = x[i] / (root(v[i]) + (real)1e-8);                                                               \
        return (double)v[rounds % ROOTED];                                                                             \
    }

#define LIMITS(isa, bytes, chains, ATTRIBUTE)                                                                          \
    PEAK(peak_f32_##isa, float, bytes, chains, ATTRIBUTE)                                                              \
    PEAK(peak_f64_##isa, double, bytes, chains, ATTRIBUTE)                                                             \
    ROOTS(roots_f32_##isa, float, __builtin_sqrtf, ATTRIBUTE)                                                          \
    ROOTS(roots_f64_##isa, double, __builtin_sqrt, ATTRIBUTE)

#if MLPC_HAS_X86
LIMITS(portable, 16, 12, )
LIMITS(avx2, 32, 12, __attribute__((target("avx2,fma"))))
LIMITS(avx512, 64, 12, __attribute__((target("avx512f"))))
#elif MLPC_HAS_NEON
LIMITS(neon, 16, 16, )
#else
LIMITS(portable, 16, 12, )
#endif

/* ---- The machine: memory ---------------------------------------------------------------------------------------- */

double read_memory(const double *x, size_t n)
{
    double sum[16] = {0};
    for (size_t i = 0; i + 16 <= n; i += 16)
        for (size_t j = 0; j < 16; j++)
            sum[j] += x[i + j];
    for (size_t j = 1; j < 16; j++)
        sum[0] += sum[j];
    return sum[0];
}

void triad(double *restrict a, const double *restrict b, const double *restrict c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        a[i] = b[i] + 3 * c[i];
}

/* ---- mlpc ------------------------------------------------------------------------------------------------------- */

#define JOINED(a, b, c) a##b##c
#define TABLE(isa, dtype) JOINED(mlpc_kernels_, isa, dtype)

static const mlpc_kernels *const tables[MLPC_N_DTYPES] = {&TABLE(ISA, _f32), &TABLE(ISA, _f64)};

static _Alignas(64) char scratch[MLPC_SCRATCH];

/* So many calls each: one from Python costs as much as a product of 128 x 128. */

void forward(mlpc_dtype dtype, void *z, const void *x, const void *w, const void *bias, size_t B, size_t I, size_t O,
             size_t calls)
{
    while (calls--)
        (B <= MLPC_FEW_ROWS ? tables[dtype]->linear_forward_few : tables[dtype]->linear_forward)(z, x, w, bias, B, I, O,
                                                                                                 scratch);
}

void backward_x(mlpc_dtype dtype, void *dx, const void *dz, const void *w, size_t B, size_t I, size_t O, size_t calls)
{
    while (calls--)
        tables[dtype]->linear_backward_x(dx, dz, w, B, I, O, scratch);
}

void backward_w(mlpc_dtype dtype, void *dw, const void *x, const void *dz, size_t B, size_t I, size_t O, size_t calls)
{
    while (calls--)
        tables[dtype]->linear_backward_w(dw, x, I, dz, B, I, O, scratch);
}
