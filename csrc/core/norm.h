/* Norms of blocks: what of them is not computed row by row.  See kernels.h for the formulas, and for what a range of
 * rows, or of features, can be computed from. */
#ifndef MLPC_CORE_NORM_H
#define MLPC_CORE_NORM_H

#include "pass.h"
#include "team.h"

/* An element of a norm, forward or back, costs as much as so many terms of a product, about. */
#define MLPC_NORM_TERMS 24

/* 1 where a pass in train mode needs all rows of a batch at once. */
static inline int mlpc_norms_batches(const mlpc_net *net) { return net->n_statistics > 0; }

/* The job of layer l's norm, without rows: its parameters, the workspace's room for statistics (NULL: none), and what
 * batch norm is folded to. */
mlpc_norm_job mlpc_norm_of(const mlpc_model *model, const mlpc_workspace *workspace, const void *folded, size_t l);

/* The same of the features from number `from` on, n of them. */
mlpc_norm_job mlpc_norm_of_features(const mlpc_norm_job *job, const mlpc_kernels *kernels, size_t from, size_t n);

/* For eval mode, from the running statistics of every batch norm: to `folded` (n_statistics,) what it multiplies by and
 * adds, and to the workspace, unless NULL, the mean and rstd that backward reads. */
void mlpc_norm_fold(const mlpc_model *model, const mlpc_workspace *workspace, void *folded);

/* In train mode, behind the product of a layer with batch norm: z of B rows becomes normed, and the running statistics
 * move.  The features are shared out among the threads, so that no sum is. */
mlpc_status mlpc_norm_batch(const mlpc_model *model, mlpc_workspace *workspace, size_t l, size_t B,
                            const mlpc_poll *poll);

/* What backward through the norm of layer l reads and writes. */
typedef struct {
    size_t l, B;
    void *dz;         /* (B, n_out): dL/d(normed), which becomes dL/dz */
    void *parameters; /* where the gradients go */
    int accumulate;   /* as in mlpc_gradients */
} mlpc_norm_gradient;

/* A rank's part, up to a barrier behind it all; the ranks leave, as mlpc_share_ends says, where it gives 0. */
int mlpc_norm_backward(mlpc_pass *p, const mlpc_norm_gradient *of, mlpc_team *team, size_t size);

#endif
