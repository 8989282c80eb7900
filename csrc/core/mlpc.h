/* mlpc: multilayer perceptrons in plain C11.  This header is the whole contract of the core; a C program needs no
 * other.
 *
 * The objective.  A network f with weights W_l (n_in, n_out) and biases b_l maps a row x to logits or predictions z:
 *     a_0 = x;   z_l = a_(l-1) W_l + b_l;   a_l = block_l(z_l);   z = z_L, the last layer being linear.
 * Where a block begins with a norm, z_l becomes (z_l - m) r g_l + s_l first, with gain g_l and shift s_l: layer norm
 * has the mean m and r = 1 / sqrt(variance + eps) of the row, batch norm those of the feature: over the rows
 * of the batch in train mode, else the running ones.
 * In train mode dropout stands at the end of a block: a_l = m_l / (1 - p_l) * block_l(z_l), and a_0 = m_0 / (1 - p_0)
 * * x, with masks m_l of 0 (with probability p_l) and 1, drawn anew for each pass.
 * With losses l_i = l(z_i, y_i) and sample weights s_i (1 where there are none):
 *     element-wise losses    L = sum_i s_i sum_j l_ij / D       mean: D = O sum_i s_i          sum: D = 1
 *     cross-entropy          L = sum_i s_i l_i / D              mean: D = sum_i s_i w[y_i]     sum: D = 1
 *                            (w: class weights; for probabilities instead of labels D = sum_i s_i)
 * What an optimizer adds is not part of L: see mlpc_penalties.
 *
 * Memory.  Parameters and gradients are one contiguous array each, layer by layer: W_l row-major (n_in, n_out), then
 * b_l, then g_l and s_l where there is a norm.  Both belong to the caller.  A workspace holds what one batch needs:
 * activations and gradients between layers.
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
#include "input.h"
#include "losses.h"
#include "optimizers.h"
#include "schedules.h"
#include "settings.h"

typedef enum {
    MLPC_OK,
    MLPC_ERROR_MEMORY,      /* an allocation failed, or its size overflows */
    MLPC_ERROR_LABEL,       /* a label lies outside [0, classes) */
    MLPC_ERROR_TARGET,      /* another target is none that the loss can mean */
    MLPC_ERROR_WEIGHTS,     /* the divisor of a mean is not a positive finite number */
    MLPC_ERROR_DIVERGED,    /* a logit, its gradient, the loss or a weight is not finite */
    MLPC_ERROR_INTERRUPTED, /* poll asked to stop */
    MLPC_ERROR_ONE_ROW,     /* a single row has no statistics, which batch norm wants in train mode */
    MLPC_ERROR_WORKSPACE,   /* a workspace or a trainer was made for other dropout than its net has by now */
} mlpc_status;

/* A few words on it, in English, without a full stop; NULL for a number that is none. */
const char *mlpc_status_text(mlpc_status status);

/* Bytes of a number: 4 or 8. */
size_t mlpc_itemsize(mlpc_dtype dtype);

/* ---- Blocks: what stands between two products -------------------------------------------------------------------- */

/* What is known of an activation besides its kernels.  Where it has a setting, that is a finite number > above. */
typedef struct {
    int cheap;           /* costs next to nothing beside a product; others take elementary functions */
    const char *setting; /* its name, or NULL where there is none */
    double standard, above;
} mlpc_activation_row;

const mlpc_activation_row *mlpc_activation_of(mlpc_activation activation);

/* Norms, which come before the activation; the kernels' text says what they compute. */
typedef enum { MLPC_NORM_none, MLPC_NORM_batch, MLPC_NORM_layer, MLPC_N_NORMS } mlpc_norm;
#define MLPC_NORM_EPS 1e-5
#define MLPC_NORM_MOMENTUM 0.1

typedef struct {
    mlpc_activation activation;
    double setting; /* of the activation, where it has one */
    double dropout; /* in train mode, the probability of an output to be 0: in [0, 1) */
    mlpc_norm norm;
    double eps;      /* of the norm: what a variance is added to, > 0; or 0: this and momentum are those above */
    double momentum; /* of batch norm, in [0, 1]: the share of a batch in the running statistics from then on */
} mlpc_block;

/* An activation with its standard setting, without dropout and norm. */
mlpc_block mlpc_block_of(mlpc_activation activation);

/* 1 where the setting, if there is one, can be computed with in a dtype, dropout is a probability below 1, norm one of
 * those above, and eps and momentum are in their ranges. */
