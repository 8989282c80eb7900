/* Samples: rows of input, and a copy of them without their zeros where that makes training faster. */
#include "samples.h"

#include <stdlib.h>
#include <string.h>

#include "fpmode.h"
#include "memory.h"
#include "progress.h"
#include "rows.h"
#include "samples_csr.h"

/* Zeros are skipped where no more than this share of the inputs is left.  Measured, lists included, for one epoch of
 * 784-100-10 and 784-512-512-10 (Zen 3, AVX2): with half of the inputs left it takes as long as multiplying, or up to a
 * fifth less; with 0.6 left up to a sixth more in float32, as long in float64. */
#define MOST_DENSE 0.5

/* Elements that are looked at between two questions whether to go on: some 0.1 ms. */
enum { PIECE = 1 << 16 };

/* Rows that are looked at to tell how many zeros there are. */
#define PROBES 1024

/* Words with a bit for each input of a part. */
#define PART_WORDS (MLPC_LIST_BLOCK / 64)

/* Of each byte the numbers of its bits, ascending, and how many they are. */
typedef struct {
    uint8_t bits[256][8], count[256];
} byte_bits;

/* What making lists needs. */
typedef struct {
    mlpc_code_book book;
    byte_bits byte;
} maker;

#if defined(__GNUC__)
#define PREFETCH(p) __builtin_prefetch(p, 0, 2) /* for the second-level cache: it is used a batch later */
#else
#define PREFETCH(p) ((void)(p))
#endif

static size_t row_bytes(const mlpc_samples *samples)
{
    return samples->I * (samples->input.bytes ? 1 : mlpc_itemsize(samples->dtype));
}

static void prefetch(const void *memory, size_t bytes)
{
    for (size_t line = 0; line < bytes; line += 64)
        PREFETCH((const char *)memory + line);
}

/* As the kernel find_nonzeros, of bytes.  Eight at a time: adding 127 carries into the high bit where any of the other
 * bits is set, and the product gathers the eight high bits in one byte. */
static void find_bytes(uint64_t *word, const uint8_t *x, size_t n)
{
    const uint64_t low = UINT64_C(0x7F7F7F7F7F7F7F7F);
    for (size_t i = 0; i < n; i += 8) {
        uint64_t bits = 0;
        if (i + 8 <= n) {
            uint64_t high = 0;
            for (size_t j = 0; j < 8; j++)
                high |= (uint64_t)x[i + j] << 8 * j;
            high = (((high & low) + low) | high) & ~low;
            bits = (high >> 7) * UINT64_C(0x0102040810204080) >> 56;
        } else {
            for (size_t j = i; j < n; j++)
                bits |= (uint64_t)(x[j] != 0) << (j - i);
        }
        word[i / 64] = (i % 64 ? word[i / 64] : 0) | bits << i % 64;
    }
}

/* The inputs of part s of a row that are not 0, as bits; returns how many inputs it has.  *part is where it begins. */
static size_t find(const mlpc_samples *samples, const mlpc_kernels *kernels, size_t row, size_t s,
                   uint64_t word[PART_WORDS], const char **part)
{
    const size_t first = s * MLPC_LIST_BLOCK, left = samples->I - first, size = row_bytes(samples) / samples->I;
    const size_t n = left < MLPC_LIST_BLOCK ? left : MLPC_LIST_BLOCK;
    *part = (const char *)samples->input.rows + row * row_bytes(samples) + first * size;
    if (samples->input.bytes)
        find_bytes(word, (const uint8_t *)*part, n);
    else
        kernels->find_nonzeros(word, *part, n);
    return n;
}

static void fill_byte_bits(byte_bits *byte)
{
    for (size_t value = 0; value < 256; value++) {
        byte->count[value] = 0;
        for (uint8_t bit = 0; bit < 8; bit++)
            if (value >> bit & 1)
                byte->bits[value][byte->count[value]++] = bit;
    }
}

/* The numbers of the bits that are set in the words of n inputs, ascending; returns how many.  Byte by byte, without a
 * branch that depends on them: `at` has room for 8 more. */
static size_t numbers_of(uint8_t at[MLPC_LIST_BLOCK + 8], const uint64_t *word, size_t n, const byte_bits *byte)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i += 8) {
        const uint8_t value = (uint8_t)(word[i / 64] >> i % 64);
        uint64_t numbers;
        memcpy(&numbers, byte->bits[value], sizeof numbers);
        numbers += i * UINT64_C(0x0101010101010101);
        memcpy(at + count, &numbers, sizeof numbers);
        count += byte->count[value];
    }
    return count;
}

