/* Digests of everything that promises the same bits: each kernel, and training as a whole.
 *
 *     digest NAME     NAME an instruction set, or "all" for each that runs
 *
 * prints per instruction set a line "# name" and then lines "what dtype digest", which are the same for every
 * instruction set, compiler, optimisation level and machine: two outputs are compared with plain equality.  Kernels are
 * found through kernels.def, so that one without a case here does not compile.
 */
#include <fenv.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../csrc/core/samples.h"
#include "core.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Around the widths of vectors and tiles, primes, and around the block of a sum over samples and that over units. */
static const size_t sizes[] = {0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 47, 48, 49, 61, 63, 64, 65, 127, 129, 257, 1021};
#define WIDTHS (COUNT(sizes) - 1) /* of matrices: all but the last */

/* ---- The digest: FNV-1a over the bytes of numbers, low byte first, every NaN being the same ---- */

static uint64_t hash;

static void add_bits(uint64_t bits, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ (bits >> 8 * i & 255)) * 0x100000001b3u;
}

static void add_doubles(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, x + i, sizeof bits);
        add_bits(x[i] != x[i] ? (uint64_t)0x7ff8 << 48 : bits, sizeof bits);
    }
}

static void add_reals(mlpc_dtype dtype, const void *p, size_t n)
{
    if (dtype == MLPC_FLOAT64) {
        add_doubles(p, n);
        return;
    }
    const float *x = p;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        add_bits(x[i] != x[i] ? (uint32_t)0x7fc0 << 16 : bits, sizeof bits);
    }
}

static void start(void) { hash = 0xcbf29ce484222325u; }

static void finish(const char *what, const char *part, mlpc_dtype dtype)
{
    printf("%s%s %s %016" PRIx64 "\n", what, part, dtype == MLPC_FLOAT32 ? "float32" : "float64", hash);
}

/* ---- Data: numbers of the generator, the same for each place they go to ---- */

typedef enum {
    WILD, /* everything there is: NaN, infinities, subnormal and huge numbers among those of everyday size */
    TAME, /* of everyday size, with zeros of both signs and subnormal numbers */
    UNIT, /* in [0, 1], 0 and 1 among them */
    TINY, /* around the smallest normal number */
    LEAST /* constants whose products round to -0, and -0 */
} flavour;

/* Number `bits` of array `place`. */
static double number(flavour kind, mlpc_dtype dtype, uint32_t place, uint64_t bits)
{
    static const double powers[8] = {0x1p-4, 0x1p-2, 0x1p-1, 0x1p0, 0x1p1, 0x1p2, 0x1p4, 0x1p7};
    const int narrow = dtype == MLPC_FLOAT32;
    const double least_normal = narrow ? 0x1p-126 : 0x1p-1022, huge = narrow ? 0x1p127 : 0x1p1023;
    const double unit = (double)(bits >> 11) * 0x1p-53, even = 2 * unit - 1;
    const double wild[] = {(double)NAN,   (double)INFINITY, -(double)INFINITY, even * huge,
                           even * 0x1p10, even * 0x1p-30,   even * 0x1p40,     even * 0x1p20};
    const double least[] = {narrow ? -0x1p-100 : -0x1p-800, narrow ? 0x1p-100 : 0x1p-800, -0.0};
    const unsigned choice = (unsigned)(bits & 31), power = (unsigned)(bits >> 5 & 7);

    if (kind == LEAST)
        return least[place];
    if (kind == TINY)
        return even * 4 * least_normal;
    if (kind == UNIT)
        return choice == 0 ? 0 : choice == 1 ? 1 : unit;
    if (kind == WILD && choice < COUNT(wild))
        return wild[choice];
    return choice < 10 ? 0.0 : choice < 12 ? -0.0 : choice < 13 ? even * least_normal : even * powers[power];
}

static void fill(mlpc_dtype dtype, void *p, size_t n, flavour kind, uint32_t place)
{
    for (size_t i = 0; i < n; i++)
        put(p, dtype, i, number(kind, dtype, place, mlpc_random_bits(20, MLPC_STREAM_DROPOUT, place, i)));
}

/* ---- Kernels ---- */

/* A table, and arrays for its arguments.  All stand one double off the alignment of a vector. */
#define ARRAYS 5
#define ROOM (257 * 257)
#define GUARD 3 /* elements behind an output that must stay as they are */

typedef struct {
    const mlpc_kernels *k;
    mlpc_dtype dtype;
    void *in[ARRAYS], *out;
} bench;

static _Alignas(64) char scratch[MLPC_SCRATCH]; /* of the kernels */

static const void *input(const bench *b, size_t array, size_t n, flavour kind)
{
    fill(b->dtype, b->in[array], n, kind, (uint32_t)array);
    return b->in[array];
}

/* Where a kernel is to write n elements, and what it must write around. */
static void *output(const bench *b, size_t n)
{
    memset(b->out, 0x55, (n + GUARD) * b->k->itemsize);
    return b->out;
}

static void add_output(const bench *b, size_t n) { add_reals(b->dtype, b->out, n + GUARD); }

static void run_map(const bench *b, mlpc_map f, const char *name)
{
    start();
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const size_t n = sizes[i];
        const void *x = input(b, 0, n, WILD);
        void *y = output(b, n);
        b->k->map[f](y, x, n);
        add_output(b, n);
        memcpy(y, x, n * b->k->itemsize);
        b->k->map[f](y, y, n);
        add_output(b, n);
    }
    finish(name, "", b->dtype);
}

static void run_activation(const bench *b, mlpc_activation f, double setting, const char *name, const char *how)
{
    char part[32];
    start();
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const size_t n = sizes[i];
        const void *z = input(b, 0, n, WILD);
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
        const void *z = input(b, 0, n, WILD), *da = input(b, 1, n, TAME);
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

static void run_rowwise(const bench *b, mlpc_rowwise f, const char *name)
{
    const size_t rows = 3;
    start();
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const size_t n = rows * sizes[i];
        const void *x = input(b, 0, n, TAME);
        void *y = output(b, n);
        b->k->rowwise[f](y, x, rows, sizes[i]);
        add_output(b, n);
        memcpy(y, x, n * b->k->itemsize);
        b->k->rowwise[f](y, y, rows, sizes[i]);
        add_output(b, n);
    }
    finish(name, "", b->dtype);
}

static const double sample_weight[5] = {0.5, 0, 3, 0.1, 1};

/* `part` of the line's name: "" as it is without settings, or with them and with rows that are strides apart. */
static void run_element_loss(const bench *b, mlpc_loss_kind loss, const char *name, const char *part)
{
    const size_t B = COUNT(sample_weight), gap = *part ? 3 : 0;
    double row_loss[COUNT(sample_weight)];
    start();
    for (size_t i = 0; i < WIDTHS; i++) {
        const size_t O = sizes[i], row = O + gap;
        for (int variant = 0; variant < 4; variant++) {
            const void *z = input(b, 0, B * row, TAME), *y = input(b, 1, B * O, UNIT), *weight = input(b, 2, O, UNIT);
            void *dz = output(b, B * row);
            if (variant == 3)
                z = memcpy(dz, z, B * row * b->k->itemsize);
            b->k->loss[loss](&(mlpc_loss_job){
                .B = B,
                .O = O,
                .z = z,
                .z_row = row,
                .values = y,
                .sample_weight = variant > 1 ? sample_weight : NULL,
                .divisor = 0.7,
                .setting = *part ? 0.3 : mlpc_loss_row_of(loss)->setting.initial,
                .weight = *part && mlpc_loss_row_of(loss)->weight ? weight : NULL,
                .row_loss = row_loss,
                .dz = variant ? dz : NULL,
                .dz_row = row,
            });
            add_doubles(row_loss, B);
            add_output(b, B * row);
        }
    }
    finish(name, part, b->dtype);
}

