/* Digests of the kernels, each on its cases of cases.def; those of products and of norms are in files of
 * their own. */
#include <math.h>
#include <string.h>

#include "digest.h"

/* ---- Maps, activations and rows ---- */

static void run_map(const bench *b, mlpc_map f, const char *name, flavour kind)
{
    start();
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const size_t n = sizes[i];
        const void *x = input(b, 0, n, kind);
        void *y = output(b, n);
        b->k->map[f](y, x, n);
        add_output(b, n);
        memcpy(y, x, n * b->k->itemsize);
        b->k->map[f](y, y, n);
        add_output(b, n);
    }
    finish(name, "", b->dtype);
}

/* The standard settings of activations, 0 where there is none. */
static const double standards[MLPC_N_ACTIVATIONS] = {
#define MLPC_ACTIVATION_SET(name, cost, setting, standard, above) [MLPC_ACTIVATION_##name] = standard,
#include "../../csrc/kernels/kernels.def"
};

/* `how` ends the name of the lines. */
static void run_activation(const bench *b, mlpc_activation f, const char *name, const char *how, flavour z_kind,
                           flavour da_kind, double setting)
{
    char part[32];
    start();
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const size_t n = sizes[i];
        const void *z = input(b, 0, n, z_kind);
        void *a = output(b, n);
        b->k->activation_forward[f](a, z, setting, n);
        add_output(b, n);
        memcpy(a, z, n * b->k->itemsize);
        b->k->activation_forward[f](a, a, setting, n);
        add_output(b, n);
    }
    snprintf(part, sizeof part, "_forward%s", how);
    finish(name, part, b->dtype);

    start();
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const size_t n = sizes[i];
        const void *z = input(b, 0, n, z_kind), *da = input(b, 1, n, da_kind);
        void *a = b->in[2], *dz = output(b, n);
        b->k->activation_forward[f](a, z, setting, n);
        b->k->activation_backward[f](dz, da, z, a, setting, n);
        add_output(b, n);
        memcpy(dz, da, n * b->k->itemsize);
        b->k->activation_backward[f](dz, dz, z, a, setting, n);
        add_output(b, n);
    }
    snprintf(part, sizeof part, "_backward%s", how);
    finish(name, part, b->dtype);
}

static void run_rowwise(const bench *b, mlpc_rowwise f, const char *name, flavour kind)
{
    const size_t rows = 3;
    start();
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const size_t n = rows * sizes[i];
        const void *x = input(b, 0, n, kind);
        void *y = output(b, n);
        b->k->rowwise[f](y, x, rows, sizes[i]);
        add_output(b, n);
        memcpy(y, x, n * b->k->itemsize);
        b->k->rowwise[f](y, y, rows, sizes[i]);
        add_output(b, n);
    }
    finish(name, "", b->dtype);
}

/* ---- Losses ---- */

typedef struct {
    mlpc_loss_kind kind;
    const char *name;
    flavour z, y;
    double setting;
} loss_case;

/* `part` of the line's name: "" as it is without settings, or with them and with rows that are strides apart. */
static void run_element_loss(const bench *b, const loss_case *c, const char *part)
{
    const mlpc_loss_row *const row_of = mlpc_loss_row_of(c->kind);
    const size_t B = COUNT(sample_weight), gap = *part ? 3 : 0;
    double row_loss[COUNT(sample_weight)];
    start();
    for (size_t i = 0; i < WIDTHS; i++) {
        const size_t O = sizes[i], row = O + gap;
        for (int variant = 0; variant < 4; variant++) {
            const void *z = input(b, 0, B * row, c->z), *y = input(b, 1, B * O, c->y), *weight = input(b, 2, O, UNIT);
            void *dz = output(b, B * row);
            if (variant == 3)
                z = memcpy(dz, z, B * row * b->k->itemsize);
            b->k->loss[c->kind](&(mlpc_loss_job){
                .B = B,
                .O = O,
                .z = z,
                .z_row = row,
                .values = y,
                .sample_weight = variant > 1 ? sample_weight : NULL,
                .divisor = 0.7,
                .setting = *part ? c->setting : row_of->setting.initial,
                .weight = *part && row_of->weight ? weight : NULL,
                .row_loss = row_loss,
                .dz = variant ? dz : NULL,
                .dz_row = row,
            });
            add_doubles(row_loss, B);
            add_output(b, B * row);
        }
    }
    finish(c->name, part, b->dtype);
}

