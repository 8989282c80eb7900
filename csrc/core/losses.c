/* The table of losses.  Formulas of an element, d = z - y; the kernels compute them without overflow:
 *   bce_with_logits  (1 - y) softplus(z) + p y softplus(-z)             p: the weight of positives
 *   mse              d^2
 *   mae              |d|                                                 l' = 0 at 0
 *   huber            d^2 / 2 up to |d| = delta, then delta (|d| - delta / 2)
 *   poisson          exp(z) - y z                                        z: the log of the rate
 *   quantile         q (y - z) where z < y, else (1 - q) (z - y)         l' = 0 at 0
 *   log_cosh         log(cosh(d))
 * and of a row:
 *   cross_entropy    -sum_j w_j t_j log_softmax(z)_j, t_j = (1 - e) target_j + e / O      w: weights of the classes */
#include <math.h>

#include "mlpc.h"

#define ANY_NUMBER                                                                                                     \
    {                                                                                                                  \
        .outputs = 1, .least = -INFINITY, .most = INFINITY                                                             \
    }

static const mlpc_loss_row rows[MLPC_N_LOSSES] = {
    [MLPC_LOSS_bce_with_logits] = {.name = "bce_with_logits",
                                   .link = MLPC_LINK_sigmoid,
                                   .targets = {.outputs = 1, .least = 0, .most = 1},
                                   .weight = "pos_weight"},
    [MLPC_LOSS_mse] = {.name = "mse", .targets = ANY_NUMBER},
    [MLPC_LOSS_mae] = {.name = "mae", .targets = ANY_NUMBER},
    [MLPC_LOSS_huber] = {.name = "huber",
                         .targets = ANY_NUMBER,
                         .setting = {"delta", 1, .least = 0, .most = INFINITY, .open = MLPC_OPEN_LEAST}},
    [MLPC_LOSS_poisson] = {.name = "poisson",
                           .link = MLPC_LINK_exp,
                           .targets = {.outputs = 1, .least = 0, .most = INFINITY}},
    [MLPC_LOSS_cross_entropy] = {.name = "cross_entropy",
                                 .link = MLPC_LINK_softmax,
                                 .targets = {.outputs = 2, .least = 0, .most = INFINITY, .rows_sum_to_one = 1},
                                 .setting = {"label_smoothing", 0, .least = 0, .most = 1},
                                 .weight = "class_weight"},
    [MLPC_LOSS_quantile] = {.name = "quantile",
                            .targets = ANY_NUMBER,
                            .setting = {"q", 0.5, .least = 0, .most = 1, .open = MLPC_OPEN_LEAST | MLPC_OPEN_MOST}},
    [MLPC_LOSS_log_cosh] = {.name = "log_cosh", .targets = ANY_NUMBER},
};

const mlpc_loss_row *mlpc_loss_row_of(mlpc_loss_kind loss) { return &rows[loss]; }
