/* Samples: rows of numbers or bytes, and a copy of them without their zeros where that makes training faster. */
#include "samples.h"

#include <stdlib.h>
#include <string.h>

#include "fpmode.h"
#include "memory.h"

/* Zeros are skipped where no more than this share of the inputs is left.  An epoch of 784-100-10 on two CPUs with AVX2
 * took as long with as without where about half of the inputs were zero. */
#define MOST_DENSE 0.5

/* Rows that are looked at to tell how many zeros there are. */
#define PROBES 1024

/* Codes of values: up to 256 different ones, found by an open-addressed table. */
enum { SLOTS = 1024 };
typedef struct {
    uint64_t key[SLOTS];
    int16_t code[SLOTS]; /* -1: free */
    size_t used;
} code_book;

#if defined(__GNUC__)
#define PREFETCH(p) __builtin_prefetch(p)
#else
#define PREFETCH(p) ((void)(p))
#endif

static uint64_t bits_at(const mlpc_samples *samples, size_t element)
{
    if (samples->input.bytes)
        return ((const uint8_t *)samples->input.rows)[element];
    if (samples->dtype == MLPC_FLOAT32) {
        uint32_t bits;
        memcpy(&bits, (const float *)samples->input.rows + element, sizeof bits);
        return bits;
    }
    uint64_t bits;
    memcpy(&bits, (const double *)samples->input.rows + element, sizeof bits);
    return bits;
}

/* 1 for +0 and -0. */
static int is_zero(const mlpc_samples *samples, uint64_t bits)
{
    return samples->input.bytes                    ? bits == 0
           : samples->dtype == MLPC_FLOAT32 ? (uint32_t)(bits << 1) == 0
                                                   : bits << 1 == 0;
}

/* The code of a value, new ones in the order in which they come; -1 where there are too many. */
static int code_of(code_book *book, uint64_t bits)
{
    size_t slot = (size_t)(bits * UINT64_C(0x9E3779B97F4A7C15) >> 54);
    while (book->code[slot] >= 0 && book->key[slot] != bits)
        slot = (slot + 1) % SLOTS;
    if (book->code[slot] < 0) {
        if (book->used == 256)
            return -1;
        book->key[slot] = bits;
        book->code[slot] = (int16_t)book->used++;
    }
    return book->code[slot];
}

/* Counts what is not zero in a row; codes, where they still suffice, are collected. */
static size_t count_row(const mlpc_samples *samples, size_t row, code_book *book, int *coded)
{
    size_t count = 0;
    for (size_t i = row * samples->I; i < (row + 1) * samples->I; i++) {
        const uint64_t bits = bits_at(samples, i);
        if (is_zero(samples, bits))
            continue;
        count++;
        if (*coded && !samples->input.bytes && code_of(book, bits) < 0)
            *coded = 0;
    }
    return count;
}

static double measured_density(const mlpc_samples *samples)
{
    const size_t probes = samples->n < PROBES ? samples->n : PROBES;
    size_t count = 0;
    int coded = 0;
    for (size_t p = 0; p < probes; p++)
        count += count_row(samples, samples->n / probes * p, NULL, &coded);
    return (double)count / ((double)probes * (double)samples->I);
}

static void fill_table(mlpc_samples *samples, const mlpc_kernels *kernels, const code_book *book)
{
    if (samples->input.bytes) {
        uint8_t all[256];
        for (int i = 0; i < 256; i++)
            all[i] = (uint8_t)i;
        kernels->from_bytes(samples->table, all, samples->input.scale, 256);
        return;
    }
    for (size_t slot = 0; slot < SLOTS; slot++)
        if (book->code[slot] >= 0 && samples->dtype == MLPC_FLOAT32)
            memcpy((float *)samples->table + book->code[slot], &(uint32_t){(uint32_t)book->key[slot]}, sizeof(float));
        else if (book->code[slot] >= 0)
            memcpy((double *)samples->table + book->code[slot], &book->key[slot], sizeof(double));
}

/* The lists of one row, from start[row] on. */
static void list_row(mlpc_samples *samples, size_t row, code_book *book)
{
    const size_t size = mlpc_itemsize(samples->dtype);
    uint16_t *const entry = samples->entry + samples->start[row];
    uint32_t *const end = samples->end + row * (samples->blocks + 1);
    uint32_t k = 0;
    for (size_t i = 0; i < samples->I; i++) {
        if (i % MLPC_LIST_BLOCK == 0)
            end[i / MLPC_LIST_BLOCK] = k;
        const size_t element = row * samples->I + i;
        const uint64_t bits = bits_at(samples, element);
        if (is_zero(samples, bits))
            continue;
        const int code = samples->value ? 0 : samples->input.bytes ? (int)bits : code_of(book, bits);
        entry[k] = (uint16_t)(i % MLPC_LIST_BLOCK | (size_t)code << 8);
        if (samples->value && samples->input.bytes == 0)
            memcpy((char *)samples->value + (samples->start[row] + k) * size,
                   (const char *)samples->input.rows + element * size, size);
        k++;
    }
    end[samples->blocks] = k;
}

/* Elements behind the last entry, so that whole vectors may be copied. */
#define SLACK 32