/* B, I, O of products: each size in each place, then some that are large in several. */
static const size_t shapes[][3] = {{65, 61, 17}, {129, 33, 16}, {31, 257, 49}, {9, 520, 5}, {200, 3, 8}, {4, 6, 600}};

static void run_product(const bench *b, const char *name,
                        void (*product)(const bench *b, const size_t shape[3], flavour kind))
{
    start();
    for (size_t i = 0; i < WIDTHS; i++)
        for (size_t place = 0; place < 3; place++) {
            size_t shape[3] = {5, 7, 9};
            shape[place] = sizes[i];
            product(b, shape, TAME);
            product(b, shape, LEAST);
        }
    for (size_t i = 0; i < COUNT(shapes); i++)
        product(b, shapes[i], TAME);
    finish(name, "", b->dtype);
}

/* With LEAST every product, and so the sum of every block, is -0, and the bias too; but the total of the blocks starts
 * at +0, and so is +0. */
static void forward(const bench *b, const size_t shape[3], flavour kind)
{
    const size_t B = shape[0], I = shape[1], O = shape[2];
    const void *x = input(b, 0, B * I, kind), *w = input(b, 1, I * O, kind), *bias = input(b, 2, O, kind);
    b->k->linear_forward(output(b, B * O), x, w, bias, B, I, O, scratch);
    add_output(b, B * O);
}
static void run_linear_forward(const bench *b) { run_product(b, "linear_forward", forward); }

static void forward_few(const bench *b, const size_t shape[3], flavour kind)
{
    const size_t B = shape[0], I = shape[1], O = shape[2];
    const void *x = input(b, 0, B * I, kind), *w = input(b, 1, I * O, kind), *bias = input(b, 2, O, kind);
    b->k->linear_forward_few(output(b, B * O), x, w, bias, B, I, O, scratch);
    add_output(b, B * O);
}
static void run_linear_forward_few(const bench *b) { run_product(b, "linear_forward_few", forward_few); }

static void forward_skip(const bench *b, const size_t shape[3], flavour kind)
{
    const size_t B = shape[0], I = shape[1], O = shape[2];
    const void *x = input(b, 0, B * I, kind == TAME ? WILD : kind), *w = input(b, 1, I * O, kind);
    const void *bias = input(b, 2, O, kind);
    b->k->linear_forward_skip(output(b, B * O), x, w, bias, B, I, O, scratch);
    add_output(b, B * O);
    memset(b->in[0], 0, B * I * b->k->itemsize);
    b->k->linear_forward_skip(output(b, B * O), x, w, bias, B, I, O, scratch);
    add_output(b, B * O);
}
static void run_linear_forward_skip(const bench *b) { run_product(b, "linear_forward_skip", forward_skip); }

static void backward_x(const bench *b, const size_t shape[3], flavour kind)
{
    const size_t B = shape[0], I = shape[1], O = shape[2];
    const void *dz = input(b, 0, B * O, kind), *w = input(b, 1, I * O, kind);
    b->k->linear_backward_x(output(b, B * I), dz, w, B, I, O, scratch);
    add_output(b, B * I);
}
static void run_linear_backward_x(const bench *b) { run_product(b, "linear_backward_x", backward_x); }

/* Of x a range of columns: its rows are longer by 2. */
static void backward_w(const bench *b, const size_t shape[3], flavour kind)
{
    const size_t B = shape[0], I = shape[1], O = shape[2];
    const void *x = input(b, 0, B * (I + 2), kind), *dz = input(b, 1, B * O, kind);
    b->k->linear_backward_w(output(b, I * O), x, I + 2, dz, B, I, O, scratch);
    add_output(b, I * O);
}
static void run_linear_backward_w(const bench *b) { run_product(b, "linear_backward_w", backward_w); }

static void backward_b(const bench *b, const size_t shape[3], flavour kind)
{
    const size_t B = shape[0], O = shape[2];
    const void *dz = input(b, 0, B * O, kind);
    b->k->linear_backward_b(output(b, O), dz, O, B, O);
    add_output(b, O);
}
static void run_linear_backward_b(const bench *b) { run_product(b, "linear_backward_b", backward_b); }

/* ---- Packed layers.  Panels are as wide as the instruction set likes; what is added up is without padding. ---- */

#define MOST_PANELS 257

/* Panels of at most `most` vectors for O outputs: their number, and where they begin. */
static size_t make_panels(const bench *b, size_t O, size_t most, size_t panels[MOST_PANELS + 1])
{
    const size_t vectors = (O + b->k->lanes - 1) / b->k->lanes, n = (vectors + most - 1) / most;
    for (size_t p = 0; p <= n; p++)
        panels[p] = vectors * p / n * b->k->lanes;
    return n;
}

/* Rows of n elements as rows of n_to, zeros behind them. */
static void *widened(const bench *b, const void *rows, size_t count, size_t n, size_t n_to)
{
    char *wide = allocate(count * n_to + 1, b->k->itemsize);
    for (size_t r = 0; r < count; r++)
        memcpy(wide + r * n_to * b->k->itemsize, (const char *)rows + r * n * b->k->itemsize, n * b->k->itemsize);
    return wide;
}

/* The columns [first, first + width) of a matrix (I, O), as many as there are of them; back where `back`. */
static void copy_panel(const bench *b, char *panel, char *matrix, size_t I, size_t O, size_t first, size_t width,
                       int back)
{
    const size_t size = b->k->itemsize, bytes = ((first + width < O ? first + width : O) - first) * size;
    for (size_t i = 0; i < I; i++) {
        char *const in = panel + i * width * size, *const out = matrix + (i * O + first) * size;
        memcpy(back ? out : in, back ? in : out, bytes);
    }
}

/* The matrix (I, O) in panels, padding 0. */
static char *packed(const bench *b, const void *w, size_t I, size_t O, const size_t *panels, size_t n)
{
    char *const to = allocate(I * panels[n] + 1, b->k->itemsize);
    for (size_t p = 0; p < n; p++)
        copy_panel(b, to + I * panels[p] * b->k->itemsize, (char *)w, I, O, panels[p], panels[p + 1] - panels[p], 0);
    return to;
}

static void add_columns(const bench *b, const char *rows, size_t count, size_t n, size_t row)
{
    for (size_t r = 0; r < count; r++)
        add_reals(b->dtype, rows + r * row * b->k->itemsize, n);
}

static void panel_forward(const bench *b, const size_t shape[3], flavour kind)
{
    const size_t B = shape[0], I = shape[1], O = shape[2], size = b->k->itemsize;
    size_t panels[MOST_PANELS + 1];
    const size_t n = O ? make_panels(b, O, b->k->vectors + 1, panels) : 0;
    if (!B || !I || !O)
        return;
    char *const x = widened(b, input(b, 0, B * I, kind), B, I, I + 3);
    char *const w = packed(b, input(b, 1, I * O, kind), I, O, panels, n);
    char *const bias = widened(b, input(b, 2, O, kind), 1, O, panels[n]), *const z = allocate(B * panels[n], size);
    for (size_t p = 0; p < n; p++)
        b->k->panel_forward(z + panels[p] * size, panels[n], x, I + 3, w + I * panels[p] * size,
                            bias + panels[p] * size, B, I, panels[p + 1] - panels[p]);
    add_columns(b, z, B, O, panels[n]);
    free(x);
    free(w);
    free(bias);
    free(z);
}
static void run_panel_forward(const bench *b) { run_product(b, "panel_forward", panel_forward); }