int mlpc_block_valid(const mlpc_block *block, mlpc_dtype dtype);

/* ---- Networks: the plan, no memory for numbers --------------------------------------------------------------- */

/* What is here is mlpc_net_create's to set, and changes no more; but for probabilities of dropout, block.dropout and
 * input_dropout, which may be set at any time.  Where one becomes 0, or no longer is, workspaces and trainers that were
 * made before are none for this net: calls give WORKSPACE. */
typedef struct {
    size_t n_in, n_out;
    size_t weight, bias; /* offsets into the parameters, in elements */
    size_t gain, shift;  /* the same, where the block has a norm: bias, gain and shift are neighbours */
    size_t tensor;       /* number of the weight among all tensors; bias, gain and shift are the next */
    size_t running;      /* offset into the statistics, of batch norm: mean (n_out,), then variance (n_out,) */
    mlpc_block block;    /* behind the product; identity for the last layer */
} mlpc_layer;

typedef struct {
    mlpc_dtype dtype;
    size_t n_layers, n_parameters, n_statistics, n_tensors;
    mlpc_layer *layers;   /* n_layers of them */
    double input_dropout; /* of x, as a block's; 0 until somebody sets it */
} mlpc_net;

/* A plan for sizes[0] inputs and layers of sizes[1..n_layers] units; blocks[n_layers - 1], behind the hidden layers,
 * are valid.  Sizes are at least 1.  MEMORY where their products overflow. */
mlpc_status mlpc_net_create(mlpc_net **net, mlpc_dtype dtype, size_t n_layers, const size_t *sizes,
                            const mlpc_block *blocks);
mlpc_status mlpc_net_copy(mlpc_net **copy, const mlpc_net *net);
/* Running statistics as they are before the first batch: means 0, variances 1. */
void mlpc_net_start_statistics(const mlpc_net *net, void *statistics);
void mlpc_net_free(mlpc_net *net);

/* ---- Models: networks to compute with ---------------------------------------------------------------------------- */

/* A plan, its parameters, and who computes. */
typedef struct {
    const mlpc_net *net;
    const mlpc_kernels *kernels; /* of the net's dtype */
    void *parameters;            /* (n_parameters,) of real; mlpc_step and mlpc_train_epoch alone change them */
    void *statistics;            /* (n_statistics,) of real; mlpc_forward and mlpc_train_epoch alone change them, in
                                  * train mode.  NULL where n_statistics is 0 */
} mlpc_model;

/* ---- Train mode ------------------------------------------------------------------------------------------------- */

/* Where the random numbers of a forward pass in train mode come from: a seed, and how many such passes there were since
 * it was set.  What becomes of element (i, j) of a layer's output depends on these, the layer, i and j alone, for any
 * number of threads and rows at once; so a mask is not kept, but drawn again in backward.  Of t the low 32 bits
 * count. */
typedef struct {
    uint64_t seed, t;
} mlpc_draw;

/* ---- Workspaces ---------------------------------------------------------------------------------------------- */

