/* What is known of losses.  A part of mlpc.h. */
#ifndef MLPC_LOSSES_H
#define MLPC_LOSSES_H

#include <stddef.h>

#include "../kernels/types.h"
#include "settings.h"

/* ---- Losses ------------------------------------------------------------------------------------------------------ */

/* How an output z becomes a prediction, and what counts as correct.
 *   none     z itself; nothing counts
 *   softmax  the probabilities of a row's classes; predicted is a label, the first of the largest z.  A row is correct
 *            where that is the label, or the first of the largest probabilities
 *   sigmoid  the probability of each output; predicted is z > 0.  An element is correct where that is (y > 0.5)
 *   exp      exp(z), a rate; nothing counts */
typedef enum { MLPC_LINK_none, MLPC_LINK_softmax, MLPC_LINK_sigmoid, MLPC_LINK_exp, MLPC_N_LINKS } mlpc_link;

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
    double mean;        /* what the mean is multiplied by: 1 for reduction "mean"; 0 for reduction "sum" */
    double setting;     /* the row's */
    const void *weight; /* the row's: (O,) of real, or NULL */
} mlpc_loss;

#endif
