/* Samples that come as rows of all their numbers, see samples_dense.h. */
#include "samples_dense.h"

#include <string.h>

#include "fpmode.h"
#include "memory.h"
#include "share.h"
#include "team.h"

/* Elements that are looked at between two questions whether to go on: some 0.1 ms. */
enum { PIECE = 1 << 16 };

/* A rank more pays where it gets so many elements, some 0.3 ms. */
#define LEAST_OF_RANK ((double)(1 << 19))

/* Words with a bit for each input of a block. */
#define PART_WORDS (MLPC_LIST_BLOCK / 64)

/* Bytes that are read ahead of those that are looked at: what follows depends on them too much for the CPU to do so. */
enum { LOOK_AHEAD = 2048 };

/* Of each byte the numbers of its bits, ascending, and how many they are. */
typedef struct {
    uint8_t bits[256][8], count[256];
} byte_bits;

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

/* The inputs of block s of a row that are not 0, as bits; returns how many inputs it has.  *from is where it begins. */
static size_t find(const mlpc_samples *samples, const mlpc_kernels *kernels, size_t row, size_t s,
                   uint64_t word[PART_WORDS], const char **from)
{
    const size_t first = s * MLPC_LIST_BLOCK, left = samples->I - first,
                 size = mlpc_samples_row_bytes(samples) / samples->I;
    const size_t n = left < MLPC_LIST_BLOCK ? left : MLPC_LIST_BLOCK;
    *from = (const char *)samples->input.rows + row * mlpc_samples_row_bytes(samples) + first * size;
    if (samples->input.bytes)
        find_bytes(word, (const uint8_t *)*from, n);
    else
        kernels->find_nonzeros(word, *from, n);
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

/* One rank's rows, *first to end - 1, as lists in memory of its own, from which they go where all are. */
typedef struct {
    mlpc_code_book book;
    uint8_t code[MLPC_CODES]; /* what its codes are in the end */
    size_t first, end;
    uint16_t *entry;
    void *value;
    size_t room, values_room; /* elements */
    size_t used, at;          /* entries; where they begin in the end */
    size_t longest;           /* row */
    int too_many, no_memory;
} part;

typedef struct {
    mlpc_samples *samples;
    const mlpc_kernels *kernels;
    mlpc_share share;
    byte_bits byte;
    int with_values; /* as they are, instead of codes */
    part *parts;     /* (ranks,) */
    size_t ranks;    /* that are at work */
    mlpc_status status;
    int too_many;
} job;

/* Room for `needed` elements, of which the first `used` are kept; 0 where there is none. */
static int grow(void **memory, size_t *room, size_t needed, size_t used, size_t size)
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
        memcpy(larger, *memory, used * size);
    mlpc_block_free(*memory);
    *memory = larger;
    *room = needed;
    return 1;
}

static int make_room(const job *j, part *own, size_t needed)
{
    void *entry = own->entry;
    const int grown = grow(&entry, &own->room, needed, own->used, sizeof *own->entry);
    own->entry = entry;
    return grown && (!j->with_values || grow(&own->value, &own->values_room, needed, own->used, j->kernels->itemsize));
}

/* Row r, behind what the part has; 0 where there are too many values. */
static int list_row(const job *j, part *own, size_t r)
{
    const mlpc_samples *const samples = j->samples;
    const size_t size = j->kernels->itemsize, bytes = mlpc_samples_row_bytes(samples) / samples->I;
    uint16_t *const entry = own->entry + own->used;
    uint32_t *const end = samples->end + r * (samples->blocks + 1);
    uint32_t k = 0;
    for (size_t s = 0; s < samples->blocks; s++) {
        uint64_t word[PART_WORDS];
        uint8_t at[MLPC_LIST_BLOCK + 8];
        const char *from;
        const size_t inputs = find(samples, j->kernels, r, s, word, &from);
        mlpc_prefetch((const void *)((uintptr_t)from + LOOK_AHEAD), inputs * bytes); /* maybe behind the last row */
        const size_t n = numbers_of(at, word, inputs, &j->byte);
        end[s] = k;
        if (!j->with_values && !code_any_part(samples, entry + k, &own->book, at, n, from))
            return 0;
        for (size_t i = 0; j->with_values && i < n; i++) {
            entry[k + i] = at[i];
            memcpy((char *)own->value + (own->used + k + i) * size, from + at[i] * size, size);
        }
        k += (uint32_t)n;
    }
    end[samples->blocks] = k;
    own->used += k;
    own->longest = k > own->longest ? k : own->longest;
    samples->start[r + 1] = own->used;
    return 1;
}

/* The rank's rows.  The first part has room for all of them, which nothing touches before they come. */
static void list_part(job *j, size_t rank)
{
    part *const own = &j->parts[rank];
    const mlpc_samples *const samples = j->samples;
    const double rows = (double)(rank ? own->end - own->first : samples->input.n);
    size_t needed = (size_t)(samples->density * (double)samples->I * rows * 1.125);
    for (size_t r = own->first, looked = 0; r < own->end; r++, looked += samples->I) {
        if (looked >= PIECE) {
            looked = 0;
            if (mlpc_share_stopped(&j->share, rank, 0))
                return;
        }
        const size_t least = own->used + samples->I + MLPC_LIST_SLACK;
        own->no_memory = !make_room(j, own, least > needed ? least : needed);
        needed = 0;
        own->too_many = !own->no_memory && !list_row(j, own, r);
        if (own->no_memory || own->too_many)
            return;
    }
}

