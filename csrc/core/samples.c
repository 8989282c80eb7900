/* Samples: rows of input, and a copy of them without their zeros where that makes training faster. */
#include "samples.h"

#include <stdlib.h>
#include <string.h>

#include "fpmode.h"
#include "memory.h"
#include "rows.h"
#include "samples_csr.h"
#include "samples_dense.h"

/* Zeros are skipped where no more than this share of the inputs is left.  Measured, lists included, for one epoch of
 * 784-100-10 and 784-512-512-10 (Zen 3, AVX2): with half of the inputs left it takes as long as multiplying, or up to a
 * fifth less; with 0.6 left up to a sixth more in float32, as long in float64. */
#define MOST_DENSE 0.5

/* What is looked at to tell how many zeros there are: so many numbers, in no fewer and no more rows than these. */
enum { PROBED = 1 << 18, FEWEST_PROBES = 64, MOST_PROBES = 1024 };

static size_t probes_of(size_t n, size_t I)
{
    const size_t rows = PROBED / I;
    const size_t probes = rows < FEWEST_PROBES ? FEWEST_PROBES : rows > MOST_PROBES ? MOST_PROBES : rows;
    return n < probes ? n : probes;
}

static double measured_density(const mlpc_samples *samples, const mlpc_kernels *kernels)
{
    const size_t n = samples->input.n, probes = probes_of(n, samples->I);
    size_t zeros = 0;
    for (size_t p = 0; p < probes; p++)
        zeros += mlpc_input_zeros(&samples->input, kernels, n / probes * p + n % probes * p / probes, samples->I);
    const double looked = (double)probes * (double)samples->I;
    return probes ? (looked - (double)zeros) / looked : 0;
}

static void fill_table(mlpc_samples *samples, const mlpc_kernels *kernels, const mlpc_code_book *book)
{
    if (samples->input.bytes) {
        uint8_t all[256];
        for (int i = 0; i < 256; i++)
            all[i] = (uint8_t)i;
        kernels->from_bytes(samples->table, all, samples->input.scale, 256);
        return;
    }
    for (size_t code = 0; code < book->used; code++) {
        const uint32_t narrow = (uint32_t)book->bits[code];
        if (samples->dtype == MLPC_FLOAT32)
            memcpy((float *)samples->table + code, &narrow, sizeof narrow);
        else
            memcpy((double *)samples->table + code, &book->bits[code], sizeof(double));
    }
}

static mlpc_status make_lists(mlpc_samples *samples, const mlpc_kernels *kernels, size_t threads, const mlpc_poll *poll)
{
    const size_t n = samples->input.n, size = kernels->itemsize;
    size_t total = 0, offset = 0;
    if (samples->I > UINT32_MAX / 2 || !mlpc_size_add(&total, n + 1, sizeof(size_t)) ||
        n > SIZE_MAX / (samples->blocks + 1) || !mlpc_size_add(&total, n * (samples->blocks + 1), sizeof(uint32_t)) ||
        !mlpc_size_add(&total, 256, size) || !mlpc_size_add(&total, 1, sizeof(mlpc_code_book)) ||
        !(samples->memory[0] = mlpc_block_alloc(total)))
        return MLPC_ERROR_MEMORY;
    samples->start = mlpc_block_cut(samples->memory[0], &offset, n + 1, sizeof(size_t));
    samples->end = mlpc_block_cut(samples->memory[0], &offset, n * (samples->blocks + 1), sizeof(uint32_t));
    samples->table = mlpc_block_cut(samples->memory[0], &offset, 256, size);
    mlpc_code_book *const book = mlpc_block_cut(samples->memory[0], &offset, 1, sizeof *book);
    mlpc_code_book_begin(book);
    const mlpc_status status = samples->input.indptr ? mlpc_csr_list(samples, book, poll)
                                                     : mlpc_dense_list(samples, kernels, threads, book, poll);
    if (status == MLPC_OK)
        fill_table(samples, kernels, book);
    return status;
}

static MLPC_NOINLINE mlpc_status create(mlpc_samples *samples, const mlpc_kernels *kernels, mlpc_zeros zeros,
                                        size_t threads, const mlpc_poll *poll)
{
    samples->blocks = (samples->I + MLPC_LIST_BLOCK - 1) / MLPC_LIST_BLOCK;
    samples->density =
        samples->input.indptr ? mlpc_csr_density(&samples->input, samples->I) : measured_density(samples, kernels);
    samples->skips_zeros = zeros == MLPC_ZEROS_SKIP || (zeros == MLPC_ZEROS_CHOOSE && samples->density <= MOST_DENSE);
    return samples->skips_zeros ? make_lists(samples, kernels, threads, poll) : MLPC_OK;
}