/* The gradient panel by panel, or the step that takes it. */
static void panel_gradient(const bench *b, const size_t shape[3], flavour kind, int step)
{
    const size_t B = shape[0], I = shape[1], O = shape[2], size = b->k->itemsize;
    size_t panels[MOST_PANELS + 1];
    const size_t n = O ? make_panels(b, O, b->k->vectors + 1, panels) : 0;
    if (!B || !I || !O)
        return;
    char *const x = widened(b, input(b, 0, B * I, kind), B, I, I + 3);
    char *const dz = widened(b, input(b, 1, B * O, kind), B, O, panels[n] + b->k->lanes);
    char *const dw = allocate(I * panels[n], size);
    for (size_t p = 0; p < n; p++) {
        const size_t width = panels[p + 1] - panels[p];
        copy_panel(b, dw, (char *)input(b, 2, I * O, kind), I, O, panels[p], width, 0);
        if (step && B <= MLPC_BATCH_BLOCK)
            b->k->panel_sgd_step(dw, x, I + 3, dz + panels[p] * size, panels[n] + b->k->lanes, B, I, 0.1, width);
        else
            b->k->panel_backward_w(dw, x, I + 3, dz + panels[p] * size, panels[n] + b->k->lanes, B, I, width);
        copy_panel(b, dw, b->out, I, O, panels[p], width, 1);
    }
    add_reals(b->dtype, b->out, I * O);
    free(x);
    free(dz);
    free(dw);
}
static void panel_backward_w(const bench *b, const size_t shape[3], flavour kind) { panel_gradient(b, shape, kind, 0); }
static void run_panel_backward_w(const bench *b) { run_product(b, "panel_backward_w", panel_backward_w); }
static void panel_sgd_step(const bench *b, const size_t shape[3], flavour kind) { panel_gradient(b, shape, kind, 1); }
static void run_panel_sgd_step(const bench *b) { run_product(b, "panel_sgd_step", panel_sgd_step); }

static void panels_backward_x(const bench *b, const size_t shape[3], flavour kind)
{
    const size_t B = shape[0], I = shape[1], O = shape[2];
    size_t panels[MOST_PANELS + 1];
    const size_t n = O ? make_panels(b, O, b->k->vectors + 1, panels) : 0;
    if (!B || !I || !O)
        return;
    char *const w = packed(b, input(b, 1, I * O, kind), I, O, panels, n);
    char *const dz = widened(b, input(b, 0, B * O, kind), B, O, panels[n] + 2);
    char *const dx = allocate(B * (I + 1), b->k->itemsize);
    b->k->panels_backward_x(dx, I + 1, dz, panels[n] + 2, w, panels, B, I, O, scratch);
    add_columns(b, dx, B, I, I + 1);
    free(w);
    free(dz);
    free(dx);
}
static void run_panels_backward_x(const bench *b) { run_product(b, "panels_backward_x", panels_backward_x); }

/* Lists of rows of which 0, a third or all elements are zero, -0 among them; the rest have few values, or many. */
typedef struct {
    mlpc_samples *samples;
    mlpc_rows rows;
    mlpc_lists lists;
    mlpc_columns columns;
    char *x;
} listed;

static listed make_lists(const bench *b, size_t B, size_t I, int sparse, int few)
{
    listed l = {.x = allocate(B * I, b->k->itemsize)};
    fill(b->dtype, l.x, B * I, few ? UNIT : TAME, 0);
    for (size_t i = 0; i < B * I; i++) {
        const double kept = few ? (double)(i * 37 % 101) / 8 : 0, zero = i % 2 ? -0.0 : 0.0;
        const int clear = sparse == 2 || (sparse && i * 7 % 3 == 0);
        if (few || clear)
            put(l.x, b->dtype, i, clear ? zero : kept);
    }
    const mlpc_input rows = {.rows = l.x};
    check(mlpc_samples_create(&l.samples, b->k, &rows, B, I, MLPC_ZEROS_SKIP, NULL));
    const size_t capacity = l.samples->capacity, groups = (B + MLPC_BATCH_BLOCK - 1) / MLPC_BATCH_BLOCK;
    l.rows.entry = allocate(B * capacity, sizeof(uint16_t));
    l.rows.value = allocate(B * capacity, b->k->itemsize);
    l.rows.end = allocate(B * (l.samples->blocks + 1), sizeof(uint32_t));
    size_t *order = allocate(B, sizeof *order);
    for (size_t r = 0; r < B; r++)
        order[r] = B - 1 - r;
    mlpc_samples_gather(l.samples, b->k, &l.rows, 0, order, B, B);
    free(order);
    l.lists = mlpc_samples_lists(l.samples, &l.rows, B);
    l.columns = (mlpc_columns){
        .I = I,
        .mask = allocate(groups * I, sizeof(uint64_t)),
        .code = allocate(groups * I * MLPC_BATCH_BLOCK, 1),
        .value = l.lists.value ? allocate(groups * I * MLPC_BATCH_BLOCK, b->k->itemsize) : NULL,
        .table = l.lists.table,
    };
    return l;
}

static void free_lists(listed *l)
{
    mlpc_samples_free(l->samples);
    void *const arrays[] = {l->rows.entry,   l->rows.value,    l->rows.end, l->columns.mask,
                            l->columns.code, l->columns.value, l->x};
    for (size_t i = 0; i < COUNT(arrays); i++)
        free(arrays[i]);
}

/* z of all panels, the columns filled on the way. */
static void forward_lists(const bench *b, listed *l, size_t O, const void *w, const void *bias)
{
    const size_t B = l->lists.rows, I = l->lists.I, size = b->k->itemsize;
    size_t panels[MOST_PANELS + 1];
    const size_t n = make_panels(b, O, MLPC_LIST_VECTORS, panels);
    char *const w_packed = packed(b, w, I, O, panels, n), *const wide_bias = widened(b, bias, 1, O, panels[n]);
    char *const z = allocate(B * panels[n], size), *const partial = allocate(B * panels[n], size);
    for (size_t p = 0; p < n; p++)
        for (size_t s = 0; s < l->lists.blocks; s++) {
            const size_t width = panels[p + 1] - panels[p];
            b->k->list_forward(z + panels[p] * size, partial + panels[p] * size, panels[n], &l->lists, s,
                               p + 1 == n ? &l->columns : NULL,
                               w_packed + (I * panels[p] + s * MLPC_LIST_BLOCK * width) * size,
                               wide_bias + panels[p] * size, width);
        }
    add_columns(b, z, B, O, panels[n]);
    free(w_packed);
    free(wide_bias);
    free(z);
    free(partial);
}

static const size_t list_shapes[][3] = {{1, 1, 1}, {3, 128, 9}, {65, 300, 100}, {130, 7, 33}, {64, 257, 120}};

static void run_lists(const bench *b, const char *name, void (*run)(const bench *b, listed *l, size_t O))
{
    start();
    for (size_t i = 0; i < COUNT(list_shapes); i++)
        for (int variant = 0; variant < 6; variant++) {
            listed l = make_lists(b, list_shapes[i][0], list_shapes[i][1], variant / 2, variant % 2);
            run(b, &l, list_shapes[i][2]);
            free_lists(&l);
        }
    finish(name, "", b->dtype);
}

