/* Rows of input, whichever way they come in: some of them, and as plain numbers. */
#ifndef MLPC_ROWS_H
#define MLPC_ROWS_H

#include "../kernels/kernels.h"
#include "mlpc.h"

static inline int mlpc_input_is_numbers(const mlpc_input *x) { return !x->bytes && !x->indptr; }

/* n rows of x, of I columns, from a row on. */
static inline mlpc_input mlpc_input_from(const mlpc_input *x, size_t row, size_t n, size_t I, size_t itemsize)
{
    mlpc_input from = *x;
    if (x->indptr)
        from.indptr = x->indptr + row;
    else
        from.rows = (const char *)x->rows + row * I * (x->bytes ? 1 : itemsize);
    from.n = n;
    return from;
}

/* All rows of x as numbers, to (n, I) of real.  Of CSR no index leads out of a row, whatever it is by now. */
void mlpc_input_numbers(const mlpc_input *x, const mlpc_kernels *kernels, size_t I, void *to);

/* How many elements of a row are 0, or, of CSR, not stored. */
size_t mlpc_input_zeros(const mlpc_input *x, const mlpc_kernels *kernels, size_t row, size_t I);

/* 1 where all of n numbers are finite; up to so many threads look. */
int mlpc_all_finite(const mlpc_kernels *kernels, const void *x, size_t n, size_t threads);

#endif
