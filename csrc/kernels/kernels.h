/* Kernels: what each one computes, in which order, on which memory.
 *
 * A kernel is a loop.  It allocates nothing, has no state, starts no thread, reports no error and trusts its arguments;
 * everything above checks them.  One struct of function pointers holds the kernels of one instruction set and one
 * dtype.  Pointers are void * so that whatever calls them is written once for float and double; `real` below means
 * the dtype of the table.  All arrays are C-contiguous and unpadded unless a stride is named, of any alignment; an
 * output may be the same array as an input only where that is said.  NaN stays NaN.  "Flushed": what lies below the
 * smallest normal number counts as +0.
 *
 * Which bits a kernel gives is fixed, whatever the instruction set: docs/arithmetic.md is the rule, ref/ its text
 * in C.  Names of sizes: B samples, I inputs of a layer, O outputs, n elements.
 */
#ifndef MLPC_KERNELS_H
#define MLPC_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "types.h"

/* Terms of a sum over units (forward, dx), and over samples (dw, db), that are added up from +0 before their sum is
 * added to the total.  Changing one changes bits, and so MLPC_ARITHMETIC. */
#define MLPC_BLOCK 256
#define MLPC_BATCH_BLOCK 64

/* Rows of whole tiles, of 4, 6 and 8 of them. */
enum { MLPC_WHOLE_TILES = 24 };

/* How many of n > 0 rows make parts of about the same size, whole tiles each, of about `most` of them: by a half more,
 * and then up to whole tiles, at the most. */
static inline size_t mlpc_even_rows(size_t n, size_t most)
{
    const size_t parts = n < most ? 1 : (n + most / 2) / most, even = (n + parts - 1) / parts;
    return (even + MLPC_WHOLE_TILES - 1) / MLPC_WHOLE_TILES * MLPC_WHOLE_TILES;
}

/* So few rows are computed one by one: 784-100 takes 3.3 us a row then, and 8.8, 5.0, 3.3 us a row of one, two, three
 * in tiles, whose panels are copied first, or 6.0, 3.3, 2.6 us where they lie ready (Zen 3). */
enum { MLPC_FEW_ROWS = 2 };

/* Bytes of scratch memory for the kernels that ask for it.  Nothing large lies on the stack: threads of other programs,
 * on which we are called, may have 64 KB of it for all that they do. */
#define MLPC_SCRATCH ((size_t)1 << 18)

typedef enum {
#define MLPC_MAP(name) MLPC_MAP_##name,
#include "kernels.def"
    MLPC_N_MAPS
} mlpc_map;

typedef enum {
#define MLPC_ROWWISE(name) MLPC_ROWWISE_##name,
#include "kernels.def"
    MLPC_N_ROWWISE
} mlpc_rowwise;

/* What a loss is computed from, and what it fills: B rows of O logits or predictions.  Of targets, labels or values are
 * set. */
typedef struct {
    size_t B, O;
    const void *z; /* (B, O), rows z_row elements apart */
    size_t z_row;
    const int64_t *labels;       /* (B,) in [0, O); cross-entropy only */
    const void *values;          /* (B, O) */
    const double *sample_weight; /* (B,), or NULL: all 1 */
    double divisor;
    double setting;     /* one number, rounded to real once; what it means is the loss's */
    const void *weight; /* (O,) of real, or NULL: all 1; what they weigh is the loss's */
    double *row_loss;   /* (B,) */
    void *dz;           /* (B, O), rows dz_row elements apart; NULL: not wanted.  It may be z, of the same dz_row */
    size_t dz_row;
} mlpc_loss_job;

/* What a norm is computed from, and what it fills: B rows of F features, F >= 1.  Rows of all arrays (B, F) are `row`
 * elements apart.  Statistics, mean and rstd = 1 / sqrt(variance + eps), are doubles: of a row for layer norm, of a
 * feature for batch norm.  A range of the rows, or of the features, can be computed alone where nothing is said of
 * more. */