static void list_forward(const bench *b, listed *l, size_t O)
{
    forward_lists(b, l, O, input(b, 1, l->lists.I * O, TAME), input(b, 2, O, TAME));
    for (size_t i = 0; i < (l->lists.rows + MLPC_BATCH_BLOCK - 1) / MLPC_BATCH_BLOCK * l->lists.I; i++)
        add_bits(l->columns.mask[i], 8);
}
static void run_list_forward(const bench *b) { run_lists(b, "list_forward", list_forward); }

/* The gradient by all weights, in strips of 50 inputs, or the step that takes it. */
/* A step of SGD at the rate 0.1. */
static void plain_step(const bench *b, void *p, const void *g, size_t n)
{
    const double coefficients[MLPC_MAX_COEFFICIENTS] = {
        [MLPC_COEFFICIENT_scale] = 1,
        [MLPC_COEFFICIENT_clip] = (double)INFINITY,
        [MLPC_COEFFICIENT_rate] = 0.1,
    };
    b->k->step[MLPC_STEP_sgd](p, g, (void *[MLPC_MAX_STATES]){NULL}, coefficients, n);
}

static void list_gradient(const bench *b, listed *l, size_t O, int step)
{
    const size_t B = l->lists.rows, I = l->lists.I, size = b->k->itemsize;
    size_t panels[MOST_PANELS + 1];
    const size_t n = make_panels(b, O, MLPC_LIST_VECTORS, panels);
    forward_lists(b, l, O, input(b, 1, I * O, TAME), input(b, 2, O, TAME));
    char *const dz = widened(b, input(b, 3, B * O, TAME), B, O, panels[n]);
    char *const w = packed(b, input(b, 1, I * O, TAME), I, O, panels, n), *const strip = allocate(50 * panels[n], size);
    for (size_t p = 0; p < n; p++) {
        const size_t width = panels[p + 1] - panels[p];
        for (size_t i = 0; i < I; i += 50) {
            const size_t some = I - i < 50 ? I - i : 50;
            char *const rows = w + (I * panels[p] + i * width) * size;
            char *const gradient = step ? strip : rows;
            if (step && B <= MLPC_BATCH_BLOCK)
                b->k->list_sgd_step(rows, &l->columns, i, some, dz + panels[p] * size, panels[n], B, 0.1, width);
            else
                b->k->list_backward_w(gradient, &l->columns, i, some, dz + panels[p] * size, panels[n], B, width);
            if (step && B > MLPC_BATCH_BLOCK)
                plain_step(b, rows, strip, some * width);
        }
        copy_panel(b, w + I * panels[p] * size, b->out, I, O, panels[p], width, 1);
    }
    add_reals(b->dtype, b->out, I * O);
    free(dz);
    free(w);
    free(strip);
}
static void list_backward_w(const bench *b, listed *l, size_t O) { list_gradient(b, l, O, 0); }
static void run_list_backward_w(const bench *b) { run_lists(b, "list_backward_w", list_backward_w); }
static void list_sgd_step(const bench *b, listed *l, size_t O) { list_gradient(b, l, O, 1); }
static void run_list_sgd_step(const bench *b) { run_lists(b, "list_sgd_step", list_sgd_step); }

static void run_cross_entropy(const bench *b, const char *part)
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
            const void *z = input(b, 0, B * row, TAME), *probabilities = input(b, 1, B * O, UNIT);
            const void *class_weight = input(b, 2, O, UNIT);
            void *dz = output(b, B * row);
            if (variant & 8)
                z = memcpy(dz, z, B * row * b->k->itemsize);
            b->k->loss[MLPC_LOSS_cross_entropy](&(mlpc_loss_job){
                .B = B,
                .O = O,
                .z = z,
                .z_row = row,
                .labels = variant & 1 ? labels : NULL,
                .values = variant & 1 ? NULL : probabilities,
                .sample_weight = variant & 8 ? sample_weight : NULL,
                .divisor = 3,
                .setting = variant & 4 ? 0.1 : 0,
                .weight = variant & 2 ? class_weight : NULL,
                .row_loss = row_loss,
                .dz = dz,
                .dz_row = row,
            });
            add_doubles(row_loss, B);
            add_output(b, B * row);
        }
        b->k->loss[MLPC_LOSS_cross_entropy](&(mlpc_loss_job){
            .B = B,
            .O = O,
            .z = input(b, 0, B * row, TAME),
            .z_row = row,
            .labels = labels,
            .divisor = 1,
            .row_loss = row_loss,
        });
        add_doubles(row_loss, B);
    }
    finish("cross_entropy", part, b->dtype);
}

/* With settings, and rows that are strides apart: "_set". */
static void run_loss(const bench *b, mlpc_loss_kind loss, const char *name)
{
    const char *const parts[] = {"", "_set"};
    for (size_t i = 0; i < COUNT(parts); i++)
        if (loss == MLPC_LOSS_cross_entropy)
            run_cross_entropy(b, parts[i]);
        else
            run_element_loss(b, loss, name, parts[i]);
}

static const size_t long_sizes[] = {4080, 4095, 4096, 4097, 8192, 8209};

static void add_sum(const bench *b, double (*sum)(const void *x, size_t n), mlpc_dtype dtype, size_t n)
{
    fill(dtype, b->in[0], n, TAME, 0);
    const double total = sum(b->in[0], n);
    add_doubles(&total, 1);
}

static void run_sums(const bench *b, const char *name, double (*sum)(const void *x, size_t n), mlpc_dtype dtype)
{
    start();
    for (size_t i = 0; i < COUNT(sizes); i++)
        add_sum(b, sum, dtype, sizes[i]);
    for (size_t i = 0; i < COUNT(long_sizes); i++)
        add_sum(b, sum, dtype, long_sizes[i]);
    finish(name, "", b->dtype);
}
static void run_sum(const bench *b) { run_sums(b, "sum", b->k->sum, b->dtype); }
static void run_sum_double(const bench *b) { run_sums(b, "sum_double", b->k->sum_double, MLPC_FLOAT64); }

static void run_add(const bench *b)
{
    start();
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const size_t n = sizes[i];
        const void *x = input(b, 0, n, WILD), *before = input(b, 1, n, WILD);
        void *y = memcpy(output(b, n), before, n * b->k->itemsize);
        b->k->add(y, x, n);
        add_output(b, n);
    }
    finish("add", "", b->dtype);
}

/* Finite numbers, then one that is not in each place. */
static void run_all_finite(const bench *b)
{
    static const double strange[3] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    start();
    for (size_t i = 0; i < WIDTHS; i++) {
        const size_t n = sizes[i];
        add_bits((uint64_t)b->k->all_finite(input(b, 0, n, TAME), n), 1);
        for (size_t j = 0; j < n; j++) {
            fill(b->dtype, b->in[0], n, TAME, 0);
            put(b->in[0], b->dtype, j, strange[j % 3]);
            add_bits((uint64_t)b->k->all_finite(b->in[0], n), 1);
        }
    }
    finish("all_finite", "", b->dtype);
}

/* The bits of a step's variant that all optimizers share: gradients and states that are tiny; weight decay; what more
 * stands before the rule, all at once. */
enum { TINY_ONES = 8, DECAY = 4, PROLOGUE = 16 };

static const double own_coefficients[MLPC_N_STEPS][4] = {
    [MLPC_STEP_sgd] = {0.9, 0},    [MLPC_STEP_adam] = {0.9, 0.999, 1e-8, 3.5}, [MLPC_STEP_rmsprop] = {0.99, 1e-8, 0.9},
    [MLPC_STEP_adagrad] = {1e-10}, [MLPC_STEP_rprop] = {0.5, 1.2, 1e-6, 50},
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
    memcpy(c + MLPC_COEFFICIENT_own, own_coefficients[kind], sizeof own_coefficients[kind]);
}

