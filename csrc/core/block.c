/* Blocks, see block.h. */
#include "block.h"

#include <float.h>
#include <math.h>

#include "../kernels/kernels.h"
#include "draw.h"

mlpc_block mlpc_block_of(mlpc_activation activation)
{
    return (mlpc_block){.activation = activation, .setting = mlpc_activation_of(activation)->standard};
}

int mlpc_block_valid(const mlpc_block *block, mlpc_dtype dtype)
{
    const mlpc_activation_row *row = mlpc_activation_of(block->activation);
    const double most = dtype == MLPC_FLOAT32 ? (double)FLT_MAX : DBL_MAX;
    const int drops_some = block->dropout >= 0 && block->dropout < 1;
    const int norms = block->eps >= 0 && block->eps <= most && block->momentum >= 0 && block->momentum <= 1;
    return drops_some && norms && (unsigned)block->norm < MLPC_N_NORMS &&
           (!row->setting || (block->setting > row->above && fabs(block->setting) <= most));
}

int mlpc_block_is_identity(const mlpc_block *block) { return block->activation == MLPC_ACTIVATION_identity; }

static int drops(const mlpc_block *block, const mlpc_draw *draw) { return draw && block->dropout > 0; }

int mlpc_block_is_idle(const mlpc_block *block, const mlpc_draw *draw)
{
    return mlpc_block_is_identity(block) && !drops(block, draw) && block->norm == MLPC_NORM_none;
}

static void drop(const mlpc_block *block, const mlpc_kernels *kernels, const mlpc_block_rows *rows, void *to,
                 const void *from)
{
    const mlpc_mask mask = mlpc_mask_of(block->dropout, rows->draw, rows->layer);
    kernels->dropout(to, from, rows->stride, &mask, rows->first, rows->n, rows->stride);
}

/* What the activation is applied to. */
static void *before_activation(const mlpc_block_rows *rows) { return rows->norm ? rows->normed : rows->z; }

static void normalise(const mlpc_block *block, const mlpc_kernels *kernels, const mlpc_block_rows *rows)
{
    mlpc_norm_job job = *rows->norm;
    job.B = rows->n;
    job.row = rows->stride;
    job.x = rows->z;
    job.y = rows->normed;
    if (block->norm == MLPC_NORM_layer) {
        job.mean += rows->first;
        job.rstd += rows->first;
        kernels->layer_norm_forward(&job);
    } else if (!rows->draw) {
        kernels->batch_norm_apply(&job);
    }
}

void mlpc_block_forward(const mlpc_block *block, const mlpc_kernels *kernels, const mlpc_block_rows *rows)
{
    void *const from = before_activation(rows);
    if (rows->norm)
        normalise(block, kernels, rows);
    if (rows->a != from || !mlpc_block_is_identity(block))
        kernels->activation_forward[block->activation](rows->a, from, block->setting, rows->n * rows->stride);
    if (drops(block, rows->draw))
        drop(block, kernels, rows, rows->dropped, rows->a);
}

void mlpc_block_backward(const mlpc_block *block, const mlpc_kernels *kernels, const mlpc_block_rows *rows)
{
    if (drops(block, rows->draw))
        drop(block, kernels, rows, rows->dz, rows->dz);
    kernels->activation_backward[block->activation](rows->dz, rows->dz, before_activation(rows), rows->a,
                                                    block->setting, rows->n * rows->stride);
}
