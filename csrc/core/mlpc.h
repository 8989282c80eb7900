/* mlpc: multilayer perceptrons in plain C11.  This header is the whole contract of the core; a C program needs no
 * other.
 *
 * The objective.  A network f with weights W_l (n_in, n_out) and biases b_l maps a row x to logits or predictions z:
 *     a_0 = x;   z_l = a_(l-1) W_l + b_l;   a_l = block_l(z_l);   z = z_L, the last layer being linear.
 * With losses l_i = l(z_i, y_i) and sample weights s_i (1 where there are none):
 *     element-wise losses    L = sum_i s_i sum_j l_ij / D       mean: D = O sum_i s_i          sum: D = 1
 *     cross-entropy          L = sum_i s_i l_i / D              mean: D = sum_i s_i w[y_i]     sum: D = 1
 *                            (w: class weights; for probabilities instead of labels D = sum_i s_i)
 * What an optimizer adds is not part of L: see mlpc_penalties.
 *
 * Memory.  Parameters and gradients are one contiguous array each, layer by layer: W_l row-major (n_in, n_out), then
 * b_l. Both belong to the caller.  A workspace holds what one batch needs: activations and gradients between layers.
 *
 * Every function that computes sets the floating-point mode (nearest, no flush to zero, exceptions masked) and restores
 * the caller's.  No function prints, exits or keeps hidden state, but for one team of threads that sleep between calls.
 * Where one fails, what it was to change is unchanged, unless its comment says otherwise.
 */
#ifndef MLPC_H
#define MLPC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef MLPC_SHARED_LIBRARY /* exports what is declared here, and nothing else */
#pragma GCC visibility push(default)
#endif

#include "../kernels/types.h"

typedef enum {
    MLPC_OK,
    MLPC_ERROR_MEMORY,      /* an allocation failed, or its size overflows */
    MLPC_ERROR_LABEL,       /* a label lies outside [0, classes) */
    MLPC_ERROR_TARGET,      /* another target is none that the loss can mean */
    MLPC_ERROR_WEIGHTS,     /* the divisor of a mean is not a positive finite number */
    MLPC_ERROR_DIVERGED,    /* a logit, its gradient, the loss or a weight is not finite */
    MLPC_ERROR_INTERRUPTED, /* poll asked to stop */
} mlpc_status;

/* A few words on it, in English, without a full stop; NULL for a number that is none. */
const char *mlpc_status_text(mlpc_status status);

/* Bytes of a number: 4 or 8. */
size_t mlpc_itemsize(mlpc_dtype dtype);

/* ---- Input ------------------------------------------------------------------------------------------------------- */

/* Rows of x, C-contiguous: of real, or, where bytes is 1, of uint8, each of which means (real)byte * (real)scale. */
typedef struct {
    const void *rows;
    int bytes;
    double scale; /* of bytes */
} mlpc_input;

/* The input from a row of I columns on. */
mlpc_input mlpc_input_from(const mlpc_input *x, size_t row, size_t I, size_t itemsize);

/* ---- Blocks: what stands between two products -------------------------------------------------------------------- */

/* What is known of an activation besides its kernels.  Where it has a setting, that is a finite number > above. */
typedef struct {
    int cheap;           /* costs next to nothing beside a product; others take elementary functions */
    const char *setting; /* its name, or NULL where there is none */
    double standard, above;
} mlpc_activation_row;

const mlpc_activation_row *mlpc_activation_of(mlpc_activation activation);

typedef struct {
    mlpc_activation activation;
    double setting; /* of the activation, where it has one */
} mlpc_block;

/* An activation with its standard setting. */
mlpc_block mlpc_block_of(mlpc_activation activation);

/* 1 where the setting, if there is one, can be computed with in a dtype. */
int mlpc_block_valid(const mlpc_block *block, mlpc_dtype dtype);

/* ---- Networks: the plan, no memory for numbers --------------------------------------------------------------- */

typedef struct {
    size_t n_in, n_out;
    size_t weight, bias; /* offsets into the parameters, in elements */
    mlpc_block block;    /* behind the product; identity for the last layer */
} mlpc_layer;

typedef struct {
    mlpc_dtype dtype;
    size_t n_layers, n_parameters;
    mlpc_layer *layers; /* n_layers of them */
} mlpc_net;

/* A plan for sizes[0] inputs and layers of sizes[1..n_layers] units; blocks[n_layers - 1], behind the hidden layers,
 * are valid.  Sizes are at least 1.  MEMORY where their products overflow. */