static void run_sgd_step(const bench *b)
{
    double c[MLPC_MAX_COEFFICIENTS];
    start();
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (int variant = 0; variant < 16; variant++) { /* its lower bits: momentum, Nesterov's */
            base_coefficients(c, MLPC_STEP_sgd);
            c[MLPC_COEFFICIENT_own + 1] = variant >> 1 & 1;
            c[MLPC_COEFFICIENT_decay] = variant & DECAY ? 0.01 : 0;
            c[MLPC_COEFFICIENT_rate] = 0.1;
            take_step(b, MLPC_STEP_sgd, variant & 1, c, variant & TINY_ONES, sizes[i]);
        }
    finish("sgd_step", "", b->dtype);
}

static void run_adam_step(const bench *b)
{
    double c[MLPC_MAX_COEFFICIENTS];
    start();
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (int variant = 0; variant < 8; variant++) { /* weight decay in the gradient, and decoupled; tiny ones */
            base_coefficients(c, MLPC_STEP_adam);
            c[MLPC_COEFFICIENT_decay] = variant & 1 ? 0.01 : 0;
            c[MLPC_COEFFICIENT_shrink] = variant & 2 ? 0.001 : 0;
            c[MLPC_COEFFICIENT_rate] = 0.01;
            take_step(b, MLPC_STEP_adam, 3, c, variant & 4, sizes[i]);
        }
    finish("adam_step", "", b->dtype);
}

/* The steps that keep other states, and of all of them what stands before the rule. */
static void run_step(const bench *b, mlpc_step_kind kind, const char *name)
{
    static const unsigned most[MLPC_N_STEPS] = {1, 3, 7, 1, 3}, fewest[MLPC_N_STEPS] = {0, 3, 1, 1, 3};
    double c[MLPC_MAX_COEFFICIENTS];
    start();
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (unsigned keeps = fewest[kind]; keeps <= most[kind]; keeps++)
            for (int variant = 0; variant < 32 && (keeps & fewest[kind]) == fewest[kind]; variant += 4) {
                base_coefficients(c, kind);
                c[MLPC_COEFFICIENT_decay] = variant & DECAY ? 0.01 : 0;
                c[MLPC_COEFFICIENT_rate] = 0.1;
                if (variant & PROLOGUE) {
                    c[MLPC_COEFFICIENT_scale] = 0.7;
                    c[MLPC_COEFFICIENT_clip] = 0.3;
                    c[MLPC_COEFFICIENT_l1] = 0.003;
                    c[MLPC_COEFFICIENT_shrink] = 0.001;
                }
                take_step(b, kind, keeps, c, variant & TINY_ONES, sizes[i]);
            }
    finish("step_", name, b->dtype);
}

static void run_from_bytes(const bench *b)
{
    static const double scales[] = {1.0 / 255, 1, -0.0, 1e-40, 3e38};
    start();
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (size_t s = 0; s < COUNT(scales); s++) {
            const size_t n = sizes[i];
            uint8_t *const x = b->in[0];
            for (size_t j = 0; j < n; j++)
                x[j] = (uint8_t)mlpc_random_bits(20, MLPC_STREAM_DROPOUT, 5, j);
            b->k->from_bytes(output(b, n), x, scales[s], n);
            add_output(b, n);
        }
    finish("from_bytes", "", b->dtype);
}

static void run_count_zeros(const bench *b)
{
    start();
    for (size_t i = 0; i < COUNT(sizes); i++)
        add_bits(b->k->count_zeros(input(b, 0, sizes[i], WILD), sizes[i]), 8);
    add_bits(b->k->count_zeros(input(b, 0, 40000, TAME), 40000), 8);
    finish("count_zeros", "", b->dtype);
}

static void run_find_nonzeros(const bench *b)
{
    uint64_t word[MLPC_LIST_BLOCK / 64];
    uint8_t at[MLPC_LIST_BLOCK];
    start();
    for (size_t i = 0; i < COUNT(sizes) && sizes[i] <= MLPC_LIST_BLOCK; i++) {
        const size_t n = sizes[i];
        size_t count = 0;
        b->k->find_nonzeros(word, input(b, 0, n, WILD), n);
        for (size_t j = 0; j < (n + 63) / 64 * 64; j++)
            if (word[j / 64] >> j % 64 & 1)
                at[count++] = (uint8_t)j;
        add_bits(count, 1);
        for (size_t j = 0; j < count; j++)
            add_bits(at[j], 1);
    }
    finish("find_nonzeros", "", b->dtype);
}

