/* What programs that run the core share: arrays of either dtype, and the end of the program where a call fails. */
#ifndef MLPC_TESTS_CORE_H
#define MLPC_TESTS_CORE_H

#include <stdio.h>
#include <stdlib.h>

#include "../../csrc/core/mlpc.h"

static inline void check(mlpc_status status)
{
    if (status != MLPC_OK) {
        fprintf(stderr, "a call of the core gives status %d\n", (int)status);
        exit(2);
    }
}

/* n zeros of so many bytes; they are the caller's to free. */
static inline void *allocate(size_t n, size_t size)
{
    void *p = calloc(n, size);
    if (!p)
        check(MLPC_ERROR_MEMORY);
    return p;
}

/* Element i of an array of the dtype becomes x, rounded. */
static inline void put(void *p, mlpc_dtype dtype, size_t i, double x)
{
    if (dtype == MLPC_FLOAT32)
        ((float *)p)[i] = (float)x;
    else
        ((double *)p)[i] = x;
}

/* The same learning rate for n steps; the caller's to free. */
static inline double *constant_rates(size_t n, double lr)
{
    double *const rates = allocate(n, sizeof *rates);
    for (size_t i = 0; i < n; i++)
        rates[i] = lr;
    return rates;
}

static inline mlpc_optimizer sgd(void) { return (mlpc_optimizer){.row = mlpc_optimizer_named("sgd")}; }

/* Adam as PyTorch sets it up; both states and the number of steps are the caller's. */
static inline mlpc_optimizer adam(void *first, void *second, double *steps)
{
    return (mlpc_optimizer){
        .row = mlpc_optimizer_named("adam"),
        .settings = {0.9, 0.999, 1e-8},
        .state = {first, second},
        .steps = steps,
    };
}

#endif