mlpc_status mlpc_net_create(mlpc_net **net, mlpc_dtype dtype, size_t n_layers, const size_t *sizes,
                            const mlpc_block *blocks);
mlpc_status mlpc_net_copy(mlpc_net **copy, const mlpc_net *net);
void mlpc_net_free(mlpc_net *net);

/* ---- Workspaces ---------------------------------------------------------------------------------------------- */

typedef struct {
    size_t batch;   /* rows that fit */
    size_t room;    /* threads that have an input and a scratch of their own */
    size_t threads; /* of them, that may compute: 1..room, to be set at will */
    void **z, **a;  /* per layer (batch, n_out): before and after its block; one array where that is an identity */
    size_t row;     /* 0, or, for inference, elements of a row's room in z and a: two arrays for all layers, by turns */
    void *dz[2];    /* (batch, widest layer) each, for the chain of gradients in backward */
    void *input;    /* (room, input_rows, n_in) of real: rows that came as bytes */
    size_t input_rows;
    void *scratch; /* (room, scratch_size): parts of gradients to be added to others; scratch_size >= any n_out */
    size_t scratch_size;
    double *row_loss;    /* (batch,) */
    void *pass, *shared; /* what the threads of a call share */
    void *tiles;         /* per thread of room: scratch memory of the kernels */
    void *memory;
} mlpc_workspace;

/* How many threads the machine allows, at least 1: the CPUs that this process may use, and its group's quota of them,
 * rounded up. */
size_t mlpc_team_cpus(void);

/* Memory, aligned to 64 bytes, for batches of up to `batch` >= 1 rows, with room for the threads, or as many of
 * them as there are rows.  A pass uses no more threads than its work is worth; its bits do not depend on them. */
mlpc_status mlpc_workspace_create(mlpc_workspace **workspace, const mlpc_net *net, size_t batch, size_t threads);
/* The same for mlpc_predict, mlpc_evaluate and predictors alone: of a layer it keeps nothing beyond the next one. */
mlpc_status mlpc_workspace_create_for_inference(mlpc_workspace **workspace, const mlpc_net *net, size_t batch,
                                                size_t threads);
void mlpc_workspace_free(mlpc_workspace *workspace);

/* ---- Asking, in a long call, whether to go on ------------------------------------------------------------------ */

/* Called between pieces of work of at most some tens of milliseconds, or batches of at most some tenths of a second, by
 * the thread that called in; rows: how many rows of its epoch mlpc_train_epoch has done, mlpc_samples_create of all, 0
 * in other calls.  Returns 0 to go on; anything else makes the call end with
 * MLPC_ERROR_INTERRUPTED.  It need not return at all: what other threads of the call read meanwhile does not lie on the
 * caller's stack. */
typedef struct {
    int (*ask)(void *context, size_t rows);
    void *context;
} mlpc_poll;

/* ---- Forward and backward ---------------------------------------------------------------------------------------- */

/* An upper bound on the multiply-adds of a forward pass of so many rows, with the dearest activation. */
double mlpc_forward_terms(const mlpc_net *net, size_t rows);

/* How many threads a pass of so many rows is worth: 1 to `most`, and no more than there are rows. */
size_t mlpc_useful_threads(const mlpc_net *net, const mlpc_kernels *kernels, size_t rows, size_t most);

/* x (B, n_in), B <= workspace->batch; leaves z and a of every layer in the workspace, which is none for inference.
 * Here and in mlpc_predict and mlpc_evaluate zeros of x are skipped in the first layer where they are many and its
 * weight is finite, as the call finds out where that pays; the bits are the same with and without.  poll may be
 * NULL. */
mlpc_status mlpc_forward(const mlpc_net *net, const mlpc_kernels *kernels, const void *parameters,
                         mlpc_workspace *workspace, const mlpc_input *x, size_t B, const mlpc_poll *poll);

/* After forward with the same x, of real, B and parameters; dz (B, n_out of the last layer).  Fills gradients (added to
 * what they hold where accumulate) and, unless NULL, dx (B, n_in).  On INTERRUPTED the gradients are part old, part
 * new. */
mlpc_status mlpc_backward(const mlpc_net *net, const mlpc_kernels *kernels, const void *parameters, void *gradients,
                          mlpc_workspace *workspace, const void *x, const void *dz, void *dx, size_t B, int accumulate,
                          const mlpc_poll *poll);

