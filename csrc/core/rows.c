/* Rows of input, see rows.h. */
#include "rows.h"

#include <stdatomic.h>
#include <string.h>

#include "team.h"

int mlpc_csr_is_canonical(const mlpc_input *x, size_t I, size_t stored, mlpc_bad_entry *bad)
{
    *bad = (mlpc_bad_entry){0, SIZE_MAX};
    if (x->indptr[0] < 0)
        return 0;
    for (size_t r = 0; r < x->n; r++) {
        const int64_t first = x->indptr[r], end = x->indptr[r + 1];
        *bad = (mlpc_bad_entry){r, SIZE_MAX};
        if (end < first || (uint64_t)end > stored)
            return 0;
        int64_t before = -1;
        for (int64_t k = first; k < end; k++) {
            const int64_t column = x->indices[k];
            bad->k = (size_t)k;
            if (column <= before || (uint64_t)column >= I)
                return 0;
            before = column;
        }
    }
    return 1;
}

static void expand(const mlpc_input *x, size_t itemsize, size_t I, void *to)
{
    memset(to, 0, x->n * I * itemsize);
    for (size_t r = 0; r < x->n; r++)
        for (int64_t k = x->indptr[r]; k < x->indptr[r + 1]; k++) {
            const size_t column = (size_t)x->indices[k];
            if (column >= I)
                continue;
            if (itemsize == sizeof(float))
                ((float *)to)[r * I + column] = ((const float *)x->rows)[k];
            else
                ((double *)to)[r * I + column] = ((const double *)x->rows)[k];
        }
}

void mlpc_input_numbers(const mlpc_input *x, const mlpc_kernels *kernels, size_t I, void *to)
{
    if (x->indptr)
        expand(x, kernels->itemsize, I, to);
    else if (x->bytes)
        kernels->from_bytes(to, x->rows, x->scale, x->n * I);
    else
        memcpy(to, x->rows, x->n * I * kernels->itemsize);
}

size_t mlpc_input_zeros(const mlpc_input *x, const mlpc_kernels *kernels, size_t row, size_t I)
{
    if (x->indptr)
        return I - (size_t)(x->indptr[row + 1] - x->indptr[row]);
    const mlpc_input one = mlpc_input_from(x, row, 1, I, kernels->itemsize);
    if (!x->bytes)
        return kernels->count_zeros(one.rows, I);
    size_t zeros = 0;
    for (size_t i = 0; i < I; i++)
        zeros += ((const uint8_t *)one.rows)[i] == 0;
    return zeros;
}

/* A thread more pays where it gets so many numbers, some 0.1 ms. */
#define LEAST_LOOKED_AT ((double)(1 << 18))

typedef struct {
    const mlpc_kernels *kernels;
    const void *x;
    size_t n;
    atomic_int all;
} look;

static void look_at_share(void *context, mlpc_team *team, size_t rank, size_t size)
{
    (void)team;
    look *const l = context;
    size_t from, to;
    mlpc_team_share(l->n, 1, rank, size, &from, &to);
    if (!l->kernels->all_finite((const char *)l->x + from * l->kernels->itemsize, to - from))
        atomic_store_explicit(&l->all, 0, memory_order_relaxed);
}

int mlpc_all_finite(const mlpc_kernels *kernels, const void *x, size_t n, size_t threads)
{
    look l = {.kernels = kernels, .x = x, .n = n, .all = 1};
    mlpc_team_run(mlpc_team_size((double)n, LEAST_LOOKED_AT, threads), look_at_share, &l);
    return l.all;
}