static void run_kernels(const bench *b)
{
#define MLPC_MAP(name) run_map(b, MLPC_MAP_##name, #name);
#define MLPC_ACTIVATION(name, cost) run_activation(b, MLPC_ACTIVATION_##name, 0, #name, "");
#define MLPC_ACTIVATION_SET(name, cost, setting, standard, above)                                                      \
    run_activation(b, MLPC_ACTIVATION_##name, standard, #name, "");                                                    \
    run_activation(b, MLPC_ACTIVATION_##name, 0.7, #name, "_0.7");
#define MLPC_ROWWISE(name) run_rowwise(b, MLPC_ROWWISE_##name, #name);
#define MLPC_LOSS(name) run_loss(b, MLPC_LOSS_##name, #name);
#define MLPC_STEP(name) run_step(b, MLPC_STEP_##name, #name);
#define MLPC_KERNEL(name) run_##name(b);
#include "../../csrc/kernels/kernels.def"
    run_sgd_step(b);
    run_adam_step(b);
}

/* ---- The core ---- */

/* The caller's floating-point mode in all calls of the core below: it must not matter, and must come back.  Arithmetic
 * tells whether it did; fegetround may ask another unit than the one that computes.  Operands are made before. */
#ifdef FE_UPWARD
static void foreign_mode(void) { fesetround(FE_UPWARD); }
static void own_mode(void)
{
    const volatile double one = 1, little = 0x1p-60;
    if (!(one + little > one)) {
        fprintf(stderr, "digest: the caller's rounding mode was changed\n");
        exit(2);
    }
    fesetround(FE_TONEAREST);
}
#else /* a machine of one mode, like WebAssembly's */
static void foreign_mode(void) {}
static void own_mode(void) {}
#endif

/* The float64 kernels of the instruction set that runs, which initial values are made with. */
static const mlpc_kernels *doubles;

static void run_numbers(mlpc_dtype dtype)
{
    const size_t widths[] = {19, 23, 23, 5};
    const mlpc_block hidden[] = {{.activation = MLPC_ACTIVATION_tanh}, {.activation = MLPC_ACTIVATION_tanh}};
    mlpc_net *net;
    check(mlpc_net_create(&net, dtype, 3, widths, hidden));
    void *parameters = allocate(net->n_parameters, sizeof(double));
    start();
    for (int init = 0; init < MLPC_N_INITS; init++) {
        foreign_mode();
        check(mlpc_initialize(net, doubles, parameters, (mlpc_init)init, 1, NULL));
        own_mode();
        add_reals(dtype, parameters, net->n_parameters);
    }
    finish("initial_values", "", dtype);
    free(parameters);
    mlpc_net_free(net);

    start();
    static const struct {
        const char *name;
        double settings[MLPC_MAX_SETTINGS];
    } schedules[] = {{"constant", {0}},
                     {"step", {2.5, 0.7}},
                     {"cosine", {20, 1e-4}},
                     {"exponential", {0.7}},
                     {"polynomial", {20, 1.7, 1e-4}},
                     {"one_cycle", {20, 0.3, 25, 1e4}}};
    for (size_t i = 0; i < COUNT(schedules); i++) {
        if (i == 3) {
            finish("learning_rates", "", dtype);
            start();
        }
        for (int warmup = 0; warmup < 3; warmup++) {
            mlpc_schedule s = {mlpc_schedule_named(schedules[i].name), 0.3, warmup, {0}};
            memcpy(s.settings, schedules[i].settings, sizeof s.settings);
            for (double t = 0; t < 24; t += 0.15625) {
                foreign_mode();
                const double lr = mlpc_learning_rate(&s, t);
                own_mode();
                add_doubles(&lr, 1);
            }
        }
    }
    finish("learning_rates", "_of_more", dtype);

    size_t order[1021];
    start();
    for (size_t i = 0; i < COUNT(sizes); i++) {
        check(mlpc_shuffle(order, sizes[i], 5, (uint32_t)i, NULL));
        for (size_t j = 0; j < sizes[i]; j++)
            add_bits(order[j], 8);
    }
    finish("shuffles", "", dtype);
}

/* A layer without bias, from tiny inputs: what comes out is subnormal. */
static void run_subnormal(const mlpc_kernels *k, mlpc_dtype dtype)
{
    const size_t widths[] = {31, 17};
    mlpc_net *net;
    mlpc_workspace *workspace;
    check(mlpc_net_create(&net, dtype, 1, widths, NULL));
    check(mlpc_workspace_create(&workspace, net, 9, 1));
    void *parameters = allocate(net->n_parameters, k->itemsize);
    void *x = allocate(20 * 31, k->itemsize), *z = allocate(20 * 17, k->itemsize);
    const mlpc_input input = {.rows = x};
    check(mlpc_initialize(net, doubles, parameters, MLPC_INIT_he, 1, NULL));
    fill(dtype, x, 20 * 31, TINY, 0);
    foreign_mode();
    check(mlpc_predict(net, k, parameters, workspace, MLPC_OUTPUT_logits, MLPC_LOSS_mse, z, &input, 20, NULL));
    own_mode();
    start();
    add_reals(dtype, z, 20 * 17);
    finish("predict_subnormal", "", dtype);
    free(parameters);
    free(x);
    free(z);
    mlpc_workspace_free(workspace);
    mlpc_net_free(net);
}

/* What inference gives for rows of bytes, most of them 0, and the same as numbers; one, few and many at a time. */
static void run_inference(const mlpc_kernels *k, mlpc_dtype dtype)
{
    enum { N = 90, IN = 310, OUT = 5 };
    const size_t widths[] = {IN, 29, OUT};
    const mlpc_block hidden[] = {{.activation = MLPC_ACTIVATION_relu}};
    mlpc_net *net;
    mlpc_workspace *workspace, *for_inference;
    mlpc_predictor *predictor;
    check(mlpc_net_create(&net, dtype, 2, widths, hidden));
    check(mlpc_workspace_create(&workspace, net, 64, 1));
    check(mlpc_workspace_create_for_inference(&for_inference, net, 64, 1));
    void *parameters = allocate(net->n_parameters, k->itemsize), *x = allocate(N * IN, k->itemsize);
    void *to = allocate(N * OUT, sizeof(double));
    uint8_t *bytes = allocate(N * IN, 1);
    check(mlpc_initialize(net, doubles, parameters, MLPC_INIT_he, 1, NULL));
    check(mlpc_predictor_create(&predictor, net, k, parameters, MLPC_LOSS_mse));
    for (size_t i = 0; i < N * IN; i++) {
        const uint64_t bits = mlpc_random_bits(20, MLPC_STREAM_DROPOUT, 6, i);
        bytes[i] = bits % 4 ? 0 : (uint8_t)(bits >> 8);
    }
    k->from_bytes(x, bytes, 1.0 / 255, N * IN);

    const mlpc_input inputs[] = {{.rows = x}, {.rows = bytes, .bytes = 1, .scale = 1.0 / 255}};
    static const size_t counts[] = {1, 2, 9, N};
    start();
    for (size_t i = 0; i < COUNT(inputs); i++)
        for (size_t n = 0; n < COUNT(counts); n++)
            for (int variant = 0; variant < 3; variant++) {
                mlpc_workspace *const memory = variant ? for_inference : workspace;
                foreign_mode();
                if (variant == 2)
                    check(mlpc_predictor_run(predictor, memory, MLPC_OUTPUT_logits, to, &inputs[i], counts[n], NULL));
                else
                    check(mlpc_predict(net, k, parameters, memory, MLPC_OUTPUT_logits, MLPC_LOSS_mse, to, &inputs[i],
                                       counts[n], NULL));
                own_mode();
                add_reals(dtype, to, counts[n] * OUT);
            }
    for (int loss = 0; loss <= MLPC_LOSS_cross_entropy; loss++) /* every link is among them */
        for (int output = 0; output < MLPC_N_OUTPUTS; output++) {
            const int integers = output == MLPC_OUTPUT_prediction &&
                                 (loss == MLPC_LOSS_cross_entropy || loss == MLPC_LOSS_bce_with_logits);
            const size_t count = integers && loss == MLPC_LOSS_cross_entropy ? N : N * OUT;
            foreign_mode();
            check(mlpc_predict(net, k, parameters, workspace, (mlpc_output)output, (mlpc_loss_kind)loss, to, &inputs[1],
                               N, NULL));
            own_mode();
            for (size_t j = 0; integers && j < count; j++)
                add_bits((uint64_t)((const int64_t *)to)[j], 8);
            if (!integers)
                add_reals(dtype, to, count);
        }
    finish("inference", "", dtype);
    free(parameters);
    free(x);
    free(to);
    free(bytes);
    mlpc_predictor_free(predictor);
    mlpc_workspace_free(for_inference);
    mlpc_workspace_free(workspace);
    mlpc_net_free(net);
}

/* An optimizer as its row has it, without states. */
static mlpc_optimizer optimizer_named(const char *name)
{
    mlpc_optimizer optimizer = {.row = mlpc_optimizer_named(name)};
    for (size_t i = 0; i < MLPC_MAX_SETTINGS; i++)
        optimizer.settings[i] = optimizer.row->settings[i].initial;
    return optimizer;
}

/* As input, of numbers of everyday size, rounded upwards. */
static const void *input_upwards(const bench *b, uint32_t array, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double x = number(TAME, b->dtype, array, mlpc_random_bits(20, MLPC_STREAM_DROPOUT, array, i));
        const float narrow = (float)x;
        if (b->dtype == MLPC_FLOAT32)
            put(b->in[array], b->dtype, i, (double)narrow < x ? nextafterf(narrow, INFINITY) : narrow);
        else
            put(b->in[array], b->dtype, i, x);
    }
    return b->in[array];
}

/* Steps of Adam from the first one on, and late ones, whose powers of beta take many squarings. */
static void run_adam(const bench *b, const char *name)
{
    enum { N = 37 };
    static const size_t sizes_of_net[2] = {N - 1, 1};
    /* 0.01, 0.02, ... rounded upwards. */
    static const double rates[8] = {0x1.47ae147ae147bp-7, 0x1.47ae147ae147bp-6, 0x1.eb851eb851eb9p-6,
                                    0x1.47ae147ae147bp-5, 0x1.999999999999ap-5, 0x1.eb851eb851eb9p-5,
                                    0x1.1eb851eb851ecp-4, 0x1.47ae147ae147bp-4};
    double steps = 0;
    mlpc_net *net;
    check(mlpc_net_create(&net, b->dtype, 1, sizes_of_net, NULL));
    void *p = memcpy(output(b, N), input(b, 3, N, TAME), N * b->k->itemsize);
    mlpc_optimizer optimizer = optimizer_named(name);
    optimizer.penalties.weight_decay = 0.01;
    optimizer.state[0] = memset(b->in[1], 0, N * b->k->itemsize);
    optimizer.state[1] = memset(b->in[2], 0, N * b->k->itemsize);
    optimizer.steps = &steps;
    start();
    for (int k = 0; k < 8; k++) {
        const double lr = rates[k];
        const void *const g = input_upwards(b, 0, N);
        steps = k < 4 ? steps : 1234 * k;
        foreign_mode();
        mlpc_step(&optimizer, net, b->k, p, g, lr);
        own_mode();
        add_reals(b->dtype, p, N);
    }
    add_doubles(&steps, 1);
    finish("steps_", name, b->dtype);
    mlpc_net_free(net);
}

/* Two epochs of a network with each loss; over all of them every activation occurs. */
enum { HIDDEN = 3, ROWS = 100, BATCH = 66, INPUTS = 19, OUTPUTS = 7 };
_Static_assert(HIDDEN *MLPC_N_LOSSES >= MLPC_N_ACTIVATIONS, "an activation without a network");

/* A training, and where its numbers lie. */
typedef struct {
    const mlpc_kernels *k;
    const mlpc_net *net;
    mlpc_init init;
    void *parameters, *x;
    const mlpc_optimizer *optimizer;
    const mlpc_schedule *schedule;
    const mlpc_loss *loss;
    const mlpc_targets *targets;
} training;

/* One epoch; the first begins with initial values. */
static void train(const training *t, const mlpc_samples *samples, mlpc_trainer *trainer, void *gradients,
                  uint32_t epoch, mlpc_epoch_result *result)
{
    double rates[(ROWS + BATCH - 1) / BATCH];
    const mlpc_epoch_settings settings = {1, 4, epoch, rates};
    foreign_mode();
    mlpc_learning_rates(t->schedule, epoch, COUNT(rates), rates);
    if (epoch == 0) {
        check(mlpc_initialize(t->net, doubles, t->parameters, t->init, 3, NULL));
        for (size_t s = 0; s < MLPC_MAX_STATES; s++)
            if (t->optimizer->state[s])
                memset(t->optimizer->state[s], 0, t->net->n_parameters * t->k->itemsize);
        if (t->optimizer->steps)
            *t->optimizer->steps = 0;
    }
    check(mlpc_train_epoch(t->net, t->k, t->parameters, gradients, trainer, t->optimizer, t->loss, samples, t->targets,
                           &settings, result, NULL));
    own_mode();
}

/* The same training fused, with zeros multiplied or skipped and by one thread or several, has the same bits. */
static void train_fused(const training *t)
{
    const size_t P = t->net->n_parameters, bytes = P * t->k->itemsize;
    void *expected = memcpy(allocate(P, t->k->itemsize), t->parameters, bytes);
    const mlpc_input input = {.rows = t->x};
    for (size_t threads = 1; threads <= 3; threads++)
        for (int skip = 0; skip < 2; skip++) {
            mlpc_samples *samples;
            mlpc_trainer *trainer;
            mlpc_epoch_result result;
            const mlpc_zeros zeros = skip ? MLPC_ZEROS_SKIP : MLPC_ZEROS_MULTIPLY;
            check(mlpc_samples_create(&samples, t->k, &input, ROWS, INPUTS, zeros, NULL));
            check(mlpc_trainer_create(&trainer, t->net, t->k, t->optimizer, samples, BATCH, threads));
            for (uint32_t epoch = 0; epoch < 2; epoch++)
                train(t, samples, trainer, NULL, epoch, &result);
            mlpc_trainer_free(trainer);
            mlpc_samples_free(samples);
            if (memcmp(t->parameters, expected, bytes) != 0) {
                fprintf(stderr, "digest: a fused epoch gives other bits\n");
                exit(2);
            }
        }
    free(expected);
}

static void run_training(const mlpc_kernels *k, mlpc_dtype dtype, mlpc_loss_kind kind, const char *name)
{
    const size_t widths[HIDDEN + 2] = {INPUTS, 17, 21, 13, OUTPUTS};
    mlpc_block hidden[HIDDEN];
    for (int i = 0; i < HIDDEN; i++)
        hidden[i] = mlpc_block_of((mlpc_activation)((HIDDEN * (int)kind + i) % MLPC_N_ACTIVATIONS));
    mlpc_net *net;
    check(mlpc_net_create(&net, dtype, HIDDEN + 1, widths, hidden));
    const size_t P = net->n_parameters;
    void *parameters = allocate(P, k->itemsize), *gradients = allocate(P, k->itemsize);
    void *velocity = allocate(P, k->itemsize), *class_weight = allocate(OUTPUTS, k->itemsize);
    void *x = allocate(ROWS * INPUTS, k->itemsize), *y = allocate(ROWS * OUTPUTS, k->itemsize);
    void *z = allocate(ROWS * OUTPUTS, k->itemsize), *dx = allocate(ROWS * INPUTS, k->itemsize);
    double *row_loss = allocate(ROWS, sizeof *row_loss), *weights = allocate(ROWS, sizeof *weights);
    int64_t *labels = allocate(ROWS, sizeof *labels);
    fill(dtype, x, ROWS * INPUTS, UNIT, 0);
    fill(dtype, y, ROWS * OUTPUTS, UNIT, 1);
    fill(dtype, class_weight, OUTPUTS, UNIT, 2);
    fill(MLPC_FLOAT64, weights, ROWS, UNIT, 3);
    for (size_t i = 0; i < ROWS; i++)
        labels[i] = (int64_t)(mlpc_random_bits(20, MLPC_STREAM_DROPOUT, 4, i) % OUTPUTS);

    const int entropy = kind == MLPC_LOSS_cross_entropy, mean = kind % 2 == 0 || entropy;
    const double setting = entropy ? 0.1 : mlpc_loss_row_of(kind)->setting.initial;
    const mlpc_loss loss = {kind, mean, setting, entropy ? class_weight : NULL};
    const mlpc_targets targets = {
        .labels = entropy ? labels : NULL,
        .values = entropy ? NULL : y,
        .sample_weight = entropy || kind % 3 == 0 ? weights : NULL,
    };
    const double lr = mean ? 0.05 : 0.0001;
    const mlpc_schedule schedule = {mlpc_schedule_named("cosine"), lr, 0.5, {2, lr / 100}};
    mlpc_optimizer optimizer = optimizer_named("sgd");
    optimizer.settings[0] = 0.9;
    optimizer.settings[1] = kind % 2;
    optimizer.penalties.weight_decay = 1e-3;
    optimizer.state[0] = velocity;
    mlpc_trainer *trainer;
    mlpc_workspace *workspace;
    mlpc_samples *samples;
    check(mlpc_samples_create(&samples, k, &(mlpc_input){.rows = x}, ROWS, INPUTS, MLPC_ZEROS_MULTIPLY, NULL));
    check(mlpc_trainer_create(&trainer, net, k, &optimizer, samples, BATCH, 1));
    check(mlpc_workspace_create(&workspace, net, BATCH, 1));
    const training t = {k,     net,     (mlpc_init)(kind % MLPC_N_INITS), parameters, x, &optimizer, &schedule,
                        &loss, &targets};

    start();
    for (uint32_t epoch = 0; epoch < 2; epoch++) {
        mlpc_epoch_result result;
        train(&t, samples, trainer, gradients, epoch, &result);
        add_doubles(&result.loss, 1);
        add_doubles(&result.accuracy, 1);
        add_doubles(&result.lr, 1);
    }
    add_reals(dtype, parameters, P);
    add_reals(dtype, velocity, P);
    add_reals(dtype, gradients, P);
    finish("fit_", name, dtype);
    train_fused(&t);

    start();
    double value, accuracy;
    const mlpc_input input = {.rows = x};
    foreign_mode();
    check(
        mlpc_evaluate(net, k, parameters, workspace, &loss, &input, &targets, ROWS, row_loss, &value, &accuracy, NULL));
    check(mlpc_forward(net, k, parameters, workspace, &input, BATCH, NULL));
    check(mlpc_loss_evaluate(&loss, k, workspace->z[HIDDEN], &targets, BATCH, OUTPUTS, &value, z, row_loss, NULL));
    check(mlpc_backward(net, k, parameters, gradients, workspace, x, z, dx, BATCH, 1, NULL));
    own_mode();
    add_doubles(&value, 1);
    add_doubles(&accuracy, 1);
    add_doubles(row_loss, ROWS);
    add_reals(dtype, gradients, P);
    add_reals(dtype, dx, BATCH * INPUTS);
    finish("backward_", name, dtype);

    mlpc_workspace_free(workspace);
    mlpc_trainer_free(trainer);
    mlpc_samples_free(samples);
    mlpc_net_free(net);
    void *const arrays[] = {parameters, gradients, velocity, class_weight, x, y, z, dx, row_loss, weights, labels};
    for (size_t i = 0; i < COUNT(arrays); i++)
        free(arrays[i]);
}

/* Two epochs with an optimizer whose every setting that is a truth is 1, factors for the tensors, L1, and gradients
 * that are cut; plain and fused; and by one call after the other with norms that are limited. */
static void run_optimizer(const mlpc_kernels *k, mlpc_dtype dtype, const mlpc_optimizer_row *row)
{
    enum { LAYERS = 2 };
    static const size_t widths[LAYERS + 1] = {INPUTS, 17, OUTPUTS};
    static const mlpc_block hidden[] = {{.activation = MLPC_ACTIVATION_tanh}};
    static const double lr_factors[2 * LAYERS] = {1, 0.5, 2, 1}, decay_factors[2 * LAYERS] = {1, 0, 0.25, 0};
    mlpc_net *net;
    check(mlpc_net_create(&net, dtype, LAYERS, widths, hidden));
    const size_t P = net->n_parameters;
    void *parameters = allocate(P, k->itemsize), *gradients = allocate(P, k->itemsize);
    void *x = allocate(ROWS * INPUTS, k->itemsize), *y = allocate(ROWS * OUTPUTS, k->itemsize);
    fill(dtype, x, ROWS * INPUTS, UNIT, 0);
    fill(dtype, y, ROWS * OUTPUTS, UNIT, 1);
    double steps = 0;
    mlpc_optimizer optimizer = optimizer_named(row->name);
    for (size_t i = 0; i < MLPC_MAX_SETTINGS && row->settings[i].name; i++)
        if (!row->settings[i].open && row->settings[i].most == 1 && row->settings[i].initial == 0)
            optimizer.settings[i] = 1;
    for (size_t s = 0; s < MLPC_MAX_STATES && row->states[s].name; s++) {
        if (row->states[s].needs && optimizer.settings[row->states[s].needs - 1] == 0)
            optimizer.settings[row->states[s].needs - 1] = 0.9;
        optimizer.state[s] = allocate(P, k->itemsize);
    }
    optimizer.steps = row->counts ? &steps : NULL;
    optimizer.penalties = (mlpc_penalties){.weight_decay = 0.01, .l1 = 1e-3, .clip_value = 0.02};
    optimizer.lr_factors = lr_factors;
    optimizer.decay_factors = decay_factors;
    const mlpc_schedule schedule = {mlpc_schedule_named("one_cycle"), 0.02, 0, {2, 0.3, 25, 1e4}};
    const mlpc_loss loss = {.kind = MLPC_LOSS_mse, .mean = 1};
    const mlpc_targets targets = {.values = y};
    mlpc_trainer *trainer;
    mlpc_samples *samples;
    check(mlpc_samples_create(&samples, k, &(mlpc_input){.rows = x}, ROWS, INPUTS, MLPC_ZEROS_MULTIPLY, NULL));
    check(mlpc_trainer_create(&trainer, net, k, &optimizer, samples, BATCH, 1));
    const training t = {k, net, MLPC_INIT_torch, parameters, x, &optimizer, &schedule, &loss, &targets};
    mlpc_epoch_result result;
    start();
    for (int limited = 0; limited < 2; limited++) {
        for (uint32_t epoch = 0; epoch < 2; epoch++)
            train(&t, samples, trainer, gradients, epoch, &result);
        add_reals(dtype, parameters, P);
        for (size_t s = 0; s < MLPC_MAX_STATES; s++)
            if (optimizer.state[s])
                add_reals(dtype, optimizer.state[s], P);
        if (!limited)
            train_fused(&t);
        optimizer.penalties.clip_norm = 0.05;
        optimizer.penalties.max_norm = 0.4;
    }
    finish("optimizer_", row->name, dtype);
    mlpc_trainer_free(trainer);
    mlpc_samples_free(samples);
    mlpc_net_free(net);
    void *const arrays[] = {parameters, gradients, x, y, optimizer.state[0], optimizer.state[1], optimizer.state[2]};
    for (size_t i = 0; i < COUNT(arrays); i++)
        free(arrays[i]);
}

static void run_instruction_set(mlpc_isa isa, const bench *arrays)
{
    printf("# %s\n", mlpc_isa_name(isa));
    doubles = mlpc_kernels_for(isa, MLPC_FLOAT64);
    for (int dtype = 0; dtype < MLPC_N_DTYPES; dtype++) {
        bench b = *arrays;
        b.dtype = (mlpc_dtype)dtype;
        b.k = mlpc_kernels_for(isa, b.dtype);
        for (size_t i = 0; i < ARRAYS; i++)
            b.in[i] = (double *)b.in[i] + 1;
        b.out = (double *)b.out + 1;
        run_kernels(&b);
        run_numbers(b.dtype);
        run_subnormal(b.k, b.dtype);
        run_inference(b.k, b.dtype);
#define MLPC_LOSS(name) run_training(b.k, b.dtype, MLPC_LOSS_##name, #name);
#include "../../csrc/kernels/kernels.def"
        run_adam(&b, "adam");
        run_adam(&b, "adamw");
        for (size_t i = 0; mlpc_optimizer_row_at(i); i++)
            run_optimizer(b.k, b.dtype, mlpc_optimizer_row_at(i));
    }
}

int main(int argc, char **argv)
{
    int found = 0;
    bench arrays = {0};
    for (size_t i = 0; i < ARRAYS; i++)
        arrays.in[i] = allocate(ROOM, sizeof(double));
    arrays.out = allocate(ROOM, sizeof(double));
    for (int isa = 0; isa < MLPC_N_ISAS && argc == 2; isa++)
        if (mlpc_isa_runs((mlpc_isa)isa) &&
            (strcmp(argv[1], "all") == 0 || strcmp(argv[1], mlpc_isa_name((mlpc_isa)isa)) == 0)) {
            run_instruction_set((mlpc_isa)isa, &arrays);
            found = 1;
        }
    for (size_t i = 0; i < ARRAYS; i++)
        free(arrays.in[i]);
    free(arrays.out);
    if (!found)
        fprintf(stderr, "digest: give the name of an instruction set that runs here, or \"all\"\n");
    return !found;
}
