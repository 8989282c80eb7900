/* Digests of the products of matrices: of plain layers, of packed ones, and of rows without their zeros. */
#include <math.h>
#include <string.h>

#include "../../csrc/core/samples.h"
#include "digest.h"

static _Alignas(64) char scratch[MLPC_SCRATCH]; /* of the kernels */

/* B, I, O: each width in each place, where also with LEAST, then what is large in several. */
static void run_product(const bench *b, const char *name,
                        void (*product)(const bench *b, const size_t shape[3], flavour kind), flavour kind)
{
    start();
    for (size_t i = 0; i < WIDTHS; i++)
        for (size_t place = 0; place < 3; place++) {
            size_t shape[3] = {5, 7, 9};
            shape[place] = sizes[i];
            product(b, shape, kind);
            product(b, shape, LEAST);
        }
    for (size_t i = 0; i < COUNT(shapes); i++)
        product(b, shapes[i], kind);
    finish(name, "", b->dtype);
}

static void run_shapes(const bench *b, const char *name, const char *suffix, const size_t of[4][3],
                       void (*product)(const bench *b, const size_t shape[3], flavour kind), flavour kind)
{
    start();
    for (size_t i = 0; i < 4; i++) {
        product(b, of[i], kind);
        product(b, of[i], LEAST);
    }
    finish(name, suffix, b->dtype);
}

/* Rows too few for tiles, of layers wide enough for several panels at once; and outputs that leave most of a vector
 * empty. */
static void run_few(const bench *b, const char *name,
                    void (*product)(const bench *b, const size_t shape[3], flavour kind), flavour kind)
{
    static const size_t rows[4][3] = {{1, 65, 1000}, {2, 300, 210}, {3, 67, 401}, {4, 259, 250}};
    static const size_t outputs[4][3] = {{130, 500, 1}, {64, 263, 2}, {9, 415, 3}, {5, 200, 4}};
    static const size_t both[4][3] = {{32, 263, 2}, {33, 263, 1}, {5, 415, 1}, {1, 415, 2}};
    run_shapes(b, name, "_of_few", rows, product, kind);
    run_shapes(b, name, "_of_few_outputs", outputs, product, kind);
    run_shapes(b, name, "_of_few_rows_and_outputs", both, product, kind);
}

/* With LEAST every product, and so the sum of every block, is -0, and the bias too; but the total of the blocks starts
 * at +0, and so is +0. */
static void linear_forward(const bench *b, const size_t shape[3], flavour kind)
{
    const size_t B = shape[0], I = shape[1], O = shape[2];
    const void *x = input(b, 0, B * I, kind), *w = input(b, 1, I * O, kind), *bias = input(b, 2, O, kind);
    b->k->linear_forward(output(b, B * O), x, w, bias, B, I, O, scratch);
    add_output(b, B * O);
}

static void linear_forward_few(const bench *b, const size_t shape[3], flavour kind)
{
    const size_t B = shape[0], I = shape[1], O = shape[2];
    const void *x = input(b, 0, B * I, kind), *w = input(b, 1, I * O, kind), *bias = input(b, 2, O, kind);
    b->k->linear_forward_few(output(b, B * O), x, w, bias, B, I, O, scratch);
    add_output(b, B * O);
}

static void linear_forward_skip(const bench *b, const size_t shape[3], flavour kind)
{
    const size_t B = shape[0], I = shape[1], O = shape[2];
    const flavour tame = kind == WILD ? TAME : kind;
    const void *x = input(b, 0, B * I, kind), *w = input(b, 1, I * O, tame), *bias = input(b, 2, O, tame);
    b->k->linear_forward_skip(output(b, B * O), x, w, bias, B, I, O, scratch);
    add_output(b, B * O);
    memset(b->in[0], 0, B * I * b->k->itemsize);
    b->k->linear_forward_skip(output(b, B * O), x, w, bias, B, I, O, scratch);
    add_output(b, B * O);
}