/* Entries of the numbers of a part that stand at at[0 .. n - 1], with their codes; 0 where there are too
 * many values. */
static inline __attribute__((always_inline)) int code_part(uint16_t *entry, mlpc_code_book *book, const uint8_t *at,
                                                           size_t n, const char *part, const size_t size)
{
    unsigned most = 0;
    for (size_t j = 0; j < n; j++) {
        uint64_t bits = 0;
        if (size == 1) {
            bits = (uint8_t)part[at[j]];
        } else if (size == 4) {
            uint32_t narrow;
            memcpy(&narrow, part + at[j] * size, sizeof narrow);
            bits = narrow;
        } else {
            memcpy(&bits, part + at[j] * size, sizeof bits);
        }
        const unsigned code = size == 1 ? (unsigned)bits : mlpc_code_of(book, bits);
        most |= code;
        entry[j] = (uint16_t)(at[j] | code << 8);
    }
    return most < MLPC_CODES;
}

static int code_any_part(const mlpc_samples *samples, uint16_t *entry, mlpc_code_book *book, const uint8_t *at,
                         size_t n, const char *part)
{
    return samples->input.bytes             ? code_part(entry, book, at, n, part, 1)
           : samples->dtype == MLPC_FLOAT32 ? code_part(entry, book, at, n, part, 4)
                                            : code_part(entry, book, at, n, part, 8);
}

