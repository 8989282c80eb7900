/* Predictors: see mlpc.h. */
#include <stdlib.h>
#include <string.h>

#include "../kernels/kernels.h"
#include "forward.h"
#include "fpmode.h"
#include "memory.h"
#include "packed.h"

static void *const no_states[MLPC_MAX_STATES]; /* of an optimizer */

static MLPC_NOINLINE void pack(mlpc_predictor *predictor)
{
    const mlpc_kernels *kernels = predictor->kernels;
    const mlpc_layer *first = &predictor->net->layers[0];
    mlpc_packed_load(predictor->packed, predictor->net, predictor->parameters, no_states);
    predictor->finite = kernels->all_finite((char *)predictor->parameters + first->weight * kernels->itemsize,
                                            first->n_in * first->n_out);
}

mlpc_status mlpc_predictor_create(mlpc_predictor **out, const mlpc_net *net, const mlpc_kernels *kernels,
                                  const void *parameters, mlpc_loss_kind loss)
{
    const size_t bytes = net->n_parameters * kernels->itemsize;
    mlpc_packed *packed = NULL;
    mlpc_predictor *predictor = calloc(1, sizeof *predictor);
    if (!predictor)
        return MLPC_ERROR_MEMORY;
    predictor->kernels = kernels;
    predictor->loss = loss;
    predictor->parameters = mlpc_block_alloc_dirty(bytes);
    mlpc_status status = predictor->parameters ? mlpc_net_copy(&predictor->net, net) : MLPC_ERROR_MEMORY;
    if (status == MLPC_OK)
        status = mlpc_packed_create(&packed, net, kernels, no_states, 0, 1);
    if (status != MLPC_OK) {
        mlpc_predictor_free(predictor);
        return status;
    }
    predictor->packed = packed;
    memcpy(predictor->parameters, parameters, bytes);
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    pack(predictor);
    mlpc_fpmode_leave(mode);
    *out = predictor;
    return MLPC_OK;
}

void mlpc_predictor_free(mlpc_predictor *predictor)
{
    if (predictor) {
        mlpc_packed_free(predictor->packed);
        mlpc_block_free(predictor->parameters);
        mlpc_net_free(predictor->net);
    }
    free(predictor);
}

mlpc_status mlpc_predictor_run(const mlpc_predictor *predictor, mlpc_workspace *workspace, mlpc_output output, void *to,
                               const mlpc_input *x, size_t n, const mlpc_poll *poll)
{
    mlpc_forward_job job = {
        .net = predictor->net,
        .kernels = predictor->kernels,
        .parameters = predictor->parameters,
        .packed = predictor->packed,
        .finite = predictor->finite ? MLPC_FINITE : MLPC_NOT_FINITE,
        .workspace = workspace,
        .poll = poll,
        .x = x,
        .n = n,
    };
    return mlpc_forward_output(&job, output, predictor->loss, to);
}