typedef struct {
    size_t batch;   /* rows that fit */
    size_t room;    /* threads that have an input and a scratch of their own */
    size_t threads; /* of them, that may compute: 1..room, to be set at will */
    int trains;     /* 1: mlpc_forward, and mlpc_backward after it, are in train mode; to be set at will, 0 at first */
    mlpc_draw draw; /* of that forward */
    /* Per layer (batch, n_out): z before its block, normed behind the norm, a behind the activation, dropped behind
     * dropout.  One array where nothing stands between two. */
    void **z, **normed, **a, **dropped;
    /* Per layer with a norm: the statistics of that forward, of the rows (batch,) or of the features (n_out,). */
    double **mean, **rstd;
    void *folded;     /* (n_statistics,) of real, in eval mode: what batch norm multiplies by and adds, (n_out,) each */
    void *statistics; /* (n_statistics,) of real, as they were before that forward, in train mode */
    size_t row;       /* 0, or, for inference, elements of a row's room in these: two arrays for all layers, by turns */
    void *dz[2];      /* (batch, widest layer) each, for the chain of gradients in backward */
    void *dropped_x;  /* (batch, n_in) of real: x behind dropout; NULL where a network has none there */
    void *input;      /* (room, input_rows, n_in) of real: rows that came as bytes or CSR */
    size_t input_rows;
    void *scratch; /* (room, scratch_size): parts of gradients to be added to others; scratch_size >= 2 * any n_out */
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

/* 1 where one made now would have the same arrays: no dropout has come or gone. */
int mlpc_workspace_fits(const mlpc_workspace *workspace, const mlpc_net *net);

/* What layer l handed on to the next product in the latest mlpc_forward: its `dropped`, or, in eval mode, its a. */
void *mlpc_workspace_output(const mlpc_workspace *workspace, size_t l);

/* ---- Asking, in a long call, whether to go on ------------------------------------------------------------------ */

/* Called between pieces of work of at most some tens of milliseconds, or batches of at most some tenths of a second, by
 * the thread that called in; rows: how many rows of its epoch mlpc_train_epoch has done, 0 in other calls.  Returns 0
 * to go on; anything else makes the call end with MLPC_ERROR_INTERRUPTED.  It need not return at all: what other
 * threads of the call read meanwhile does not lie on the caller's stack. */
typedef struct {
    int (*ask)(void *context, size_t rows);
    void *context;
} mlpc_poll;

/* ---- Forward and backward ---------------------------------------------------------------------------------------- */

/* An upper bound on the multiply-adds of a forward pass of so many rows, with the dearest activation. */
double mlpc_forward_terms(const mlpc_net *net, size_t rows);

/* How many threads a pass of so many rows is worth: 1 to `most`, and no more than there are rows. */
size_t mlpc_useful_threads(const mlpc_net *net, const mlpc_kernels *kernels, size_t rows, size_t most);

/* These and mlpc_train_epoch give WORKSPACE, with nothing changed, where dropout came, or went, since the workspace was
 * made. */

/* x (B, n_in), B <= workspace->batch; leaves z and a of every layer in the workspace, which is none for inference.
 * In train mode batch norm moves the model's statistics; ONE_ROW where B is 1 then, and where it fails they are as
 * before.
 * Here and in mlpc_predict and mlpc_evaluate zeros of x are skipped in the first layer where they are many and its
 * weight is finite, as the call finds out where that pays; the bits are the same with and without.  poll may be
 * NULL. */
mlpc_status mlpc_forward(const mlpc_model *model, mlpc_workspace *workspace, const mlpc_input *x,
                         const mlpc_poll *poll);

/* Where the gradients of a batch go. */
typedef struct {
    void *parameters; /* (n_parameters,) of real */
    int accumulate;   /* 1: they are added to what lies there */
    void *x;          /* (B, n_in) of real, or NULL */
} mlpc_gradients;

/* After forward with the same model and x, of real; dz (B, n_out of the last layer).  On INTERRUPTED the gradients are
 * part old, part new. */
mlpc_status mlpc_backward(const mlpc_model *model, mlpc_workspace *workspace, const mlpc_input *x, const void *dz,
                          const mlpc_gradients *gradients, const mlpc_poll *poll);

/* What is made of the logits z (n, n_out):
 *   logits         z
 *   prediction     by the loss's link: labels (n,) of int64; z > 0, (n, n_out) of int64; both -1 where a logit is NaN;
 *                  exp(z); or z
 *   probabilities  link sigmoid: sigmoid(z); others: softmax(z) */
typedef enum { MLPC_OUTPUT_logits, MLPC_OUTPUT_prediction, MLPC_OUTPUT_probabilities, MLPC_N_OUTPUTS } mlpc_output;

/* The output for any number of rows of x, (n, n_out) of real unless said otherwise above; each thread computes pieces
 * of at most workspace->batch / workspace->room of them.  This and mlpc_evaluate are always in eval mode. */
mlpc_status mlpc_predict(const mlpc_model *model, mlpc_workspace *workspace, mlpc_output output, mlpc_loss_kind loss,
                         void *to, const mlpc_input *x, const mlpc_poll *poll);

/* ---- Objectives: a loss, and what it is computed from ------------------------------------------------------------ */

/* What goes with n rows of x, for O outputs.  For cross-entropy either labels or values (probabilities) is set, for
 * others values. */
typedef struct {
    size_t n, O;
    const int64_t *labels;       /* (n,) or NULL */
    const void *values;          /* (n, O) of real, or NULL */
    const double *sample_weight; /* (n,) finite, >= 0, or NULL */
} mlpc_targets;

/* Whoever passes one to a function below has had mlpc_targets_check look at its targets, once: a label outside [0, O)
 * would be read out of bounds. */
typedef struct {
    mlpc_loss loss;
    mlpc_targets targets;
} mlpc_objective;

/* Where targets break the rule first; column O: their sum over the row does. */
typedef struct {
    size_t row, column;
    double sum;
} mlpc_bad_target;

/* Goes once through the targets: LABEL or TARGET, with *bad set, where one is none that the loss can mean.  kernels:
 * of the dtype of values, as below. */
mlpc_status mlpc_targets_check(const mlpc_objective *objective, const mlpc_kernels *kernels, mlpc_bad_target *bad);

/* The divisor D of n rows; scratch (n,).  WEIGHTS where n = 0 or D is not a positive finite number. */
mlpc_status mlpc_loss_divisor(const mlpc_objective *objective, const mlpc_kernels *kernels, double *divisor,
                              double *scratch);

/* L of n rows and, unless NULL, dz (n, O) = dL/dz (it may be z); row_loss (n,) receives s_i l_i.
 * Fails as mlpc_loss_divisor does; on INTERRUPTED dz and row_loss are part old, part new.  poll may be NULL. */
mlpc_status mlpc_loss_evaluate(const mlpc_objective *objective, const mlpc_kernels *kernels, const void *z,
                               double *value, void *dz, double *row_loss, const mlpc_poll *poll);

/* What that costs, in terms of products. */
double mlpc_loss_terms(size_t n, size_t O);

/* Labels (n,): for each row of z (n, O) the first of its largest logits, -1 where one is NaN. */
void mlpc_labels(const mlpc_kernels *kernels, int64_t *labels, const void *z, size_t n, size_t O);

typedef struct {
    double loss;     /* L of all rows */
    double accuracy; /* the share of rows, or of elements, that are correct by the loss's link; NaN never is */
} mlpc_evaluation;

/* The objective's n rows, with those of x, in pieces as mlpc_predict; row_loss (n,). */
mlpc_status mlpc_evaluate(const mlpc_model *model, mlpc_workspace *workspace, const mlpc_objective *objective,
                          const mlpc_input *x, mlpc_evaluation *evaluation, double *row_loss, const mlpc_poll *poll);

/* ---- Predictors -------------------------------------------------------------------------------------------------- */

/* A network as it was when it was frozen: packed once for the kernels.  Nothing changes it, so that any number of
 * threads may use it at once, each with a workspace of its own. */
typedef struct {
    mlpc_model model; /* with copies of its own: what one row, and rows of many zeros, are computed from */
    mlpc_loss_kind loss;
    void *packed; /* the parameters in panels, for more rows: packed.h */
    void *folded; /* (n_statistics,) what batch norm multiplies by and adds, in the order of the statistics */
    int finite;   /* the first layer's weight is */
} mlpc_predictor;

/* The model's net, parameters and statistics are copied.  loss: what predictions are made for. */
mlpc_status mlpc_predictor_create(mlpc_predictor **predictor, const mlpc_model *model, mlpc_loss_kind loss);
void mlpc_predictor_free(mlpc_predictor *predictor);

/* As mlpc_predict, and with its bits; the workspace is one for inference with the predictor's net. */
mlpc_status mlpc_predictor_run(const mlpc_predictor *predictor, mlpc_workspace *workspace, mlpc_output output, void *to,
                               const mlpc_input *x, const mlpc_poll *poll);

/* ---- Random numbers: Philox4x32-10 addressed by (seed, stream, index, counter) ----------------------------------- */

typedef enum { MLPC_STREAM_INIT, MLPC_STREAM_SHUFFLE, MLPC_STREAM_DROPOUT, MLPC_STREAM_NOISE } mlpc_stream;

/* Streams that there can be; what is drawn for a layer has that many times its number in the stream's word. */
#define MLPC_STREAMS 256

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

/* Fills the parameters; gains are 1 and shifts 0, whatever init.  Element (j, k) of layer l's weight, seen as
 * (n_out, n_in), has counter j * n_in + k of index l of the stream INIT, the bias's element j counter n_out * n_in + j.
 * Computed in double, rounded once; doubles: a table of MLPC_FLOAT64, whatever the net's dtype.  On INTERRUPTED the
 * parameters are part old, part new. */
mlpc_status mlpc_initialize(const mlpc_net *net, const mlpc_kernels *doubles, void *parameters, mlpc_init init,
                            uint64_t seed, const mlpc_poll *poll);

/* ---- Samples: the rows of x that a training goes through --------------------------------------------------------- */

/* The rows are kept by reference, and must not change.  Where zeros are skipped there is a copy without them, too. */
typedef struct mlpc_samples mlpc_samples;
typedef enum { MLPC_ZEROS_CHOOSE, MLPC_ZEROS_MULTIPLY, MLPC_ZEROS_SKIP } mlpc_zeros;

/* x: at least 1 row of I >= 1 inputs; kernels: of the dtype to train in.  CHOOSE skips zeros where so many of the
 * inputs are 0 that it pays; the bits are the same either way, as long as weights stay finite, and gradients, which
 * clip_value would make finite: what a zero and infinity make is left out with the zero.  threads >= 1: that may
 * compute; the copy does not depend on them.  poll may be NULL. */
mlpc_status mlpc_samples_create(mlpc_samples **samples, const mlpc_kernels *kernels, const mlpc_input *x, size_t I,
                                mlpc_zeros zeros, size_t threads, const mlpc_poll *poll);
void mlpc_samples_free(mlpc_samples *samples);

/* 1 where zeros are skipped. */
int mlpc_samples_skip_zeros(const mlpc_samples *samples);

/* ---- Training ---------------------------------------------------------------------------------------------------- */

/* One step at the learning rate lr: changes the model's parameters, the optimizer's state and its number of steps. */
void mlpc_step(const mlpc_model *model, const mlpc_optimizer *optimizer, const void *gradients, double lr);

/* What all epochs of a training have in common. */
typedef struct {
    const mlpc_samples *samples;
    mlpc_objective objective; /* of as many rows */
    mlpc_optimizer optimizer;
    size_t batch_size; /* >= 1; where it is no less than all rows, they are one batch */
    size_t threads;    /* >= 1: that may compute */
    int shuffle;
    uint64_t seed; /* of the shuffles */
    double noise;  /* the standard deviation of normal noise that is added to x: finite, >= 0 */
} mlpc_training;

/* One epoch of it. */
typedef struct {
    uint32_t number;     /* in the stream of shuffles */
    const size_t *order; /* (n,) the rows in the order of this epoch, or NULL: shuffled, or as they lie */
    const double *rates; /* (mlpc_epoch_steps,) the learning rates of its steps */
    /* (mlpc_epoch_steps,) what multiplies l1 and, unless it is decoupled, weight_decay in each step; NULL: 1. */
    const double *penalty_factors;
    mlpc_draw draw;  /* of its first batch; t rises by one with each */
    void *gradients; /* where the gradient of the last whole batch is kept, or NULL, which is faster */
    mlpc_step_record record;
} mlpc_epoch;

/* Batches of an epoch over n rows, and how many of them batch number k has: the last one may be short.  With batch norm
 * a last one of a single row joins the one before it. */
size_t mlpc_epoch_steps(const mlpc_net *net, size_t n, size_t batch_size);
size_t mlpc_epoch_rows(const mlpc_net *net, size_t n, size_t batch_size, size_t k);

typedef struct {
    double loss;     /* over the epoch: every row weighs as in one evaluation, with the weights it was trained on */
    double accuracy; /* as mlpc_evaluate's */
    double lr;       /* of the last step, or of the one at which training diverged */
    size_t batches;  /* whole ones that were done, of which the model is what they left */
} mlpc_epoch_result;

/* Memory of mlpc_train_epoch for a model and a training, reused over epochs: the first of them takes most of it, which
 * can end it with MEMORY. */
typedef struct mlpc_trainer mlpc_trainer;
mlpc_status mlpc_trainer_create(mlpc_trainer **trainer, const mlpc_model *model, const mlpc_training *training);
void mlpc_trainer_free(mlpc_trainer *trainer);

/* 1 where a trainer of this net would be made just so for these. */
int mlpc_trainer_fits(const mlpc_trainer *trainer, const mlpc_model *model, const mlpc_training *training);

/* One epoch over the samples, with a trainer that fits: shuffle, then per batch gather, forward in train mode, loss,
 * backward, step; the last batch may be short.  Equal to the bit to the same calls made one by one, whatever the number
 * of threads.  A batch whose weights sum to 0 takes no step; its forward draws, and moves running statistics, as any
 * other.
 * INTERRUPTED: parameters, statistics and the optimizer's state are as after the last whole batch; so they are on
 * ONE_ROW, which batch norm gives where a batch has a single row.  result->batches says how many there were.
 * DIVERGED: all are as before this epoch, result->batches being 0; result->loss holds the loss met. */
mlpc_status mlpc_train_epoch(const mlpc_model *model, const mlpc_training *training, mlpc_trainer *trainer,
                             const mlpc_epoch *epoch, mlpc_epoch_result *result, const mlpc_poll *poll);

#ifdef MLPC_SHARED_LIBRARY
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
