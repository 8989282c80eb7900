/* The only place that asks the CPU what it can do. */
#include "cpu.h"

#include <stdint.h>

#include "kernels.h"
#include "tables.h"

#if MLPC_HAS_X86

#include <cpuid.h>

enum { EAX, EBX, ECX, EDX };

/* Registers of a leaf of cpuid; all 0 where the CPU does not know the leaf. */
static void cpuid(uint32_t registers[4], uint32_t leaf)
{
    registers[EAX] = registers[EBX] = registers[ECX] = registers[EDX] = 0;
    __get_cpuid_count(leaf, 0, &registers[EAX], &registers[EBX], &registers[ECX], &registers[EDX]);
}

/* Which registers the operating system saves when it switches tasks (XCR0). */
static uint32_t saved_state(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

unsigned mlpc_cpu_features(void)
{
    const uint32_t osxsave = 1u << 27, avx = 1u << 28;
    const uint32_t ymm = 1u << 1 | 1u << 2;                 /* of saved_state: xmm, and upper halves of ymm */
    const uint32_t zmm = ymm | 1u << 5 | 1u << 6 | 1u << 7; /* masks, upper halves of zmm 0-15, zmm 16-31 */
    uint32_t basic[4], extended[4];
    cpuid(basic, 1);
    if (!(basic[ECX] & osxsave) || !(basic[ECX] & avx))
        return 0;
    const uint32_t saved = saved_state();
    if ((saved & ymm) != ymm)
        return 0;
    cpuid(extended, 7);
    unsigned features = 0;
    if (basic[ECX] & 1u << 12)
        features |= MLPC_CPU_FMA;
    if (extended[EBX] & 1u << 5)
        features |= MLPC_CPU_AVX2;
    if ((saved & zmm) != zmm)
        return features;
    if (extended[EBX] & 1u << 16)
        features |= MLPC_CPU_AVX512F;
    if (extended[EBX] & 1u << 17)
        features |= MLPC_CPU_AVX512DQ;
    if (extended[EBX] & 1u << 30)
        features |= MLPC_CPU_AVX512BW;
    if (extended[EBX] & 1u << 31)
        features |= MLPC_CPU_AVX512VL;
    return features;
}

#else

unsigned mlpc_cpu_features(void) { return MLPC_HAS_NEON ? MLPC_CPU_NEON : 0; /* part of every 64-bit Arm */ }

#endif

const char *mlpc_cpu_feature(size_t index, int *present)
{
    static const struct {
        const char *name;
        unsigned bit;
    } features[] = {
        {"fma", MLPC_CPU_FMA},           {"avx2", MLPC_CPU_AVX2},         {"avx512f", MLPC_CPU_AVX512F},
        {"avx512dq", MLPC_CPU_AVX512DQ}, {"avx512bw", MLPC_CPU_AVX512BW}, {"avx512vl", MLPC_CPU_AVX512VL},
        {"neon", MLPC_CPU_NEON},
    };
    if (index >= sizeof features / sizeof *features)
        return NULL;
    *present = (mlpc_cpu_features() & features[index].bit) != 0;
    return features[index].name;
}