static void run_cross_entropy(const bench *b, const loss_case *c, const char *part)
{
    const size_t B = COUNT(sample_weight), gap = *part ? 3 : 0;
    double row_loss[COUNT(sample_weight)];
    int64_t labels[COUNT(sample_weight)];
    start();
    for (size_t i = 0; i < WIDTHS; i++) {
        const size_t O = sizes[i], row = O + gap;
        if (O == 0)
            continue;
        for (size_t r = 0; r < B; r++)
            labels[r] = (int64_t)(r * 37 % O);
        /* The bits of `variant`: labels or probabilities, class weights, smoothing, sample weights and in place. */
        for (int variant = 0; variant < 16; variant++) {
            const void *z = input(b, 0, B * row, c->z), *probabilities = input(b, 1, B * O, c->y);
            const void *class_weight = input(b, 2, O, UNIT);
            void *dz = output(b, B * row);
            if (variant & 8)
                z = memcpy(dz, z, B * row * b->k->itemsize);
            b->k->loss[c->kind](&(mlpc_loss_job){
                .B = B,
                .O = O,
                .z = z,
                .z_row = row,
                .labels = variant & 1 ? labels : NULL,
                .values = variant & 1 ? NULL : probabilities,
                .sample_weight = variant & 8 ? sample_weight : NULL,
                .divisor = 3,
                .setting = variant & 4 ? c->setting : 0,
                .weight = variant & 2 ? class_weight : NULL,
                .row_loss = row_loss,
                .dz = dz,
                .dz_row = row,
            });
            add_doubles(row_loss, B);
            add_output(b, B * row);
        }
        b->k->loss[c->kind](&(mlpc_loss_job){
            .B = B,
            .O = O,
            .z = input(b, 0, B * row, c->z),
            .z_row = row,
            .labels = labels,
            .divisor = 1,
            .row_loss = row_loss,
        });
        add_doubles(row_loss, B);
    }
    finish(c->name, part, b->dtype);
}

/* Twice: with settings, and rows that are strides apart, the line is called "_set". */
static void run_loss(const bench *b, void (*run)(const bench *b, const loss_case *c, const char *part), loss_case c)
{
    run(b, &c, "");
    run(b, &c, "_set");
}

/* ---- Steps ---- */

/* The bits of a step's variant that all optimizers share: gradients and states that are tiny; weight decay; what more
 * stands before the rule, all at once. */
enum { TINY_ONES = 8, DECAY = 4, PROLOGUE = 16 };

typedef struct {
    const char *name;
    unsigned fewest, most; /* states, as bits: those that are always there, and all that can be */
    double own[MLPC_MAX_COEFFICIENTS - MLPC_COEFFICIENT_own];
} step_case;

static const step_case steps[MLPC_N_STEPS] = {
#define CASE_STEP(name, fewest, most, ...) [MLPC_STEP_##name] = {#name, fewest, most, {__VA_ARGS__}},
#include "cases.def"
};

/* n parameters, and states of which those that `keeps` names are there. */
static void take_step(const bench *b, mlpc_step_kind kind, unsigned keeps, const double *coefficients, int tiny,
                      size_t n)
{
    const flavour size = tiny ? TINY : TAME;
    const size_t bytes = n * b->k->itemsize;
    const void *g = input(b, 0, n, size);
    void *state[MLPC_MAX_STATES] = {NULL}, *const memory[MLPC_MAX_STATES] = {b->in[2], b->in[4], b->in[1]};
    for (unsigned s = 0; s < MLPC_MAX_STATES; s++)
        if (keeps >> s & 1)
            state[s] = memmove(memory[s], input(b, 1, n, size), bytes);
    void *p = memcpy(output(b, n), input(b, 3, n, size), bytes);
    const int square = kind == MLPC_STEP_adam ? 1 : kind == MLPC_STEP_sgd || kind == MLPC_STEP_rprop ? 2 : 0;
    for (size_t k = 0; k < n && state[square]; k++) /* means of squares are not negative */
        if (b->dtype == MLPC_FLOAT32)
            ((float *)state[square])[k] *= ((float *)state[square])[k];
        else
            ((double *)state[square])[k] *= ((double *)state[square])[k];
    b->k->step[kind](p, g, state, coefficients, n);
    add_output(b, n);
    for (unsigned s = 0; s < MLPC_MAX_STATES; s++)
        if (state[s])
            add_reals(b->dtype, state[s], n);
}

static void base_coefficients(double *c, mlpc_step_kind kind)
{
    memset(c, 0, MLPC_MAX_COEFFICIENTS * sizeof *c);
    c[MLPC_COEFFICIENT_scale] = 1;
    c[MLPC_COEFFICIENT_clip] = (double)INFINITY;
    memcpy(c + MLPC_COEFFICIENT_own, steps[kind].own, sizeof steps[kind].own);
}

static void run_nesterov(const bench *b, mlpc_step_kind kind, const char *name)
{
    double c[MLPC_MAX_COEFFICIENTS];
    start();
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (int variant = 0; variant < 16; variant++) { /* its lower bits: momentum, Nesterov's */
            base_coefficients(c, kind);
            c[MLPC_COEFFICIENT_own + 1] = variant >> 1 & 1;
            c[MLPC_COEFFICIENT_decay] = variant & DECAY ? 0.01 : 0;
            c[MLPC_COEFFICIENT_rate] = 0.1;
            take_step(b, kind, variant & 1, c, variant & TINY_ONES, sizes[i]);
        }
    finish(name, "_step", b->dtype);
}

