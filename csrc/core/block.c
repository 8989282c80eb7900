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
    return drops_some && (!row->setting || (block->setting > row->above && fabs(block->setting) <= most));
}

int mlpc_block_is_identity(const mlpc_block *block) { return block->activation == MLPC_ACTIVATION_identity; }

static int drops(const mlpc_block *block, const mlpc_draw *draw) { return draw && block->dropout > 0; }

int mlpc_block_is_idle(const mlpc_block *block, const mlpc_draw *draw)
{
    return mlpc_block_is_identity(block) && !drops(block, draw);
}

static void drop(const mlpc_block *block, const mlpc_kernels *kernels, const mlpc_block_rows *rows, void *to,
                 const void *from)
{
    const mlpc_mask mask = mlpc_mask_of(block->dropout, rows->draw, rows->layer);
    kernels->dropout(to, from, rows->stride, &mask, rows->first, rows->n, rows->stride);
}

void mlpc_block_forward(const mlpc_block *block, const mlpc_kernels *kernels, const mlpc_block_rows *rows)
{
    if (rows->a != rows->z || !mlpc_block_is_identity(block))
        kernels->activation_forward[block->activation](rows->a, rows->z, block->setting, rows->n * rows->stride);
    if (drops(block, rows->draw))
        drop(block, kernels, rows, rows->dropped, rows->a);
}

void mlpc_block_backward(const mlpc_block *block, const mlpc_kernels *kernels, const mlpc_block_rows *rows)
{
    if (drops(block, rows->draw))
        drop(block, kernels, rows, rows->dz, rows->dz);
    kernels->activation_backward[block->activation](rows->dz, rows->dz, rows->z, rows->a, block->setting,
                                                    rows->n * rows->stride);
}
