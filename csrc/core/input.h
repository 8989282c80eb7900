/* Input: the rows that networks are given.  A part of mlpc.h. */
#ifndef MLPC_INPUT_H
#define MLPC_INPUT_H

#include <stddef.h>
#include <stdint.h>

/* ---- Input ------------------------------------------------------------------------------------------------------- */

/* n rows of x, of I columns, in one of three ways:
 *   numbers  rows (n, I) of real, C-contiguous
 *   bytes    the same of uint8, each of which means (real)byte * (real)scale; bytes is 1
 *   CSR      compressed sparse rows, where indptr is not NULL: what is not 0 in row r are the numbers rows[k], of real,
 *            in the columns indices[k], indptr[r] <= k < indptr[r + 1], k counting from the arrays' beginning.  They
 *            are canonical: columns ascend within a row, so that none comes twice.  What is stored may be 0.
 * In whichever way they come, the same numbers give the same bits. */
typedef struct {
    const void *rows;
    size_t n;
    int bytes;
    double scale;          /* of bytes */
    const int64_t *indptr; /* (n + 1,), of CSR */
    const int32_t *indices;
} mlpc_input;

/* Where rows of CSR first break the rule.  It is the columns of `row` that do, at entry k, or, where k is SIZE_MAX, the
 * indptr that ends the row. */
typedef struct {
    size_t row, k;
} mlpc_bad_entry;

/* Goes once through the indices of x, of CSR with `stored` numbers: 1 where they are canonical for I columns and lie
 * within what is stored, else 0, with *bad set.  Whoever passes CSR to another function has had this one look at it. */
int mlpc_csr_is_canonical(const mlpc_input *x, size_t I, size_t stored, mlpc_bad_entry *bad);

#endif