static void run_decoupled(const bench *b, mlpc_step_kind kind, const char *name)
{
    double c[MLPC_MAX_COEFFICIENTS];
    start();
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (int variant = 0; variant < 8; variant++) { /* weight decay in the gradient, and decoupled; tiny ones */
            base_coefficients(c, kind);
            c[MLPC_COEFFICIENT_decay] = variant & 1 ? 0.01 : 0;
            c[MLPC_COEFFICIENT_shrink] = variant & 2 ? 0.001 : 0;
            c[MLPC_COEFFICIENT_rate] = 0.01;
            take_step(b, kind, steps[kind].most, c, variant & 4, sizes[i]);
        }
    finish(name, "_step", b->dtype);
}

/* With any states that there can be, and what stands before the rule. */
static void run_step(const bench *b, mlpc_step_kind kind)
{
    const step_case *const s = &steps[kind];
    double c[MLPC_MAX_COEFFICIENTS];
    start();
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (unsigned keeps = s->fewest; keeps <= s->most; keeps++)
            for (int variant = 0; variant < 32 && (keeps & s->fewest) == s->fewest; variant += 4) {
                base_coefficients(c, kind);
                c[MLPC_COEFFICIENT_decay] = variant & DECAY ? 0.01 : 0;
                c[MLPC_COEFFICIENT_rate] = 0.1;
                if (variant & PROLOGUE) {
#define CASE_PROLOGUE(coefficient, value) c[MLPC_COEFFICIENT_##coefficient] = value;
#include "cases.def"
                }
                take_step(b, kind, keeps, c, variant & TINY_ONES, sizes[i]);
            }
    finish("step_", s->name, b->dtype);
}

/* ---- Kernels with a signature of their own ---- */

static void run_sums(const bench *b, const char *name, double (*sum)(const void *x, size_t n), mlpc_dtype dtype,
                     flavour kind)
{
    start();
    for (size_t i = 0; i < COUNT(sizes) + COUNT(long_sizes); i++) {
        const size_t n = i < COUNT(sizes) ? sizes[i] : long_sizes[i - COUNT(sizes)];
        fill(dtype, b->in[0], n, kind, 0);
        const double total = sum(b->in[0], n);
        add_doubles(&total, 1);
    }
    finish(name, "", b->dtype);
}
static void run_sum(const bench *b, flavour x) { run_sums(b, "sum", b->k->sum, b->dtype, x); }
static void run_sum_double(const bench *b, flavour x) { run_sums(b, "sum_double", b->k->sum_double, MLPC_FLOAT64, x); }

/* Of 7 rows, further apart than they are long, of up to 257 columns; the two sums together, and each alone. */
static void run_column_sums(const bench *b, flavour kind)
{
    start();
    for (size_t i = 0; i < 3 * WIDTHS; i++) {
        double sums[2][257] = {{0}};
        const size_t n = sizes[i / 3];
        const void *w = input(b, 0, 7 * (n + 3), kind);
        b->k->column_sums(i % 3 == 1 ? NULL : sums[0], i % 3 == 2 ? NULL : sums[1], w, 7, n + 3, n);
        for (int of = 0; of < 2; of++)
            add_doubles(sums[of], n);
    }
    finish("column_sums", "", b->dtype);
}

static void run_add(const bench *b, flavour kind)
{
    start();
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const size_t n = sizes[i];
        const void *x = input(b, 0, n, kind), *before = input(b, 1, n, kind);
        void *y = memcpy(output(b, n), before, n * b->k->itemsize);
        b->k->add(y, x, n);
        add_output(b, n);
    }
    finish("add", "", b->dtype);
}

/* Finite numbers, then one that is not in each place. */
static void run_all_finite(const bench *b, flavour kind)
{
    static const double strange[3] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    start();
    for (size_t i = 0; i < WIDTHS; i++) {
        const size_t n = sizes[i];
        add_bits((uint64_t)b->k->all_finite(input(b, 0, n, kind), n), 1);
        for (size_t j = 0; j < n; j++) {
            fill(b->dtype, b->in[0], n, kind, 0);
            put(b->in[0], b->dtype, j, strange[j % 3]);
            add_bits((uint64_t)b->k->all_finite(b->in[0], n), 1);
        }
    }
    finish("all_finite", "", b->dtype);
}