/* What is made of the logits z (n, n_out):
 *   logits         z
 *   prediction     by the loss's link, see below: labels (n,) of int64; z > 0, (n, n_out) of int64; both -1 where a
 *                  logit is NaN; exp(z); or z
 *   probabilities  link sigmoid: sigmoid(z); others: softmax(z) */
typedef enum { MLPC_OUTPUT_logits, MLPC_OUTPUT_prediction, MLPC_OUTPUT_probabilities, MLPC_N_OUTPUTS } mlpc_output;

/* The output for any number of rows, (n, n_out) of real unless said otherwise above; each thread computes pieces of at
 * most workspace->batch / workspace->room of them. */
mlpc_status mlpc_predict(const mlpc_net *net, const mlpc_kernels *kernels, const void *parameters,
                         mlpc_workspace *workspace, mlpc_output output, mlpc_loss_kind loss, void *to,
                         const mlpc_input *x, size_t n, const mlpc_poll *poll);

/* ---- Losses ------------------------------------------------------------------------------------------------------ */

/* How an output z becomes a prediction, and what counts as correct.
 *   none     z itself; nothing counts
 *   softmax  the probabilities of a row's classes; predicted is a label, the first of the largest z.  A row is correct
 *            where that is the label, or the first of the largest probabilities
 *   sigmoid  the probability of each output; predicted is z > 0.  An element is correct where that is (y > 0.5)
 *   exp      exp(z), a rate; nothing counts */
typedef enum { MLPC_LINK_none, MLPC_LINK_softmax, MLPC_LINK_sigmoid, MLPC_LINK_exp, MLPC_N_LINKS } mlpc_link;

/* A number that a loss, an optimizer or a schedule takes: finite, from least to most, which `open` leaves out. */
enum { MLPC_OPEN_LEAST = 1, MLPC_OPEN_MOST = 2 };
typedef struct {
    const char *name; /* NULL: there is none */
    double initial, least, most;
    int open;
} mlpc_setting;

/* What a loss can mean: at least so many outputs, and finite values from least to most, which may be infinities;
 * rows_sum_to_one: the values of a row are probabilities, whose sum is 1 within MLPC_SUM_TOLERANCE, or a label. */
typedef struct {
    size_t outputs;
    double least, most;
    int rows_sum_to_one;
} mlpc_target_rule;
#define MLPC_SUM_TOLERANCE 1e-3

/* What the core and everyone above knows of a loss: a row of the table in losses.c.  The kernel knows the formula. */
typedef struct {
    const char *name;
    mlpc_link link;
    mlpc_target_rule targets;
    mlpc_setting setting;
    const char *weight; /* what a weight of each output is called, NULL where there is none */
} mlpc_loss_row;

const mlpc_loss_row *mlpc_loss_row_of(mlpc_loss_kind loss);

typedef struct {
    mlpc_loss_kind kind;
    int mean;           /* 1: reduction "mean", 0: "sum" */
    double setting;     /* the row's */
    const void *weight; /* the row's: (O,) of real, or NULL */
} mlpc_loss;

/* What goes with n rows of x.  For cross-entropy either labels or values (probabilities) is set, for others values.
 * Whoever passes them to a function below has had mlpc_targets_check look at them, once: a label outside [0, O) would
 * be read out of bounds. */
typedef struct {
    const int64_t *labels;       /* (n,) or NULL */
    const void *values;          /* (n, O) of real, or NULL */
    const double *sample_weight; /* (n,) finite, >= 0, or NULL */
} mlpc_targets;

/* Where targets break the rule first; column O: their sum over the row does. */
typedef struct {
    size_t row, column;
    double sum;
} mlpc_bad_target;

/* Goes once through the targets of n rows: LABEL or TARGET, with *bad set, where one is none that the loss can mean. */
mlpc_status mlpc_targets_check(mlpc_loss_kind loss, const mlpc_kernels *kernels, const mlpc_targets *targets, size_t n,
                               size_t O, mlpc_bad_target *bad);

/* The divisor D of n rows; scratch (n,).  WEIGHTS where n = 0 or D is not a positive finite number. */
mlpc_status mlpc_loss_divisor(const mlpc_loss *loss, const mlpc_kernels *kernels, const mlpc_targets *targets, size_t n,
                              size_t O, double *divisor, double *scratch);

