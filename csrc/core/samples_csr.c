/* Samples that come as CSR, see samples_csr.h. */
#include "samples_csr.h"

#include <string.h>

#include "memory.h"
#include "progress.h"

double mlpc_csr_density(const mlpc_input *x, size_t I)
{
    return (double)(x->indptr[x->n] - x->indptr[0]) / ((double)x->n * (double)I);
}

static inline uint64_t bits_at(const mlpc_samples *samples, int64_t k)
{
    if (samples->dtype == MLPC_FLOAT32) {
        uint32_t narrow;
        memcpy(&narrow, (const float *)samples->input.rows + k, sizeof narrow);
        return narrow;
    }
    uint64_t bits;
    memcpy(&bits, (const double *)samples->input.rows + k, sizeof bits);
    return bits;
}

/* The entries of row r, with codes where there is a book; 0 where that lacks one. */
static int list_row(mlpc_samples *samples, mlpc_code_book *book, size_t r)
{
    const mlpc_input *const x = &samples->input;
    uint16_t *const entry = samples->entry + samples->start[r];
    uint32_t *const end = samples->end + r * (samples->blocks + 1);
    uint32_t n = 0;
    size_t part = 0, least = 0;
    end[0] = 0;
    for (int64_t k = x->indptr[r]; k < x->indptr[r + 1]; k++) {
        const size_t column = (size_t)x->indices[k];
        if (column < least || column >= samples->I) /* not any more what was looked at */
            continue;
        for (; part < column / MLPC_LIST_BLOCK; part++)
            end[part + 1] = n;
        unsigned code = 0;
        if (book) {
            const uint64_t bits = bits_at(samples, k);
            code = mlpc_code_of(book, bits);
            if (code == MLPC_NO_CODE)
                return 0;
        }
        entry[n++] = (uint16_t)(column % MLPC_LIST_BLOCK | code << 8);
        least = column + 1;
    }
    for (; part < samples->blocks; part++)
        end[part + 1] = n;
    return 1;
}

/* Entries that are made between two questions whether to go on: some 0.1 ms. */
enum { PIECE = 1 << 16 };

/* All rows; *too_many: the book has not enough codes. */
static mlpc_status list_rows(mlpc_samples *samples, mlpc_code_book *book, int *too_many, const mlpc_poll *poll)
{
    size_t done = 0;
    for (size_t r = 0; r < samples->input.n; r++) {
        if (samples->start[r] + r * samples->blocks >= done) {
            done += PIECE;
            if (mlpc_stopped(poll, 0))
                return MLPC_ERROR_INTERRUPTED;
        }
        if (!list_row(samples, book, r)) {
            *too_many = 1;
            return MLPC_OK;
        }
    }
    return MLPC_OK;
}

mlpc_status mlpc_csr_list(mlpc_samples *samples, mlpc_code_book *book, const mlpc_poll *poll)
{
    const mlpc_input *const x = &samples->input;
    size_t longest = 0, bytes = 0;
    for (size_t r = 0; r < x->n; r++) {
        const size_t length = (size_t)(x->indptr[r + 1] - x->indptr[r]);
        samples->start[r + 1] = samples->start[r] + length;
        longest = length > longest ? length : longest;
    }
    if (!mlpc_size_add(&bytes, samples->start[x->n] + MLPC_LIST_SLACK, sizeof(uint16_t)) ||
        !(samples->memory[1] = mlpc_block_alloc_dirty(bytes)))
        return MLPC_ERROR_MEMORY;
    samples->entry = samples->memory[1];
    samples->capacity = mlpc_list_capacity(longest);

    int too_many = 0;
    mlpc_status status = list_rows(samples, book, &too_many, poll);
    if (status == MLPC_OK && too_many) {
        samples->value = (char *)x->rows + (size_t)x->indptr[0] * mlpc_itemsize(samples->dtype);
        status = list_rows(samples, NULL, &too_many, poll);
    }
    return status;
}