typedef struct {
    size_t B, F, row;
    const void *x;            /* (B, F) */
    const void *gain, *shift; /* (F,) of real */
    double eps;
    double *mean, *rstd;  /* (B,) or (F,): forward fills them, backward reads them */
    void *y;              /* (B, F), or NULL: statistics alone; it may be x */
    const void *dy;       /* (B, F) dL/dy */
    void *dx;             /* (B, F); it may be dy */
    void *dgain, *dshift; /* (F,) of real: plain sums over the rows */
    /* Batch norm alone. */
    double momentum;                  /* of the running statistics */
    void *running_mean, *running_var; /* (F,) of real, or NULL */
    void *s, *t;                      /* (F,) of real: evaluation's, from fold to apply */
    int fixed;                        /* backward: mean and rstd are constants, those of batch_norm_fold */
} mlpc_norm_job;

/* The coefficients of a step, doubles that a kernel rounds to real once.  The first ones mean the same for all of them:
 *   g = scale * gradient, flushed;  g cut to -clip..clip;  d = g + decay p + l1 sign(p);  q = p - shrink p
 * each line left out where its coefficient says nothing (scale 1, clip infinite, the others 0); a product and the sum
 * that follows are one fma.  From d and q the kernel's own ones make the new p. */
enum {
    MLPC_COEFFICIENT_scale,
    MLPC_COEFFICIENT_clip,
    MLPC_COEFFICIENT_decay,
    MLPC_COEFFICIENT_l1,
    MLPC_COEFFICIENT_shrink,
    MLPC_COEFFICIENT_rate, /* the learning rate, or what an optimizer makes of it */
    MLPC_COEFFICIENT_own,  /* the first of the kernel's own */
    MLPC_MAX_COEFFICIENTS = MLPC_COEFFICIENT_own + 4
};

/* ---- Packed layers: what the kernels of an epoch work on ----------------------------------------------------------
 *
 * A weight (I, O) as panels of neighbouring outputs: panel p holds the outputs panels[p] .. panels[p + 1] - 1, width of
 * them, as a row-major (I, width) matrix, at w + I * panels[p].  Widths are multiples of the table's `lanes`; outputs
 * from O on are padding, whose weights, biases and gradients are 0.  What lies between layers are rows of at least as
 * many elements, padding included, and with a stride of their own.
 *
 *      w (I, O)          panels[0]  panels[1]    panels[2]
 *      +-----+-----+     +-----+    +-----+
 *      | a b | c 0 |     | a b |    | c 0 |      I rows of width elements, one panel behind the other
 *      | d e | f 0 |     | d e |    | f 0 |
 *      +-----+-----+     +-----+    +-----+
 */

/* Inputs of which a row's list has one part; so many parts make a canonical block. */
#define MLPC_LIST_BLOCK 128
#define MLPC_LISTS_PER_BLOCK (MLPC_BLOCK / MLPC_LIST_BLOCK)

/* Vectors in the widest panel that the kernels of lists take. */
#define MLPC_LIST_VECTORS 13

/* Rows of a batch without their zeros.  Entry k of row b, at [b * capacity + k], has the input's number within its part
 * in the low byte, and its value in `value`, or, where that is NULL, at table[high byte].  Part s of row b are the
 * entries end[b * (blocks + 1) + s] to the next of these; inputs ascend. */
typedef struct {
    size_t rows, I, blocks, capacity;
    const uint16_t *entry;
    const void *value, *table;
    const uint32_t *end;
} mlpc_lists;

/* The same batch by inputs.  Bit b of mask[j * I + i] tells that input i is not zero in sample 64 j + b; its value is
 * then at [(j * I + i) * 64 + b] of `value`, or, where that is NULL, the table's at the code of that place. */
typedef struct {
    size_t I;
    uint64_t *mask;
    uint8_t *code;
    void *value;
    const void *table;
} mlpc_columns;
_Static_assert(MLPC_BATCH_BLOCK == 64, "a bit for each sample of a block");

/* Rows of I inputs without their zeros: row b's are the numbers value[k] of the inputs indices[k], which ascend,
 * indptr[b] <= k < indptr[b + 1]. */
typedef struct {
    size_t rows, I;
    const void *value;
    const int32_t *indices;
    const int64_t *indptr;
} mlpc_csr;

/* ---- Words of the generator: never stored, but drawn wherever they are used -------------------------------------- */

/* Neighbouring columns to which one word each of as many blocks of the generator belongs. */
#define MLPC_WORD_LANES 16

