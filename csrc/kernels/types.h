/* What callers of the core and the kernels both name.  It is the first part of the header that `make lib` installs. */
#ifndef MLPC_TYPES_H
#define MLPC_TYPES_H

#include <stddef.h>

#ifdef MLPC_SHARED_LIBRARY /* as in mlpc.h */
#pragma GCC visibility push(default)
#endif

/* The version of the arithmetic: rises with any change of any bit that training or inference gives. */
#define MLPC_ARITHMETIC 2

typedef enum { MLPC_FLOAT32, MLPC_FLOAT64, MLPC_N_DTYPES } mlpc_dtype;

typedef enum {
#define MLPC_ACTIVATION(name, cost) MLPC_ACTIVATION_##name,
#include "kernels.def"
    MLPC_N_ACTIVATIONS
} mlpc_activation;

typedef enum {
#define MLPC_LOSS(name) MLPC_LOSS_##name,
#include "kernels.def"
    MLPC_N_LOSSES
} mlpc_loss_kind;

/* The steps of optimizers, some of which share one. */
typedef enum {
#define MLPC_STEP(name) MLPC_STEP_##name,
#include "kernels.def"
    MLPC_N_STEPS
} mlpc_step_kind;

/* Arrays of one number for each parameter that an optimizer keeps from step to step, at most. */
enum { MLPC_MAX_STATES = 3 };

/* Instruction sets, slowest first.  `reference` is the text of the arithmetic, not an instruction set: plain loops. */
typedef enum {
    MLPC_ISA_reference,
    MLPC_ISA_portable,
    MLPC_ISA_neon,
    MLPC_ISA_avx2,
    MLPC_ISA_avx512,
    MLPC_N_ISAS
} mlpc_isa;

/* "reference", "portable", ...; NULL for a number that is none. */
const char *mlpc_isa_name(mlpc_isa isa);

/* 1 where this library holds the instruction set's kernels and this CPU and operating system run them. */
int mlpc_isa_runs(mlpc_isa isa);

/* The fastest that runs. */
mlpc_isa mlpc_isa_best(void);

/* The kernels of one instruction set and one dtype, opaque to those who only hand them on. */
typedef struct mlpc_kernels mlpc_kernels;

/* Those of an instruction set that runs; NULL for one that does not. */
const mlpc_kernels *mlpc_kernels_for(mlpc_isa isa, mlpc_dtype dtype);

/* The CPU's features that matter here, and whether it has them: index from 0 until the name is NULL. */
const char *mlpc_cpu_feature(size_t index, int *present);

#ifdef MLPC_SHARED_LIBRARY
#pragma GCC visibility pop
#endif

#endif