/* Where each part goes, and the codes of all: in the order in which values come, as if one rank had met them. */
static mlpc_status plan(job *j)
{
    part *const first = j->parts;
    size_t total = first->used;
    for (size_t t = 0; t < j->ranks; t++) {
        part *const p = &j->parts[t];
        if (p->no_memory)
            return MLPC_ERROR_MEMORY;
        j->too_many |= p->too_many;
        for (size_t c = 0; t > 0 && c < p->book.used && !j->too_many; c++) {
            const unsigned code = mlpc_code_of(&first->book, p->book.bits[c]);
            j->too_many |= code == MLPC_NO_CODE;
            p->code[c] = (uint8_t)code;
        }
        first->longest = p->longest > first->longest ? p->longest : first->longest;
        p->at = t ? total : 0;
        total += t ? p->used : 0;
    }
    return j->too_many || make_room(j, first, total + MLPC_LIST_SLACK) ? MLPC_OK : MLPC_ERROR_MEMORY;
}

/* The rank's share of what the parts behind the first one have, to where all are. */
static void bring_together(const job *j, size_t rank)
{
    const size_t size = j->kernels->itemsize;
    const int codes = !j->with_values && !j->samples->input.bytes;
    for (size_t t = 1; t < j->ranks; t++) {
        const part *const p = &j->parts[t];
        size_t from, to;
        mlpc_team_share(p->used, MLPC_LIST_SLACK, rank, j->ranks, &from, &to);
        uint16_t *const entry = j->parts->entry + p->at;
        for (size_t k = from; k < to; k++)
            entry[k] = codes ? (uint16_t)((p->entry[k] & 255) | p->code[p->entry[k] >> 8] << 8) : p->entry[k];
        if (j->with_values && from < to)
            memcpy((char *)j->parts->value + (p->at + from) * size, (char *)p->value + from * size, (to - from) * size);
        if (t == rank)
            for (size_t r = p->first; r < p->end; r++)
                j->samples->start[r + 1] += p->at;
    }
}

static MLPC_NOINLINE void list(job *j, mlpc_team *team, size_t rank, size_t size)
{
    part *const own = &j->parts[rank];
    mlpc_team_share(j->samples->input.n, 1, rank, size, &own->first, &own->end);
    list_part(j, rank);
    mlpc_team_barrier(team);
    if (mlpc_share_ends(&j->share, 0))
        return;
    if (rank == 0) {
        j->ranks = size;
        j->status = plan(j);
    }
    mlpc_team_barrier(team);
    if (j->status == MLPC_OK && !j->too_many)
        bring_together(j, rank);
}

static void list_rank(void *context, mlpc_team *team, size_t rank, size_t size) { list(context, team, rank, size); }

/* All rows, by up to so many ranks; what the first part has then is the samples'. */
static mlpc_status list_all(job *j, size_t ranks)
{
    j->status = MLPC_OK;
    j->too_many = 0;
    j->share.stopped = MLPC_GOES_ON;
    for (size_t t = 0; t < ranks; t++) {
        memset(&j->parts[t], 0, sizeof j->parts[t]);
        mlpc_code_book_begin(&j->parts[t].book);
    }
    mlpc_team_run(ranks, list_rank, j);
    for (size_t t = 1; t < ranks; t++) {
        mlpc_block_free(j->parts[t].entry);
        mlpc_block_free(j->parts[t].value);
    }
    j->samples->memory[1] = j->parts->entry;
    j->samples->memory[2] = j->parts->value;
    return j->share.stopped == MLPC_GOES_ON ? j->status : MLPC_ERROR_INTERRUPTED;
}

mlpc_status mlpc_dense_list(mlpc_samples *samples, const mlpc_kernels *kernels, size_t threads, mlpc_code_book *book,
                            const mlpc_poll *poll)
{
    const double elements = (double)samples->input.n * (double)samples->I;
    const size_t ranks =
        mlpc_team_size(elements, LEAST_OF_RANK, threads < samples->input.n ? threads : samples->input.n);
    size_t bytes = 0, offset = 0;
    job *const j = mlpc_size_add(&bytes, 1, sizeof *j) && mlpc_size_add(&bytes, ranks, sizeof(part))
                       ? mlpc_block_alloc(bytes)
                       : NULL;
    if (!j)
        return MLPC_ERROR_MEMORY;
    (void)mlpc_block_cut(j, &offset, 1, sizeof *j);
    *j = (job){.samples = samples, .kernels = kernels, .share.poll = poll};
    j->parts = mlpc_block_cut(j, &offset, ranks, sizeof(part));
    fill_byte_bits(&j->byte);
    mlpc_status status = list_all(j, ranks);
    if (status == MLPC_OK && j->too_many) {
        mlpc_block_free(samples->memory[1]);
        j->with_values = 1;
        status = list_all(j, ranks);
    }
    samples->entry = samples->memory[1];
    samples->value = samples->memory[2];
    samples->capacity = mlpc_list_capacity(j->parts->longest);
    *book = j->parts->book;
    mlpc_block_free(j);
    return status;
}