/* The targets from a row on. */
mlpc_targets mlpc_targets_from(const mlpc_targets *targets, size_t row, size_t O, size_t itemsize);

/* L of B rows and, unless NULL, dz (B, O) = dL/dz (it may be z); row_loss (B,) receives s_i l_i.
 * Fails as mlpc_loss_divisor does; on INTERRUPTED dz and row_loss are part old, part new.  poll may be NULL. */
mlpc_status mlpc_loss_evaluate(const mlpc_loss *loss, const mlpc_kernels *kernels, const void *z,
                               const mlpc_targets *targets, size_t B, size_t O, double *value, void *dz,
                               double *row_loss, const mlpc_poll *poll);

/* What that costs, in terms of products. */
double mlpc_loss_terms(size_t B, size_t O);

/* Labels (B,): for each row of z (B, O) the first of its largest logits, -1 where one is NaN. */
void mlpc_labels(const mlpc_kernels *kernels, int64_t *labels, const void *z, size_t B, size_t O);

/* Loss and accuracy over n rows, in pieces as mlpc_predict; row_loss (n,).  NaN is never
 * correct. */
mlpc_status mlpc_evaluate(const mlpc_net *net, const mlpc_kernels *kernels, const void *parameters,
                          mlpc_workspace *workspace, const mlpc_loss *loss, const mlpc_input *x,
                          const mlpc_targets *targets, size_t n, double *row_loss, double *value, double *accuracy,
                          const mlpc_poll *poll);

/* ---- Predictors -------------------------------------------------------------------------------------------------- */

/* A network as it was when it was frozen: a copy of its plan and parameters, packed once for the kernels.  Nothing
 * changes it, so that any number of threads may use it at once, each with a workspace of its own. */
typedef struct {
    mlpc_net *net;
    const mlpc_kernels *kernels;
    mlpc_loss_kind loss;
    void *parameters; /* as the caller's were: what one row, and rows of many zeros, are computed from */
    void *packed;     /* the same in panels, for more rows: packed.h */
    int finite;       /* the first layer's weight is */
} mlpc_predictor;

/* net and parameters are copied; kernels: of the net's dtype.  loss: what predictions are made for. */
mlpc_status mlpc_predictor_create(mlpc_predictor **predictor, const mlpc_net *net, const mlpc_kernels *kernels,
                                  const void *parameters, mlpc_loss_kind loss);
void mlpc_predictor_free(mlpc_predictor *predictor);

/* As mlpc_predict, and with its bits; the workspace is one for inference with the predictor's net. */
mlpc_status mlpc_predictor_run(const mlpc_predictor *predictor, mlpc_workspace *workspace, mlpc_output output, void *to,
                               const mlpc_input *x, size_t n, const mlpc_poll *poll);

/* ---- Random numbers: Philox4x32-10 addressed by (seed, stream, index, counter) ----------------------------------- */

typedef enum { MLPC_STREAM_INIT, MLPC_STREAM_SHUFFLE, MLPC_STREAM_DROPOUT } mlpc_stream;

/* One block of the generator: key = seed (low word first); counter words = {counter low, counter high,
 * index, stream}. */
void mlpc_philox(uint32_t out[4], uint64_t seed, mlpc_stream stream, uint32_t index, uint64_t counter);

/* 64 random bits, number `counter` of the stream's index: words 0 (low) and 1 (high) of that block. */
uint64_t mlpc_random_bits(uint64_t seed, mlpc_stream stream, uint32_t index, uint64_t counter);

/* (bits >> 11) * 2^-53, in [0, 1). */
double mlpc_random_uniform(uint64_t seed, mlpc_stream stream, uint32_t index, uint64_t counter);

/* The inverse normal distribution (AS 241, PPND16) of ((bits >> 11) + 0.5) * 2^-53: one counter each. */
double mlpc_random_normal(uint64_t seed, mlpc_stream stream, uint32_t index, uint64_t counter);

/* Fisher-Yates: order (n,) becomes a permutation of 0..n-1 that depends on (seed, epoch, n) alone; bounded integers by
 * Lemire's method, rejected draws taking the next counter.  poll may be NULL. */
mlpc_status mlpc_shuffle(size_t *order, size_t n, uint64_t seed, uint32_t epoch, const mlpc_poll *poll);

/* ---- Initial values ---------------------------------------------------------------------------------------------- */