/* Two thirds of the elements, zeros among them, and before them one that no row has. */
static void csr_forward(const bench *b, const size_t shape[3], flavour kind)
{
    const size_t B = shape[0], I = shape[1], O = shape[2], size = b->k->itemsize;
    const flavour tame = kind == WILD ? TAME : kind;
    const char *const x = input(b, 0, B * I, kind);
    const void *w = input(b, 1, I * O, tame), *bias = input(b, 2, O, tame);
    char *const value = allocate(B * I + 1, size);
    int32_t *const indices = allocate(B * I + 1, sizeof *indices);
    int64_t *const indptr = allocate(B + 1, sizeof *indptr);
    int64_t n = 1;
    for (size_t i = 0; i < B * I; i++) {
        if (i % I == 0)
            indptr[i / I] = n;
        if (i * 7 % 3 == 0)
            continue;
        indices[n] = (int32_t)(i % I);
        memcpy(value + (size_t)n++ * size, x + i * size, size);
    }
    indptr[B] = n;
    const mlpc_csr rows = {B, I, value, indices, indptr};
    b->k->csr_forward(output(b, B * O), &rows, w, bias, O);
    add_output(b, B * O);
    free(value);
    free(indices);
    free(indptr);
}

static void linear_backward_x(const bench *b, const size_t shape[3], flavour kind)
{
    const size_t B = shape[0], I = shape[1], O = shape[2];
    const void *dz = input(b, 0, B * O, kind), *w = input(b, 1, I * O, kind);
    b->k->linear_backward_x(output(b, B * I), dz, w, B, I, O, scratch);
    add_output(b, B * I);
}

/* Of x a range of columns: its rows are longer by 2. */
static void linear_backward_w(const bench *b, const size_t shape[3], flavour kind)
{
    const size_t B = shape[0], I = shape[1], O = shape[2];
    const void *x = input(b, 0, B * (I + 2), kind), *dz = input(b, 1, B * O, kind);
    b->k->linear_backward_w(output(b, I * O), x, I + 2, dz, B, I, O, scratch);
    add_output(b, I * O);
}

static void linear_backward_b(const bench *b, const size_t shape[3], flavour kind)
{
    const size_t B = shape[0], O = shape[2];
    const void *dz = input(b, 0, B * O, kind);
    b->k->linear_backward_b(output(b, O), dz, O, B, O);
    add_output(b, O);
}

/* ---- Packed layers.  Panels are as wide as the instruction set likes; what is added up is without padding. ---- */

#define MOST_PANELS 1000

/* Panels for O > 0 outputs, of `vectors` vectors or one more, or, for lists, of their most or fewer: their number, and
 * where they begin. */