/* A word for each element of any number of rows and columns.  That of row i and column j = 64 q + 16 k + s, s < 16 and
 * k < 4, is word k of the block of Philox4x32-10 with the counter {16 q + s, i, t, stream}.  So it does not depend on
 * which rows, and how many, are asked for at once. */
typedef struct {
    uint32_t key[2]; /* the seed, low word first */
    uint32_t t, stream;
} mlpc_words;

/* What dropout does to them: an element whose word is below the threshold is dropped. */
typedef struct {
    mlpc_words words;
    uint32_t threshold; /* the probability to be dropped, in 2^-32 */
    double scale;       /* of what is kept, rounded to real once */
} mlpc_mask;

struct mlpc_kernels {
    mlpc_dtype dtype;
    size_t itemsize; /* 4 for float, 8 for double */
    size_t lanes;    /* elements of a vector */
    size_t vectors;  /* in the panels that products are fastest with; one more makes a panel, too */
    size_t rows;     /* that packed products take at once, about: a block of their inputs lies in the second-level
                      * cache; whole tiles */
    size_t piece;    /* terms of products that these kernels add up in some 10 ms: work between two questions whether to
                      * go on; an element of an activation counts as some tens of terms */

    /* y[i] = f(x[i]), i < n.  y may be x. */
    void (*map[MLPC_N_MAPS])(void *y, const void *x, size_t n);

    /* a[i] = f(z[i]), i < n.  a may be z.  The setting is rounded to real once; activations without one ignore it. */
    void (*activation_forward[MLPC_N_ACTIVATIONS])(void *a, const void *z, double setting, size_t n);

    /* dz[i] = da[i] * f'(z[i]), flushed, given a[i] = f(z[i]).  dz may be da.  At kinks the derivative is PyTorch's. */
    void (*activation_backward[MLPC_N_ACTIVATIONS])(void *dz, const void *da, const void *z, const void *a,
                                                    double setting, size_t n);

    /* Row by row: x (rows, columns) to y of that shape.  y may be x.  The sum of exponentials follows `sum` below. */
    void (*rowwise[MLPC_N_ROWWISE])(void *y, const void *x, size_t rows, size_t columns);

    /* Losses.  Row i has the weight s_i = sample_weight ? sample_weight[i] : 1.
     * Element-wise ones, whose l and l' core/losses.c has in words:
     *   row_loss[i] = s_i * sum_j l(z_ij, y_ij)           in double; l rounded to real, summed as `sum` does
     *   dz[i][j]    = (real)(s_i / divisor) * l'(z_ij), flushed
     * Cross-entropy, of labels or of probabilities (values); weight: of the classes, setting: e of label smoothing in
     * [0, 1].  With w the class weights, t_ij = (1 - e) * target_ij + e / O:
     *   row_loss[i] = s_i * sum_j w_j t_ij (-log_softmax(z_i)_j)      in double
     *   dz[i][j]    = (real)(s_i / divisor) * (softmax(z_i)_j * sum_j w_j t_ij - w_j t_ij), flushed */
    void (*loss[MLPC_N_LOSSES])(const mlpc_loss_job *job);

    /* Products, some of which copy parts of what they read to `scratch`: MLPC_SCRATCH bytes at a multiple of 64, whose
     * contents mean nothing before and after. */

    /* z (B, O) = x (B, I) w (I, O) + bias (O,).  A sum over I in blocks of MLPC_BLOCK; then the bias is added. */
    void (*linear_forward)(void *z, const void *x, const void *w, const void *bias, size_t B, size_t I, size_t O,
                           void *scratch);

    /* The same bits, row after row: w is read once for each, and nothing is copied.  For MLPC_FEW_ROWS or less. */
    void (*linear_forward_few)(void *z, const void *x, const void *w, const void *bias, size_t B, size_t I, size_t O,
                               void *scratch);

    /* The same bits where w is finite, row after row without the terms whose x is +0 or -0. */
    void (*linear_forward_skip)(void *z, const void *x, const void *w, const void *bias, size_t B, size_t I, size_t O,
                                void *scratch);

    /* The same bits where w is finite, of rows that come without their zeros.  An index that is none of an input is
     * passed over: in memory that others write to there may come to be one. */
    void (*csr_forward)(void *z, const mlpc_csr *x, const void *w, const void *bias, size_t O);

