/* From the name of an instruction set to its kernels. */
#include "cpu.h"
#include "kernels.h"
#include "tables.h"

/* An instruction set: its name, the features it needs, and its tables, NULL where this library does not hold them. */
typedef struct {
    const char *name;
    unsigned needs;
    const mlpc_kernels *tables[MLPC_N_DTYPES];
} instruction_set;

#define TABLES(isa)                                                                                                    \
    {                                                                                                                  \
        &mlpc_kernels_##isa##_f32, &mlpc_kernels_##isa##_f64                                                           \
    }
#define NO_TABLES                                                                                                      \
    {                                                                                                                  \
        NULL, NULL                                                                                                     \
    }

static const instruction_set sets[MLPC_N_ISAS] = {
    [MLPC_ISA_reference] = {"reference", 0, TABLES(reference)},
    [MLPC_ISA_portable] = {"portable", 0, TABLES(portable)},
#if MLPC_HAS_NEON
    [MLPC_ISA_neon] = {"neon", MLPC_CPU_NEON, TABLES(neon)},
#else
    [MLPC_ISA_neon] = {"neon", MLPC_CPU_NEON, NO_TABLES},
#endif
#if MLPC_HAS_X86
    [MLPC_ISA_avx2] = {"avx2", MLPC_CPU_AVX2 | MLPC_CPU_FMA, TABLES(avx2)},
    [MLPC_ISA_avx512] = {"avx512",
                         MLPC_CPU_AVX512F | MLPC_CPU_AVX512DQ | MLPC_CPU_AVX512BW | MLPC_CPU_AVX512VL | MLPC_CPU_AVX2 |
                             MLPC_CPU_FMA, /* which its files are compiled for, too */
                         TABLES(avx512)},
#else
    [MLPC_ISA_avx2] = {"avx2", MLPC_CPU_AVX2, NO_TABLES},
    [MLPC_ISA_avx512] = {"avx512", MLPC_CPU_AVX512F, NO_TABLES},
#endif
};

const char *mlpc_isa_name(mlpc_isa isa) { return (unsigned)isa < MLPC_N_ISAS ? sets[isa].name : NULL; }

int mlpc_isa_runs(mlpc_isa isa)
{
    if ((unsigned)isa >= MLPC_N_ISAS || !sets[isa].tables[0])
        return 0;
    return (mlpc_cpu_features() & sets[isa].needs) == sets[isa].needs;
}

mlpc_isa mlpc_isa_best(void)
{
    mlpc_isa isa = MLPC_N_ISAS - 1;
    while (!mlpc_isa_runs(isa))
        isa--;
    return isa;
}

const mlpc_kernels *mlpc_kernels_for(mlpc_isa isa, mlpc_dtype dtype)
{
    return mlpc_isa_runs(isa) && (unsigned)dtype < MLPC_N_DTYPES ? sets[isa].tables[dtype] : NULL;
}