typedef enum {
    MLPC_INIT_torch,      /* weight and bias uniform in +-1/sqrt(n_in) */
    MLPC_INIT_he,         /* weight normal, standard deviation sqrt(2 / n_in); bias 0, as in all below */
    MLPC_INIT_glorot,     /* weight uniform in +-sqrt(6 / (n_in + n_out)) */
    MLPC_INIT_lecun,      /* weight normal, sqrt(1 / n_in) */
    MLPC_INIT_orthogonal, /* rows or columns orthonormal: Q of a normal matrix, signs so that diag(R) is positive */
    MLPC_INIT_course,     /* weight normal, 1 / sqrt(n_out) */
    MLPC_INIT_zeros,
    MLPC_N_INITS
} mlpc_init;

/* Fills the parameters. Element (j, k) of layer l's weight, seen as (n_out, n_in), has counter j * n_in + k of index l
 * of the stream INIT, the bias's element j counter n_out * n_in + j. Computed in double, rounded once; doubles: a table
 * of MLPC_FLOAT64, whatever the net's dtype. On INTERRUPTED the parameters are part old, part new. */
mlpc_status mlpc_initialize(const mlpc_net *net, const mlpc_kernels *doubles, void *parameters, mlpc_init init,
                            uint64_t seed, const mlpc_poll *poll);

/* ---- Learning rates ---------------------------------------------------------------------------------------------- */

enum { MLPC_MAX_SETTINGS = 4 };

/* A function of the time t in epochs: a row of the table in schedules.c, which has the formulas.  Settings end where a
 * name is NULL. */
typedef struct mlpc_schedule mlpc_schedule;
typedef struct {
    const char *name;
    mlpc_setting settings[MLPC_MAX_SETTINGS];
    double (*rate)(const mlpc_schedule *schedule, double t);
} mlpc_schedule_row;

/* Row number i; NULL behind the last one.  The row of a name, or NULL. */
const mlpc_schedule_row *mlpc_schedule_row_at(size_t i);
const mlpc_schedule_row *mlpc_schedule_named(const char *name);

struct mlpc_schedule {
    const mlpc_schedule_row *row;
    double lr, warmup;                  /* where t < warmup the rate is lr t / warmup */
    double settings[MLPC_MAX_SETTINGS]; /* the row's, in its order */
};

/* The learning rate at t >= 0. */
double mlpc_learning_rate(const mlpc_schedule *schedule, double t);

/* Those of the K steps of an epoch that begins at t0: of step k at t0 + (k + 1/2) / K. */
void mlpc_learning_rates(const mlpc_schedule *schedule, double t0, size_t K, double *rates);

/* base^n by repeated squaring: the same bits everywhere, as no library's pow promises. */
double mlpc_power(double base, uint64_t n);

/* ---- Optimizers -------------------------------------------------------------------------------------------------- */

/* A state of an optimizer: an array of one number for each parameter. */
typedef struct {
    const char *name; /* NULL: there is none */
    int needs;        /* 1 + the number of the setting that must not be 0 for it to be kept; 0: it is always kept */
} mlpc_state_row;

/* What the core and everyone above knows of an optimizer: a row of the table in optimizers.c.  The kernel of its step
 * knows the formula. */
typedef struct {
    const char *name;
    mlpc_step_kind step;
    mlpc_setting settings[MLPC_MAX_SETTINGS];
    mlpc_state_row states[MLPC_MAX_STATES];
    int decoupled; /* weight decay shrinks the parameters, and is no part of the gradient */
    int counts;    /* it must know how many steps were taken */
    /* The rate, and the kernel's own coefficients, of step number t = 1, 2, ... from the settings and a learning rate;
     * in the core's floating-point mode. */
    void (*prepare)(double *coefficients, const double *settings, double lr, double t);
} mlpc_optimizer_row;

/* Row number i; NULL behind the last one.  The row of a name, or NULL. */
const mlpc_optimizer_row *mlpc_optimizer_row_at(size_t i);
const mlpc_optimizer_row *mlpc_optimizer_named(const char *name);

/* What every optimizer does with a batch's gradient and parameters besides its own step; nothing where it is 0.
 * In this order: the gradient is multiplied by clip_norm / |g| where its norm |g| over all parameters is larger than
 * clip_norm, and each element is cut to -clip_value .. clip_value; weight_decay p + l1 sign(p) is added to it
 * (decoupled: p shrinks by lr weight_decay p instead); after the step a unit's incoming weights are multiplied by
 * max_norm / their norm where that is larger. */