    /* dx (B, I) = dz (B, O) w^T, w (I, O).  A sum over O in blocks of MLPC_BLOCK. */
    void (*linear_backward_x)(void *dx, const void *dz, const void *w, size_t B, size_t I, size_t O, void *scratch);

    /* dw (I, O) = x^T dz, dz (B, O).  A sum over B in blocks of MLPC_BATCH_BLOCK.  Row b of x starts at x + b * x_row
     * elements, so that a range of the inputs, and of the rows of dw, can be computed alone. */
    void (*linear_backward_w)(void *dw, const void *x, size_t x_row, const void *dz, size_t B, size_t I, size_t O,
                              void *scratch);

    /* db (O,) = column sums of dz (B, O), whose rows are dz_row apart.  A sum over B in blocks of MLPC_BATCH_BLOCK. */
    void (*linear_backward_b)(void *db, const void *dz, size_t dz_row, size_t B, size_t O);

    /* The same products with packed layers; B >= 1.  Rows of z, x, dz and dx are z_row, x_row, dz_row and dx_row
     * elements apart.  Forward: panels number 0 to n_panels - 1 of `panels`, which may begin within a layer; z, w and
     * bias are those of the whole layer, as panels[p] counts from its first output.  Backward: dw is one panel
     * (I, width), dz its columns, of which those from number O >= 1 on are 0.  Width: 1 to `vectors` + 1 vectors. */
    void (*panels_forward)(void *z, size_t z_row, const void *x, size_t x_row, const void *w, const void *bias,
                           const size_t *panels, size_t n_panels, size_t B, size_t I);
    void (*panel_backward_w)(void *dw, const void *x, size_t x_row, const void *dz, size_t dz_row, size_t B, size_t I,
                             size_t O, size_t width);

    /* w = w - lr dw of panel_backward_w, dw flushed, as the step of SGD with nothing but a rate;
     * B <= MLPC_BATCH_BLOCK. */
    void (*panel_sgd_step)(void *w, const void *x, size_t x_row, const void *dz, size_t dz_row, size_t B, size_t I,
                           size_t O, double lr, size_t width);

    /* dx (B, n) = dz (B, O) w^T of the inputs from number `input` on, over all panels of w; padding of dx is left
     * alone. */
    void (*panels_backward_x)(void *dx, size_t dx_row, const void *dz, size_t dz_row, const void *w,
                              const size_t *panels, size_t B, size_t I, size_t O, size_t input, size_t n,
                              void *scratch);

    /* Part s of the sums of panels_forward of one panel, over lists: called for s = 0, 1, ..., lists->blocks - 1, with
     * w the panel's row of the part's first input.  Totals build up in z, the sum of a block in `partial`, of the same
     * shape.  Where `fill` is not NULL it receives the part's inputs.  The weights are finite.  Width: 1 to
     * MLPC_LIST_VECTORS. */
    void (*list_forward)(void *z, void *partial, size_t z_row, const mlpc_lists *lists, size_t s, mlpc_columns *fill,
                         const void *w, const void *bias, size_t width);

    /* Rows `input` to input + n - 1 of panel_backward_w, to dw (n, width).  dz is finite. */
    void (*list_backward_w)(void *dw, const mlpc_columns *columns, size_t input, size_t n, const void *dz,
                            size_t dz_row, size_t B, size_t width);

    /* w = w - lr dw for these rows, dw flushed, as the step of SGD with nothing but a rate; w (n, width) of the
     * panel; B <= MLPC_BATCH_BLOCK. */
    void (*list_sgd_step)(void *w, const mlpc_columns *columns, size_t input, size_t n, const void *dz, size_t dz_row,
                          size_t B, double lr, size_t width);

    /* The sum of contiguous elements, in double: per chunk of 4096, 16 partial sums from +0, element j into partial
     * j mod 16, combined 8, 4, 2, 1; the chunks' results are added in order from +0. */
    double (*sum)(const void *x, size_t n);

    /* The same of doubles, whatever the dtype of the table. */
    double (*sum_double)(const void *x, size_t n);

    /* Of each column of w (I, n), rows w_row apart: the sum of the squares, each rounded to double, and that of the
     * absolute values, over the rows in increasing order, from +0.  (n,) each, or NULL. */
    void (*column_sums)(double *squares, double *absolutes, const void *w, size_t I, size_t w_row, size_t n);