static double measured_density(const mlpc_samples *samples, const mlpc_kernels *kernels)
{
    const size_t n = samples->input.n, probes = n < PROBES ? n : PROBES;
    size_t zeros = 0;
    for (size_t p = 0; p < probes; p++)
        zeros += mlpc_input_zeros(&samples->input, kernels, n / probes * p, samples->I);
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

/* Room for `needed` elements in memory number m, of which the first `used` are kept; 0 where there is none. */
static int grow(mlpc_samples *samples, int m, size_t *room, size_t needed, size_t used, size_t size)
{
    size_t bytes = 0;
    if (needed <= *room)
        return 1;
    if (needed < *room + *room / 2)
        needed = *room + *room / 2;
    void *const larger = mlpc_size_add(&bytes, needed, size) ? mlpc_block_alloc_dirty(bytes) : NULL;
    if (!larger)
        return 0;
    if (used)
        memcpy(larger, samples->memory[m], used * size);
    mlpc_block_free(samples->memory[m]);
    samples->memory[m] = larger;
    *room = needed;
    return 1;
}

/* Bytes that are read ahead of those that are looked at: what follows depends on them too much for the CPU to do so. */
enum { LOOK_AHEAD = 2048 };

/* All rows as lists, values by their codes or, with_values, as they are.  *too_many: there are more values
 * than codes. */
static mlpc_status list_rows(mlpc_samples *samples, const mlpc_kernels *kernels, maker *make, int with_values,
                             int *too_many, const mlpc_poll *poll)
{
    const size_t size = kernels->itemsize, I = samples->I, bytes = row_bytes(samples) / I;
    size_t longest = 0, entries = 0, values = 0;
    const double expected = samples->density * (double)I * (double)samples->input.n * 1.125;
    size_t total = (size_t)expected + I + MLPC_LIST_SLACK;
    for (size_t r = 0, looked = 0; r < samples->input.n; r++, looked += I) {
        if (looked >= PIECE) {
            looked = 0;
            if (mlpc_stopped(poll, r))
                return MLPC_ERROR_INTERRUPTED;
        }
        const size_t start = samples->start[r], needed = start + I + MLPC_LIST_SLACK;
        if (!grow(samples, 1, &entries, needed < total ? total : needed, start, sizeof(uint16_t)) ||
            (with_values && !grow(samples, 2, &values, needed < total ? total : needed, start, size)))
            return MLPC_ERROR_MEMORY;
        total = 0;
        uint16_t *const entry = (uint16_t *)samples->memory[1] + start;
        uint32_t *const end = samples->end + r * (samples->blocks + 1);
        uint32_t k = 0;
        for (size_t s = 0; s < samples->blocks; s++) {
            uint64_t word[PART_WORDS];
            uint8_t at[MLPC_LIST_BLOCK + 8];
            const char *part;
            const size_t inputs = find(samples, kernels, r, s, word, &part);
            prefetch((const void *)((uintptr_t)part + LOOK_AHEAD), inputs * bytes); /* maybe behind the last row */
            const size_t n = numbers_of(at, word, inputs, &make->byte);
            end[s] = k;
            if (!with_values && !code_any_part(samples, entry + k, &make->book, at, n, part)) {
                *too_many = 1;
                return MLPC_OK;
            }
            for (size_t j = 0; with_values && j < n; j++) {
                entry[k + j] = at[j];
                memcpy((char *)samples->memory[2] + (start + k + j) * size, part + at[j] * size, size);
            }
            k += (uint32_t)n;
        }
        end[samples->blocks] = k;
        samples->start[r + 1] = start + k;
        longest = k > longest ? k : longest;
    }
    samples->entry = samples->memory[1];
    samples->value = with_values ? samples->memory[2] : NULL;
    samples->capacity = mlpc_list_capacity(longest);
    return MLPC_OK;
}

static mlpc_status make_lists(mlpc_samples *samples, const mlpc_kernels *kernels, const mlpc_poll *poll)
{
    const size_t n = samples->input.n, size = kernels->itemsize;
    size_t total = 0, offset = 0;
    if (samples->I > UINT32_MAX / 2 || !mlpc_size_add(&total, n + 1, sizeof(size_t)) ||
        n > SIZE_MAX / (samples->blocks + 1) || !mlpc_size_add(&total, n * (samples->blocks + 1), sizeof(uint32_t)) ||
        !mlpc_size_add(&total, 256, size) || !mlpc_size_add(&total, 1, sizeof(maker)) ||
        !(samples->memory[0] = mlpc_block_alloc(total)))
        return MLPC_ERROR_MEMORY;
    samples->start = mlpc_block_cut(samples->memory[0], &offset, n + 1, sizeof(size_t));
    samples->end = mlpc_block_cut(samples->memory[0], &offset, n * (samples->blocks + 1), sizeof(uint32_t));
    samples->table = mlpc_block_cut(samples->memory[0], &offset, 256, size);
    maker *const make = mlpc_block_cut(samples->memory[0], &offset, 1, sizeof(maker));
    fill_byte_bits(&make->byte);
    mlpc_code_book_begin(&make->book);

    int too_many = 0;
    mlpc_status status = samples->input.indptr ? mlpc_csr_list(samples, &make->book, poll)
                                               : list_rows(samples, kernels, make, 0, &too_many, poll);
    if (status == MLPC_OK && too_many)
        status = list_rows(samples, kernels, make, 1, &(int){0}, poll);
    if (status == MLPC_OK)
        fill_table(samples, kernels, &make->book);
    return status;
}

static MLPC_NOINLINE mlpc_status create(mlpc_samples *samples, const mlpc_kernels *kernels, mlpc_zeros zeros,
                                        const mlpc_poll *poll)
{
    samples->blocks = (samples->I + MLPC_LIST_BLOCK - 1) / MLPC_LIST_BLOCK;
    samples->density =
        samples->input.indptr ? mlpc_csr_density(&samples->input, samples->I) : measured_density(samples, kernels);
    samples->skips_zeros = zeros == MLPC_ZEROS_SKIP || (zeros == MLPC_ZEROS_CHOOSE && samples->density <= MOST_DENSE);
    return samples->skips_zeros ? make_lists(samples, kernels, poll) : MLPC_OK;
}

mlpc_status mlpc_samples_create(mlpc_samples **out, const mlpc_kernels *kernels, const mlpc_input *x, size_t I,
                                mlpc_zeros zeros, const mlpc_poll *poll)
{
    mlpc_samples *samples = calloc(1, sizeof *samples);
    if (!samples)
        return MLPC_ERROR_MEMORY;
    *samples = (mlpc_samples){.dtype = kernels->dtype, .I = I, .input = *x};
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    const mlpc_status status = create(samples, kernels, zeros, poll);
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
    const size_t bytes = row_bytes(samples);
    const char *const from = samples->input.rows;
    for (size_t b = 0; b < B; b++) {
        void *const to = (char *)rows->x + (at + b) * rows->x_row * kernels->itemsize;
        if (samples->input.indptr) {
            const mlpc_input row = mlpc_input_from(&samples->input, order[b], 1, samples->I, kernels->itemsize);
            mlpc_input_numbers(&row, kernels, samples->I, to);
            continue;
        }
        prefetch(from + later_row(order, b, left) * bytes, bytes < 1024 ? bytes : 1024);
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
        PREFETCH(samples->end + later * ends);
        prefetch(samples->entry + samples->start[later], 320);
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
