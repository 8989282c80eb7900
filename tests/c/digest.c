/* Digests of everything that promises the same bits: each kernel, and training as a whole.
 *
 *     digest NAME     NAME an instruction set, or "all" for each that runs
 *
 * prints per instruction set a line "# name" and then lines "what dtype digest", which are the same for every
 * instruction set, compiler, optimisation level and machine: two outputs are compared with plain equality.  This file
 * has what digest.h declares for all parts; each part has a file of its own.
 */
#include "digest.h"

#include <fenv.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- The digest ---- */

static uint64_t hash;

void add_bits(uint64_t bits, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ (bits >> 8 * i & 255)) * 0x100000001b3u;
}

void add_doubles(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, x + i, sizeof bits);
        add_bits(x[i] != x[i] ? (uint64_t)0x7ff8 << 48 : bits, sizeof bits);
    }
}

void add_reals(mlpc_dtype dtype, const void *p, size_t n)
{
    if (dtype == MLPC_FLOAT64) {
        add_doubles(p, n);
        return;
    }
    const float *x = p;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        add_bits(x[i] != x[i] ? (uint32_t)0x7fc0 << 16 : bits, sizeof bits);
    }
}

void start(void) { hash = 0xcbf29ce484222325u; }

void finish(const char *what, const char *part, mlpc_dtype dtype)
{
    printf("%s%s %s %016" PRIx64 "\n", what, part, dtype == MLPC_FLOAT32 ? "float32" : "float64", hash);
}

/* ---- Numbers ---- */

double number(flavour kind, mlpc_dtype dtype, uint32_t place, uint64_t bits)
{
    static const double powers[8] = {0x1p-4, 0x1p-2, 0x1p-1, 0x1p0, 0x1p1, 0x1p2, 0x1p4, 0x1p7};
    const int narrow = dtype == MLPC_FLOAT32;
    const double least_normal = narrow ? 0x1p-126 : 0x1p-1022, huge = narrow ? 0x1p127 : 0x1p1023;
    const double unit = (double)(bits >> 11) * 0x1p-53, even = 2 * unit - 1;
    const double wild[] = {(double)NAN,   (double)INFINITY, -(double)INFINITY, even * huge,
                           even * 0x1p10, even * 0x1p-30,   even * 0x1p40,     even * 0x1p20};
    const double least[] = {narrow ? -0x1p-100 : -0x1p-800, narrow ? 0x1p-100 : 0x1p-800, -0.0};
    const unsigned choice = (unsigned)(bits & 31), power = (unsigned)(bits >> 5 & 7);

    if (kind == LEAST)
        return least[place];
    if (kind == TINY)
        return even * 4 * least_normal;
    if (kind == BYTES)
        return (double)(bits & 255);
    if (kind == UNIT)
        return choice == 0 ? 0 : choice == 1 ? 1 : unit;
    if (kind == WILD && choice < COUNT(wild))
        return wild[choice];
    return choice < 10 ? 0.0 : choice < 12 ? -0.0 : choice < 13 ? even * least_normal : even * powers[power];
}

void fill(mlpc_dtype dtype, void *p, size_t n, flavour kind, uint32_t place)
{
    for (size_t i = 0; i < n; i++)
        put(p, dtype, i, number(kind, dtype, place, mlpc_random_bits(20, MLPC_STREAM_DROPOUT, place, i)));
}

/* ---- Arrays ---- */

#define ROOM (257 * 257)
#define GUARD 3 /* elements behind an output that must stay as they are */

const void *input(const bench *b, size_t array, size_t n, flavour kind)
{
    fill(b->dtype, b->in[array], n, kind, (uint32_t)array);
    return b->in[array];
}

void *output(const bench *b, size_t n)
{
    memset(b->out, 0x55, (n + GUARD) * b->k->itemsize);
    return b->out;
}

void add_output(const bench *b, size_t n) { add_reals(b->dtype, b->out, n + GUARD); }

/* ---- The floating-point mode ---- */

#ifdef FE_UPWARD
void foreign_mode(void) { fesetround(FE_UPWARD); }
void own_mode(void)
{
    const volatile double one = 1, little = 0x1p-60;
    if (!(one + little > one)) {
        fprintf(stderr, "digest: the caller's rounding mode was changed\n");
        exit(2);
    }
    fesetround(FE_TONEAREST);
}
#else /* a machine of one mode, like WebAssembly's */
void foreign_mode(void) {}
void own_mode(void) {}
#endif

static void run_instruction_set(mlpc_isa isa, const bench *arrays)
{
    printf("# %s\n", mlpc_isa_name(isa));
    for (int dtype = 0; dtype < MLPC_N_DTYPES; dtype++) {
        bench b = *arrays;
        b.dtype = (mlpc_dtype)dtype;
        b.k = mlpc_kernels_for(isa, b.dtype);
        for (size_t i = 0; i < ARRAYS; i++)
            b.in[i] = (double *)b.in[i] + 1;
        b.out = (double *)b.out + 1;
        b.doubles = mlpc_kernels_for(isa, MLPC_FLOAT64);
        digest_kernels(&b);
        digest_core(&b);
        digest_training(&b);
    }
}

int main(int argc, char **argv)
{
    int found = 0;
    bench arrays = {0};
    for (size_t i = 0; i < ARRAYS; i++)
        arrays.in[i] = allocate(ROOM, sizeof(double));
    arrays.out = allocate(ROOM, sizeof(double));
    for (int isa = 0; isa < MLPC_N_ISAS && argc == 2; isa++)
        if (mlpc_isa_runs((mlpc_isa)isa) &&
            (strcmp(argv[1], "all") == 0 || strcmp(argv[1], mlpc_isa_name((mlpc_isa)isa)) == 0)) {
            run_instruction_set((mlpc_isa)isa, &arrays);
            found = 1;
        }
    for (size_t i = 0; i < ARRAYS; i++)
        free(arrays.in[i]);
    free(arrays.out);
    if (!found)
        fprintf(stderr, "digest: give the name of an instruction set that runs here, or \"all\"\n");
    return !found;
}
