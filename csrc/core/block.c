/* Blocks, see block.h. */
#include "block.h"

#include <float.h>
#include <math.h>

#include "../kernels/kernels.h"

mlpc_block mlpc_block_of(mlpc_activation activation)
{
    return (mlpc_block){.activation = activation, .setting = mlpc_activation_of(activation)->standard};
}

int mlpc_block_valid(const mlpc_block *block, mlpc_dtype dtype)
{
    const mlpc_activation_row *row = mlpc_activation_of(block->activation);
    const double most = dtype == MLPC_FLOAT32 ? (double)FLT_MAX : DBL_MAX;
    return row->setting ? block->setting > row->above && fabs(block->setting) <= most : 1;
}

int mlpc_block_is_identity(const mlpc_block *block) { return block->activation == MLPC_ACTIVATION_identity; }

void mlpc_block_forward(const mlpc_block *block, const mlpc_kernels *kernels, const mlpc_block_rows *rows)
{
    if (rows->a != rows->z || !mlpc_block_is_identity(block))
        kernels->activation_forward[block->activation](rows->a, rows->z, block->setting, rows->n * rows->stride);
}

void mlpc_block_backward(const mlpc_block *block, const mlpc_kernels *kernels, const mlpc_block_rows *rows)
{
    kernels->activation_backward[block->activation](rows->dz, rows->dz, rows->z, rows->a, block->setting,
                                                    rows->n * rows->stride);
}
