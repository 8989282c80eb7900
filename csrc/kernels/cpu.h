/* The CPU's features, as the operating system lets them be used. */
#ifndef MLPC_CPU_H
#define MLPC_CPU_H

enum {
    MLPC_CPU_FMA = 1 << 0,
    MLPC_CPU_AVX2 = 1 << 1,
    MLPC_CPU_AVX512F = 1 << 2,
    MLPC_CPU_AVX512DQ = 1 << 3,
    MLPC_CPU_AVX512BW = 1 << 4,
    MLPC_CPU_AVX512VL = 1 << 5,
    MLPC_CPU_NEON = 1 << 6,
};

/* The set of those present.  Asks the CPU each time: nothing is cached, callers keep what they make of it. */
unsigned mlpc_cpu_features(void);

#endif
