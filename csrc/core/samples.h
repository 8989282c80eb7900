/* The rows that a training reads, and how a batch of them is brought together. */
#ifndef MLPC_SAMPLES_H
#define MLPC_SAMPLES_H

#include "../kernels/kernels.h"
#include "mlpc.h"

struct mlpc_samples {
    mlpc_dtype dtype;
    mlpc_input input; /* of I columns */
    size_t I;
    double density;
    int skips_zeros;

    /* Where zeros are skipped: all rows without them, see mlpc_lists; row r's entries begin at start[r]. */
    size_t blocks, capacity; /* capacity: of the longest row, and enough to copy whole vectors */
    size_t *start;
    uint32_t *end; /* (n, blocks + 1) */
    uint16_t *entry;
    const void *value; /* NULL where all values are in the table; of CSR they lie in its input */
    void *table;       /* 256 of real */
    void *memory[3];   /* fixed size; entries; values */
};

static inline size_t mlpc_samples_row_bytes(const mlpc_samples *samples)
{
    return samples->I * (samples->input.bytes ? 1 : mlpc_itemsize(samples->dtype));
}

/* Brings memory into the second-level cache: it is used a batch later, or some rows. */
static inline void mlpc_prefetch(const void *memory, size_t bytes)
{
#if defined(__GNUC__)
    for (size_t line = 0; line < bytes; line += 64)
        __builtin_prefetch((const char *)memory + line, 0, 2);
#else
    (void)memory, (void)bytes;
#endif
}

/* Elements behind the last entry of a row, so that whole pieces of it may be copied, and room for a row of so many. */
#define MLPC_LIST_SLACK 32
static inline size_t mlpc_list_capacity(size_t entries)
{
    return (entries + MLPC_LIST_SLACK - 1) / MLPC_LIST_SLACK * MLPC_LIST_SLACK + MLPC_LIST_SLACK;
}

/* Room for a batch of rows: as numbers, or as lists. */
typedef struct {
    void *x; /* rows x_row elements apart; NULL where zeros are skipped */
    size_t x_row;
    uint16_t *entry;
    void *value;
    uint32_t *end;
} mlpc_rows;

/* Rows order[0 .. B - 1] of the samples become rows `at` to at + B - 1 of the batch: numbers, or, where zeros are
 * skipped, lists.  So many are left of the order, these included: those of the next batch are on their way then. */
void mlpc_samples_gather_numbers(const mlpc_samples *samples, const mlpc_kernels *kernels, mlpc_rows *rows, size_t at,
                                 const size_t *order, size_t B, size_t left);
void mlpc_samples_gather(const mlpc_samples *samples, const mlpc_kernels *kernels, mlpc_rows *rows, size_t at,
                         const size_t *order, size_t B, size_t left);

/* The first B rows of a batch, for kernels. */
mlpc_lists mlpc_samples_lists(const mlpc_samples *samples, const mlpc_rows *rows, size_t B);

#endif