static void run_from_bytes(const bench *b, flavour kind)
{
    start();
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (size_t s = 0; s < COUNT(scales); s++) {
            const size_t n = sizes[i];
            uint8_t *const x = b->in[0];
            for (size_t j = 0; j < n; j++)
                x[j] = (uint8_t)number(kind, b->dtype, 5, mlpc_random_bits(20, MLPC_STREAM_DROPOUT, 5, j));
            b->k->from_bytes(output(b, n), x, scales[s], n);
            add_output(b, n);
        }
    finish("from_bytes", "", b->dtype);
}

static void run_count_zeros(const bench *b, flavour kind)
{
    start();
    for (size_t i = 0; i < COUNT(sizes); i++)
        add_bits(b->k->count_zeros(input(b, 0, sizes[i], kind), sizes[i]), 8);
    for (size_t i = 0; i < COUNT(longest); i++)
        add_bits(b->k->count_zeros(input(b, 0, longest[i], TAME), longest[i]), 8);
    finish("count_zeros", "", b->dtype);
}

static void run_find_nonzeros(const bench *b, flavour kind)
{
    uint64_t word[MLPC_LIST_BLOCK / 64];
    uint8_t at[MLPC_LIST_BLOCK];
    start();
    for (size_t i = 0; i < COUNT(sizes) && sizes[i] <= MLPC_LIST_BLOCK; i++) {
        const size_t n = sizes[i];
        size_t count = 0;
        b->k->find_nonzeros(word, input(b, 0, n, kind), n);
        for (size_t j = 0; j < (n + 63) / 64 * 64; j++)
            if (word[j / 64] >> j % 64 & 1)
                at[count++] = (uint8_t)j;
        add_bits(count, 1);
        for (size_t j = 0; j < count; j++)
            add_bits(at[j], 1);
    }
    finish("find_nonzeros", "", b->dtype);
}

/* Some rows of masks and of noise, between elements that stay as they are; in place, and the later rows alone. */
enum { MASK_ROWS = 3, MASK_GAP = 2 };
static const mlpc_words words = {.key = {0x20u, 0xfedcba98u}, .t = 7, .stream = 0x102u};

static void run_dropout(const bench *b, flavour kind)
{
    start();
    for (size_t i = 0; i < WIDTHS; i++)
        for (size_t p = 0; p < COUNT(drops); p++) {
            const size_t columns = sizes[i], stride = columns + MASK_GAP, n = MASK_ROWS * stride;
            const mlpc_mask mask = {words, (uint32_t)(drops[p] * 0x1p32), 1 / (1 - drops[p])};
            const void *x = input(b, 0, n, kind);
            void *y = output(b, n);
            b->k->dropout(y, x, stride, &mask, 4, MASK_ROWS, columns);
            add_output(b, n);
            b->k->dropout(y, y, stride, &mask, 5, MASK_ROWS - 1, columns);
            add_output(b, n);
        }
    finish("dropout", "", b->dtype);
}

static void run_noise(const bench *b, flavour kind)
{
    start();
    for (size_t i = 0; i < WIDTHS; i++) {
        const size_t columns = sizes[i], stride = columns + MASK_GAP, n = MASK_ROWS * stride;
        const void *x = input(b, 0, n, kind);
        void *y = output(b, n);
        b->k->noise(y, x, stride, &words, 0.1, 4, MASK_ROWS, columns);
        add_output(b, n);
        b->k->noise(y, y, stride, &words, 3, 5, MASK_ROWS - 1, columns);
        add_output(b, n);
    }
    finish("noise", "", b->dtype);
}

void digest_kernels(const bench *b)
{
#define CASE_MAP(name, x) run_map(b, MLPC_MAP_##name, #name, x);
#define CASE_ACTIVATION(name, z, da)                                                                                   \
    run_activation(b, MLPC_ACTIVATION_##name, #name, "", z, da, standards[MLPC_ACTIVATION_##name]);
#define CASE_ACTIVATION_SET(name, z, da, setting)                                                                      \
    run_activation(b, MLPC_ACTIVATION_##name, #name, "_" #setting, z, da, setting);
#define CASE_ROWWISE(name, x) run_rowwise(b, MLPC_ROWWISE_##name, #name, x);
#define CASE_ELEMENT_LOSS(name, z, y, setting)                                                                         \
    run_loss(b, run_element_loss, (loss_case){MLPC_LOSS_##name, #name, z, y, setting});
#define CASE_LOSS(name, z, y, setting) run_loss(b, run_##name, (loss_case){MLPC_LOSS_##name, #name, z, y, setting});
#define CASE_STEP(name, ...) run_step(b, MLPC_STEP_##name);
#include "cases.def"
    digest_products(b);
#define CASE_KERNEL(name, x) run_##name(b, x);
#include "cases.def"
    digest_norms(b);
#define CASE_NESTEROV(name) run_nesterov(b, MLPC_STEP_##name, #name);
#define CASE_DECOUPLED(name) run_decoupled(b, MLPC_STEP_##name, #name);
#include "cases.def"
}
