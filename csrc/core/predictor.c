/* Predictors: see mlpc.h. */
#include <stdlib.h>
#include <string.h>

#include "../kernels/kernels.h"
#include "forward.h"
#include "fpmode.h"
#include "memory.h"
#include "norm.h"
#include "packed.h"

static void *const no_states[MLPC_MAX_STATES]; /* of an optimizer */

static MLPC_NOINLINE void pack(mlpc_predictor *predictor)
{
    const mlpc_model *const model = &predictor->model;
    const mlpc_layer *const first = &model->net->layers[0];
    mlpc_norm_fold(model, NULL, predictor->folded);
    mlpc_packed_load(predictor->packed, model, no_states, 0, 1);
    predictor->finite = model->kernels->all_finite((char *)model->parameters + first->weight * model->kernels->itemsize,
                                                   first->n_in * first->n_out);
}

mlpc_status mlpc_predictor_create(mlpc_predictor **out, const mlpc_model *model, mlpc_loss_kind loss)
{
    const size_t bytes = model->net->n_parameters * model->kernels->itemsize;
    const size_t of_statistics = model->net->n_statistics * model->kernels->itemsize;
    mlpc_net *net = NULL;
    mlpc_packed *packed = NULL;
    mlpc_predictor *predictor = calloc(1, sizeof *predictor);
    if (!predictor)
        return MLPC_ERROR_MEMORY;
    predictor->loss = loss;
    predictor->model.kernels = model->kernels;
    predictor->model.parameters = mlpc_block_alloc_dirty(bytes);
    mlpc_status status = predictor->model.parameters ? mlpc_net_copy(&net, model->net) : MLPC_ERROR_MEMORY;
    predictor->model.net = net;
    predictor->folded = mlpc_block_alloc(of_statistics + 1);
    predictor->model.statistics = mlpc_block_alloc(of_statistics + 1);
    if (!predictor->folded || !predictor->model.statistics)
        status = MLPC_ERROR_MEMORY;
    if (status == MLPC_OK)
        status = mlpc_packed_create(&packed, net, model->kernels, no_states, 0, 1);
    if (status != MLPC_OK) {
        mlpc_predictor_free(predictor);
        return status;
    }
    predictor->packed = packed;
    memcpy(predictor->model.parameters, model->parameters, bytes);
    if (of_statistics)
        memcpy(predictor->model.statistics, model->statistics, of_statistics);
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
        mlpc_block_free(predictor->folded);
        mlpc_block_free(predictor->model.statistics);
        mlpc_block_free(predictor->model.parameters);
        mlpc_net_free((mlpc_net *)predictor->model.net); /* a copy, made here */
    }
    free(predictor);
}

mlpc_status mlpc_predictor_run(const mlpc_predictor *predictor, mlpc_workspace *workspace, mlpc_output output, void *to,
                               const mlpc_input *x, const mlpc_poll *poll)
{
    mlpc_forward_job job = {
        .model = predictor->model,
        .packed = predictor->packed,
        .folded = predictor->folded,
        .finite = predictor->finite ? MLPC_FINITE : MLPC_NOT_FINITE,
        .workspace = workspace,
        .poll = poll,
        .x = *x,
    };
    return mlpc_forward_output(&job, output, predictor->loss, to);
}