mlpc_status mlpc_samples_create(mlpc_samples **out, const mlpc_kernels *kernels, const mlpc_input *x, size_t I,
                                mlpc_zeros zeros, size_t threads, const mlpc_poll *poll)
{
    mlpc_samples *samples = calloc(1, sizeof *samples);
    if (!samples)
        return MLPC_ERROR_MEMORY;
    *samples = (mlpc_samples){.dtype = kernels->dtype, .I = I, .input = *x};
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    const mlpc_status status = create(samples, kernels, zeros, threads, poll);
    mlpc_fpmode_leave(mode);
    if (status == MLPC_OK)
        *out = samples;
    else
        mlpc_samples_free(samples);
    return status;
}

void mlpc_samples_free(mlpc_samples *samples)
{
    for (int i = 0; samples && i < 3; i++)
        mlpc_block_free(samples->memory[i]);
    free(samples);
}

int mlpc_samples_skip_zeros(const mlpc_samples *samples) { return samples->skips_zeros; }

/* ---- Batches ----------------------------------------------------------------------------------------------------- */

/* Rows whose memory is asked for in advance: what comes from main memory takes longer than a small batch. */
enum { AHEAD = 64 };

static size_t later_row(const size_t *order, size_t b, size_t left)
{
    return order[b + AHEAD < left ? b + AHEAD : left - 1];
}

void mlpc_samples_gather_numbers(const mlpc_samples *samples, const mlpc_kernels *kernels, mlpc_rows *rows, size_t at,
                                 const size_t *order, size_t B, size_t left)
{
    const size_t bytes = mlpc_samples_row_bytes(samples);
    const char *const from = samples->input.rows;
    for (size_t b = 0; b < B; b++) {
        void *const to = (char *)rows->x + (at + b) * rows->x_row * kernels->itemsize;
        if (samples->input.indptr) {
            const mlpc_input row = mlpc_input_from(&samples->input, order[b], 1, samples->I, kernels->itemsize);
            mlpc_input_numbers(&row, kernels, samples->I, to);
            continue;
        }
        mlpc_prefetch(from + later_row(order, b, left) * bytes, bytes < 1024 ? bytes : 1024);
        if (samples->input.bytes)
            kernels->from_bytes(to, (const uint8_t *)from + order[b] * bytes, samples->input.scale, samples->I);
        else
            memcpy(to, from + order[b] * bytes, bytes);
    }
}

void mlpc_samples_gather(const mlpc_samples *samples, const mlpc_kernels *kernels, mlpc_rows *rows, size_t at,
                         const size_t *order, size_t B, size_t left)
{
    const size_t size = kernels->itemsize, ends = samples->blocks + 1;
    if (!samples->skips_zeros) {
        mlpc_samples_gather_numbers(samples, kernels, rows, at, order, B, left);
        return;
    }
    for (size_t b = 0; b < B; b++) {
        const size_t row = order[b], later = later_row(order, b, left);
        const size_t start = samples->start[row], count = samples->start[row + 1] - start;
        uint16_t *const to = rows->entry + (at + b) * samples->capacity;
        mlpc_prefetch(samples->end + later * ends, 1);
        mlpc_prefetch(samples->entry + samples->start[later], 320);
        memcpy(rows->end + (at + b) * ends, samples->end + row * ends, ends * sizeof(uint32_t));
        for (size_t k = 0; k < count; k += MLPC_LIST_SLACK) /* of constant length, which needs no call */
            memcpy(to + k, samples->entry + start + k, MLPC_LIST_SLACK * sizeof *to);
        if (samples->value)
            memcpy((char *)rows->value + (at + b) * samples->capacity * size,
                   (const char *)samples->value + start * size, count * size);
    }
}

mlpc_lists mlpc_samples_lists(const mlpc_samples *samples, const mlpc_rows *rows, size_t B)
{
    return (mlpc_lists){
        .rows = B,
        .I = samples->I,
        .blocks = samples->blocks,
        .capacity = samples->capacity,
        .entry = rows->entry,
        .value = samples->value ? rows->value : NULL,
        .table = samples->table,
        .end = rows->end,
    };
}