    /* y[i] = y[i] + x[i]. */
    void (*add)(void *y, const void *x, size_t n);

    /* 1 where no element is NaN or infinite, else 0. */
    int (*all_finite)(const void *x, size_t n);

    /* Steps: p (n,), gradient g (n,), state[s] (n,) or NULL where it is not kept; states are flushed when they are
     * stored.  What each makes of d, q (see above), its states and its own coefficients stands over its rule in
     * tmpl/step_rules.inc.  A product and the sum that follows are one fma, every other operation is rounded. */
    void (*step[MLPC_N_STEPS])(void *p, const void *g, void *const state[MLPC_MAX_STATES], const double *coefficients,
                               size_t n);

    /* y[i] = (real)x[i] * (real)scale, rounded once: what input that is kept in bytes means. */
    void (*from_bytes)(void *y, const uint8_t *x, double scale, size_t n);

    /* How many elements are +0 or -0. */
    size_t (*count_zeros)(const void *x, size_t n);

    /* Bit i % 64 of word[i / 64] tells whether x[i] is neither +0 nor -0, i < n; the last word's other bits are 0. */
    void (*find_nonzeros)(uint64_t *word, const void *x, size_t n);

    /* Norms.  Statistics and their sums are doubles, and squares of differences are rounded to double before they are
     * added.  With r = (real)rstd of the element's row or feature, in real, each line rounded once:
     *   h = (real)(x - mean) * r;  y = fma(h, gain, shift)
     * Layer norm (Ba et al., 2016): the mean of a row, and of the squares of its differences from it, are sums as
     * `sum` has them, divided by F.  Backward, with sums over the row as `sum` has them:
     *   g = dy * gain;  a = (real)(sum(g) / F);  c = (real)(sum(g * h) / F)
     *   dx = r * fma(-c, h, g - a), flushed
     * Gradients: sums over the rows in increasing order, in double, rounded at the end: of dy * h and of dy.  They read
     * dy, and so come before dx where that is the same array. */
    void (*layer_norm_forward)(const mlpc_norm_job *job);
    void (*layer_norm_backward)(const mlpc_norm_job *job);
    void (*layer_norm_gradients)(const mlpc_norm_job *job);

    /* Batch norm (Ioffe and Szegedy, 2015): two passes over the rows of each feature, in increasing order.  B >= 1, of
     * all rows; where running statistics are kept B >= 2, and with V the sum of squares divided by B - 1
     *   running = (1 - momentum) * running + momentum * (mean, or V), in double, rounded to real, flushed
     * Backward, dgain and dshift with it, in sums A of dy and C of dy * h over the rows as the gradients above:
     *   k = (real)(gain * rstd);  a = (real)(A / B);  c = (real)(C / B)
     *   dx = k * fma(-c, h, dy - a), flushed;  fixed: dx = k * dy, flushed */
    void (*batch_norm_forward)(const mlpc_norm_job *job);
    void (*batch_norm_backward)(const mlpc_norm_job *job);

    /* From the running statistics mean and rstd, and what evaluation multiplies by and adds, where these are not NULL:
     *   s = gain * rstd and t = shift - mean * s, each operation rounded to double, and s and t to real
     * and evaluation: y = fma(x, s, t). */
    void (*batch_norm_fold)(const mlpc_norm_job *job);
    void (*batch_norm_apply)(const mlpc_norm_job *job);
    /* y = x * (real)scale where the mask keeps an element, and +0, whatever x is, where it does not: rows `row` to
     * row + rows - 1 of the mask.  Rows of x and y are `stride` elements apart; y may be x. */
    void (*dropout)(void *y, const void *x, size_t stride, const mlpc_mask *mask, size_t row, size_t rows,
                    size_t columns);

    /* y = x + (real)deviation * normal, one fma, of the same rows; the normal number is the inverse normal distribution
     * (AS 241, in real) of (w + 1/2) 2^-b, w being the b leading bits of the element's word: 23 of them in float, 32 in
     * double. */
    void (*noise)(void *y, const void *x, size_t stride, const mlpc_words *words, double deviation, size_t row,
                  size_t rows, size_t columns);
};

#endif