typedef struct {
    double weight_decay, l1, clip_value, clip_norm, max_norm;
} mlpc_penalties;

typedef struct {
    const mlpc_optimizer_row *row;
    double settings[MLPC_MAX_SETTINGS]; /* the row's, in its order */
    mlpc_penalties penalties;
    /* (2 n_layers,) each, or NULL, which is 1 for all: of every layer's weight and bias, a factor of the learning rate,
     * and one of weight decay and L1. */
    const double *lr_factors, *decay_factors;
    void *state[MLPC_MAX_STATES]; /* (n_parameters,) of real each, NULL where it is not kept */
    double *steps;                /* how many were taken, a whole number; NULL where the row does not count */
} mlpc_optimizer;

/* One step at the learning rate lr: changes parameters, the state and the number of steps. */
void mlpc_step(const mlpc_optimizer *optimizer, const mlpc_net *net, const mlpc_kernels *kernels, void *parameters,
               const void *gradients, double lr);

/* ---- Training ---------------------------------------------------------------------------------------------------- */

typedef struct {
    int shuffle;
    uint64_t seed;       /* of the shuffle */
    uint32_t epoch;      /* number of this epoch in the stream of shuffles */
    const double *rates; /* (steps,) the learning rates of its steps */
} mlpc_epoch_settings;

typedef struct {
    double loss;     /* over the epoch: every row weighs as in one evaluation, with the weights it was trained on */
    double accuracy; /* as mlpc_evaluate's */
    double lr;       /* of the last step, or of the one at which training diverged */
} mlpc_epoch_result;

/* The rows of x that a training goes through; they are kept by reference, and must not change.  Where zeros are skipped
 * there is a copy without them, too. */
typedef struct mlpc_samples mlpc_samples;
typedef enum { MLPC_ZEROS_CHOOSE, MLPC_ZEROS_MULTIPLY, MLPC_ZEROS_SKIP } mlpc_zeros;

/* n >= 1 rows of I >= 1 inputs each; kernels: of the dtype to train in.  CHOOSE skips zeros where so many of the inputs
 * are 0 that it pays; the bits are the same either way, as long as weights stay finite.  poll may be NULL. */
mlpc_status mlpc_samples_create(mlpc_samples **samples, const mlpc_kernels *kernels, const mlpc_input *input, size_t n,
                                size_t I, mlpc_zeros zeros, const mlpc_poll *poll);
void mlpc_samples_free(mlpc_samples *samples);

/* 1 where zeros are skipped. */
int mlpc_samples_skip_zeros(const mlpc_samples *samples);

/* Memory of mlpc_train_epoch for a net, samples and a batch size, on up to `threads` threads: reused over epochs. */
typedef struct mlpc_trainer mlpc_trainer;
mlpc_status mlpc_trainer_create(mlpc_trainer **trainer, const mlpc_net *net, const mlpc_kernels *kernels,
                                const mlpc_optimizer *optimizer, const mlpc_samples *samples, size_t batch_size,
                                size_t threads);
void mlpc_trainer_free(mlpc_trainer *trainer);

/* 1 where a trainer of this net would be made just so for these. */
int mlpc_trainer_fits(const mlpc_trainer *trainer, const mlpc_net *net, const mlpc_kernels *kernels,
                      const mlpc_optimizer *optimizer, const mlpc_samples *samples, size_t batch_size, size_t threads);

/* One epoch over the samples, with everything as the trainer was made for: shuffle, then per batch gather, forward,
 * loss, backward, step; the last batch may be short.  Equal to the bit to the same calls made one by one, whatever the
 * number of threads.  gradients: where the gradient of the last whole batch is kept, or NULL, which is faster.  A batch
 * whose weights sum to 0 is passed over.
 * INTERRUPTED: parameters and the optimizer's state are as after the last whole batch.
 * DIVERGED: both are as before this epoch; result->loss holds the loss met. */
mlpc_status mlpc_train_epoch(const mlpc_net *net, const mlpc_kernels *kernels, void *parameters, void *gradients,
                             mlpc_trainer *trainer, const mlpc_optimizer *optimizer, const mlpc_loss *loss,
                             const mlpc_samples *samples, const mlpc_targets *targets,
                             const mlpc_epoch_settings *settings, mlpc_epoch_result *result, const mlpc_poll *poll);

#ifdef MLPC_SHARED_LIBRARY
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