static mlpc_status make_lists(mlpc_samples *samples, const mlpc_kernels *kernels)
{
    const size_t n = samples->n, size = kernels->itemsize;
    size_t total = 0, offset = 0;
    samples->blocks = (samples->I + MLPC_LIST_BLOCK - 1) / MLPC_LIST_BLOCK;
    if (samples->I > UINT32_MAX / 2 || !mlpc_size_add(&total, n + 1, sizeof(size_t)) ||
        n > SIZE_MAX / (samples->blocks + 1) || !mlpc_size_add(&total, n * (samples->blocks + 1), sizeof(uint32_t)) ||
        !mlpc_size_add(&total, 256, size) || !mlpc_size_add(&total, 1, sizeof(code_book)) ||
        !(samples->memory[0] = mlpc_block_alloc(total)))
        return MLPC_ERROR_MEMORY;
    samples->start = mlpc_block_cut(samples->memory[0], &offset, n + 1, sizeof(size_t));
    samples->end = mlpc_block_cut(samples->memory[0], &offset, n * (samples->blocks + 1), sizeof(uint32_t));
    samples->table = mlpc_block_cut(samples->memory[0], &offset, 256, size);
    code_book *const book = mlpc_block_cut(samples->memory[0], &offset, 1, sizeof(code_book));
    memset(book->code, -1, sizeof book->code);

    int coded = 1;
    size_t longest = 0;
    for (size_t r = 0; r < n; r++) {
        const size_t count = count_row(samples, r, book, &coded);
        longest = count > longest ? count : longest;
        samples->start[r + 1] = samples->start[r] + count;
    }
    samples->capacity = (longest + SLACK - 1) / SLACK * SLACK + SLACK;

    size_t entries = 0, values = 0;
    if (!mlpc_size_add(&entries, samples->start[n] + SLACK, sizeof(uint16_t)) ||
        !(samples->entry = samples->memory[1] = mlpc_block_alloc(entries)))
        return MLPC_ERROR_MEMORY;
    if (!coded && (!mlpc_size_add(&values, samples->start[n] + SLACK, size) ||
                   !(samples->value = samples->memory[2] = mlpc_block_alloc(values))))
        return MLPC_ERROR_MEMORY;
    fill_table(samples, kernels, book);
    for (size_t r = 0; r < n; r++)
        list_row(samples, r, book);
    return MLPC_OK;
}

static MLPC_NOINLINE mlpc_status create(mlpc_samples *samples, const mlpc_kernels *kernels, mlpc_zeros zeros)
{
    samples->density = measured_density(samples);
    samples->skips_zeros = zeros == MLPC_ZEROS_SKIP || (zeros == MLPC_ZEROS_CHOOSE && samples->density <= MOST_DENSE);
    return samples->skips_zeros ? make_lists(samples, kernels) : MLPC_OK;
}

mlpc_status mlpc_samples_create(mlpc_samples **out, const mlpc_kernels *kernels, const mlpc_input *input, size_t n,
                                size_t I, mlpc_zeros zeros)
{
    mlpc_samples *samples = calloc(1, sizeof *samples);
    if (!samples)
        return MLPC_ERROR_MEMORY;
    *samples = (mlpc_samples){.dtype = kernels->dtype, .n = n, .I = I, .input = *input};
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    const mlpc_status status = create(samples, kernels, zeros);
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

enum { AHEAD = 8 }; /* rows whose memory is asked for in advance */

static size_t later_row(const size_t *order, size_t b, size_t B) { return order[b + AHEAD < B ? b + AHEAD : B - 1]; }

static void prefetch(const void *memory, size_t bytes)
{
    for (size_t line = 0; line < bytes; line += 64)
        PREFETCH((const char *)memory + line);
}

void mlpc_samples_gather_numbers(const mlpc_samples *samples, const mlpc_kernels *kernels, mlpc_rows *rows, size_t at,
                                 const size_t *order, size_t B)
{
    const size_t I = samples->I, size = kernels->itemsize, row_bytes = I * (samples->input.bytes ? 1 : size);
    const char *const from = samples->input.rows;
    for (size_t b = 0; b < B; b++) {
        void *const to = (char *)rows->x + (at + b) * rows->x_row * size;
        prefetch(from + later_row(order, b, B) * row_bytes, row_bytes < 1024 ? row_bytes : 1024);
        if (samples->input.bytes)
            kernels->from_bytes(to, (const uint8_t *)from + order[b] * row_bytes, samples->input.scale, I);
        else
            memcpy(to, from + order[b] * row_bytes, row_bytes);
    }
}

void mlpc_samples_gather(const mlpc_samples *samples, const mlpc_kernels *kernels, mlpc_rows *rows, size_t at,
                         const size_t *order, size_t B)
{
    const size_t size = kernels->itemsize, ends = samples->blocks + 1;
    if (!samples->skips_zeros) {
        mlpc_samples_gather_numbers(samples, kernels, rows, at, order, B);
        return;
    }
    for (size_t b = 0; b < B; b++) {
        const size_t row = order[b], later = later_row(order, b, B);
        const size_t start = samples->start[row], count = samples->start[row + 1] - start;
        uint16_t *const to = rows->entry + (at + b) * samples->capacity;
        PREFETCH(samples->end + later * ends);
        prefetch(samples->entry + samples->start[later], 320);
        memcpy(rows->end + (at + b) * ends, samples->end + row * ends, ends * sizeof(uint32_t));
        for (size_t k = 0; k < count; k += SLACK) /* of constant length, which needs no call */
            memcpy(to + k, samples->entry + start + k, SLACK * sizeof *to);
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