static size_t make_panels(const bench *b, size_t O, int lists, size_t panels[MOST_PANELS + 1])
{
    const size_t vectors = (O + b->k->lanes - 1) / b->k->lanes, wide = b->k->vectors;
    const size_t least = lists ? (vectors + MLPC_LIST_VECTORS - 1) / MLPC_LIST_VECTORS : vectors / wide;
    const size_t n = !lists && vectors - least * wide > least ? least + 1 : least;
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

static void panels_forward(const bench *b, const size_t shape[3], flavour kind)
{
    const size_t B = shape[0], I = shape[1], O = shape[2], size = b->k->itemsize;
    size_t panels[MOST_PANELS + 1];
    const size_t n = O ? make_panels(b, O, 0, panels) : 0;
    if (!B || !I || !O)
        return;
    char *const x = widened(b, input(b, 0, B * I, kind), B, I, I + 3);
    char *const w = packed(b, input(b, 1, I * O, kind), I, O, panels, n);
    char *const bias = widened(b, input(b, 2, O, kind), 1, O, panels[n]), *const z = allocate(B * panels[n], size);
    b->k->panels_forward(z, panels[n], x, I + 3, w, bias, panels, n / 2, B, I);
    b->k->panels_forward(z, panels[n], x, I + 3, w, bias, panels + n / 2, n - n / 2, B, I);
    add_columns(b, z, B, O, panels[n]);
    free(x);
    free(w);
    free(bias);
    free(z);
}

/* The gradient panel by panel, or the step that takes it. */
static void panel_gradient(const bench *b, const size_t shape[3], flavour kind, int step)
{
    const size_t B = shape[0], I = shape[1], O = shape[2], size = b->k->itemsize;
    size_t panels[MOST_PANELS + 1];
    const size_t n = O ? make_panels(b, O, 0, panels) : 0;
    if (!B || !I || !O)
        return;
    char *const x = widened(b, input(b, 0, B * I, kind), B, I, I + 3);
    char *const dz = widened(b, input(b, 1, B * O, kind), B, O, panels[n] + b->k->lanes);
    char *const dw = allocate(I * panels[n], size), *const before = (char *)input(b, 2, I * O, kind);
    for (size_t p = 0; p < n; p++) {
        const size_t width = panels[p + 1] - panels[p], outputs = O - panels[p] < width ? O - panels[p] : width;
        copy_panel(b, dw, before, I, O, panels[p], width, 0);
        if (step && B <= MLPC_BATCH_BLOCK)
            b->k->panel_sgd_step(dw, x, I + 3, dz + panels[p] * size, panels[n] + b->k->lanes, B, I, outputs, 0.1,
                                 width);
        else
            b->k->panel_backward_w(dw, x, I + 3, dz + panels[p] * size, panels[n] + b->k->lanes, B, I, outputs, width);
        copy_panel(b, dw, b->out, I, O, panels[p], width, 1);
    }
    add_reals(b->dtype, b->out, I * O);
    free(x);
    free(dz);
    free(dw);
}
static void panel_backward_w(const bench *b, const size_t shape[3], flavour kind) { panel_gradient(b, shape, kind, 0); }

static void panel_sgd_step(const bench *b, const size_t shape[3], flavour kind) { panel_gradient(b, shape, kind, 1); }

static void panels_backward_x(const bench *b, const size_t shape[3], flavour kind)
{
    const size_t B = shape[0], I = shape[1], O = shape[2];
    size_t panels[MOST_PANELS + 1];
    const size_t n = O ? make_panels(b, O, 0, panels) : 0;
    if (!B || !I || !O)
        return;
    char *const w = packed(b, input(b, 1, I * O, kind), I, O, panels, n);
    char *const dz = widened(b, input(b, 0, B * O, kind), B, O, panels[n] + 2);
    char *const dx = allocate(B * (I + 1), b->k->itemsize);
    const size_t some = I / 3; /* inputs in two calls */
    b->k->panels_backward_x(dx, I + 1, dz, panels[n] + 2, w, panels, B, I, O, 0, some, scratch);
    b->k->panels_backward_x(dx + some * b->k->itemsize, I + 1, dz, panels[n] + 2, w, panels, B, I, O, some, I - some,
                            scratch);
    add_columns(b, dx, B, I, I + 1);
    free(w);
    free(dz);
    free(dx);
}

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
    const mlpc_input rows = {.rows = l.x, .n = B};
    check(mlpc_samples_create(&l.samples, b->k, &rows, I, MLPC_ZEROS_SKIP, 1, NULL));
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
    const size_t n = make_panels(b, O, 1, panels);
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

static void run_lists(const bench *b, const char *name, void (*run)(const bench *b, listed *l, size_t O, flavour kind),
                      flavour kind)
{
    start();
    for (size_t i = 0; i < COUNT(list_shapes); i++)
        for (int variant = 0; variant < 6; variant++) {
            listed l = make_lists(b, list_shapes[i][0], list_shapes[i][1], variant / 2, variant % 2);
            run(b, &l, list_shapes[i][2], kind);
            free_lists(&l);
        }
    finish(name, "", b->dtype);
}

static void list_forward(const bench *b, listed *l, size_t O, flavour kind)
{
    forward_lists(b, l, O, input(b, 1, l->lists.I * O, kind), input(b, 2, O, kind));
    for (size_t i = 0; i < (l->lists.rows + MLPC_BATCH_BLOCK - 1) / MLPC_BATCH_BLOCK * l->lists.I; i++)
        add_bits(l->columns.mask[i], 8);
}

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

/* The gradient by all weights, in strips of 50 inputs, or the step that takes it. */
static void list_gradient(const bench *b, listed *l, size_t O, flavour kind, int step)
{
    const size_t B = l->lists.rows, I = l->lists.I, size = b->k->itemsize;
    size_t panels[MOST_PANELS + 1];
    const size_t n = make_panels(b, O, 1, panels);
    forward_lists(b, l, O, input(b, 1, I * O, kind), input(b, 2, O, kind));
    char *const dz = widened(b, input(b, 3, B * O, kind), B, O, panels[n]);
    char *const w = packed(b, input(b, 1, I * O, kind), I, O, panels, n), *const strip = allocate(50 * panels[n], size);
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
static void list_backward_w(const bench *b, listed *l, size_t O, flavour kind) { list_gradient(b, l, O, kind, 0); }

static void list_sgd_step(const bench *b, listed *l, size_t O, flavour kind) { list_gradient(b, l, O, kind, 1); }

void digest_products(const bench *b)
{
#define CASE_PRODUCT(name, x)                                                                                          \
    run_product(b, #name, name, x);                                                                                    \
    run_few(b, #name, name, x);
#define CASE_PANEL(name, x) CASE_PRODUCT(name, x)
#define CASE_LIST(name, w) run_lists(b, #name, name, w);
#include "cases.def"
}
