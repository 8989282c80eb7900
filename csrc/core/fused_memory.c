/* The memory of the fused epoch, see fused_memory.h. */
#include "fused_memory.h"

#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "memory.h"
#include "pass.h"
#include "step.h"

/* Bytes of a strip: a part of the first-level cache, beside what the product of that strip reads. */
enum { STRIP_BYTES = 8192 };

/* A fused batch cannot be interrupted: one that takes longer than this many of the kernels' pieces, of some 10 ms, is
 * computed step by step. */
enum { MOST_PIECES = 20 };

/* An element of an activation that is not cheap, forward and back, and one of the loss, cost so many terms. */
enum { BOTH_WAYS = 4 * MLPC_ACTIVATION_TERMS };

static int too_large(const mlpc_net *net, const mlpc_kernels *kernels, size_t B)
{
    double elements = 0;
    for (size_t l = 0; l < net->n_layers; l++)
        if (l == net->n_layers - 1 || !mlpc_activation_of(net->layers[l].block.activation)->cheap)
            elements += (double)net->layers[l].n_out;
    return mlpc_fused_terms(net, B) + BOTH_WAYS * (double)B * elements > (double)MOST_PIECES * (double)kernels->piece;
}

double mlpc_fused_terms(const mlpc_net *net, size_t B) { return 3 * (double)B * (double)net->n_parameters; }

/* 1 where nothing but activations stands between the products. */
static int has_only_activations(const mlpc_net *net)
{
    int only = net->input_dropout == 0;
    for (size_t l = 0; l < net->n_layers; l++)
        only = only && net->layers[l].block.dropout == 0 && net->layers[l].block.norm == MLPC_NORM_none;
    return only;
}

int mlpc_fused_carries(const mlpc_model *model, const mlpc_training *training, size_t B, int keeps_gradients)
{
    return !keeps_gradients && mlpc_step_is_local(&training->optimizer) && has_only_activations(model->net) &&
           training->noise == 0 && !too_large(model->net, model->kernels, B);
}

static void cut_rows(mlpc_cutter *c, mlpc_rows *rows, const mlpc_samples *samples, size_t B, size_t size)
{
    const size_t bytes = (samples->I * size + MLPC_ALIGNMENT - 1) / MLPC_ALIGNMENT * MLPC_ALIGNMENT;
    rows->x_row = mlpc_packed_row(bytes / size, size);
    if (!samples->skips_zeros) {
        rows->x = mlpc_cut(c, B, rows->x_row, size);
        return;
    }
    rows->entry = mlpc_cut(c, B, samples->capacity, sizeof(uint16_t));
    if (samples->value)
        rows->value = mlpc_cut(c, B, samples->capacity, size);
    rows->end = mlpc_cut(c, B, samples->blocks + 1, sizeof(uint32_t));
}

static void cut_columns(mlpc_cutter *c, mlpc_columns *columns, const mlpc_samples *samples, size_t B, size_t size)
{
    const size_t groups = (B + MLPC_BATCH_BLOCK - 1) / MLPC_BATCH_BLOCK;
    columns->I = samples->I;
    columns->mask = mlpc_cut(c, groups, samples->I, sizeof(uint64_t));
    columns->code = samples->value ? NULL : mlpc_cut(c, groups * MLPC_BATCH_BLOCK, samples->I, sizeof(uint8_t));
    columns->value = samples->value ? mlpc_cut(c, groups * MLPC_BATCH_BLOCK, samples->I, size) : NULL;
}

static void cut_all(mlpc_cutter *c, mlpc_fused *f, const mlpc_net *net, const mlpc_samples *samples, size_t size)
{
    const size_t B = f->batch_size, L = f->packed->n_layers, O = net->layers[L - 1].n_out;
    mlpc_fused_layer *layers = mlpc_cut(c, L, 1, sizeof *layers);
    mlpc_fused_rank *ranks = mlpc_cut(c, f->threads, 1, sizeof *ranks);
    for (size_t l = 0; l < L; l++) {
        const size_t row = f->packed->layers[l].row;
        void *const z = mlpc_cut(c, B, row, size);
        const mlpc_fused_layer memory = {
            .z = z,
            .a = l > 0 && mlpc_block_is_identity(&net->layers[l].block) ? z : mlpc_cut(c, B, row, size),
            .dz = mlpc_cut(c, B, row, size),
        };
        if (layers)
            layers[l] = memory;
    }
    f->partial = samples->skips_zeros ? mlpc_cut(c, B, f->packed->layers[0].row, size) : NULL;
    for (int i = 0; i < 2; i++) {
        cut_rows(c, &f->rows[i], samples, B, size);
        f->targets[i].labels = mlpc_cut(c, B, 1, sizeof(int64_t));
        f->targets[i].values = mlpc_cut(c, B, O, size);
        f->targets[i].sample_weight = mlpc_cut(c, B, 1, sizeof(double));
    }
    f->divisor = mlpc_cut(c, (samples->input.n + B - 1) / B, 1, sizeof(double));
    for (size_t t = 0; t < f->threads; t++) {
        mlpc_fused_rank memory = {
            .strip = mlpc_cut(c, f->strip_elements, 1, size),
            .tiles = f->tiles ? (char *)f->tiles + t * MLPC_SCRATCH : NULL,
            .weights = mlpc_cut(c, B, 1, sizeof(double)),
        };
        if (samples->skips_zeros)
            cut_columns(c, &memory.columns, samples, B, size);
        if (ranks)
            ranks[t] = memory;
    }
    f->run = mlpc_cut(c, MLPC_SHARED, 1, 1);
    f->layers = layers;
    f->ranks = ranks;
}

mlpc_status mlpc_fused_create(mlpc_fused **out, const mlpc_model *model, const mlpc_training *training,
                              size_t batch_size, size_t threads)
{
    const mlpc_net *const net = model->net;
    const mlpc_kernels *const kernels = model->kernels;
    const mlpc_samples *const samples = training->samples;
    void *const *const state = training->optimizer.state;
    const size_t size = kernels->itemsize;
    mlpc_fused *f = calloc(1, sizeof *f);
    if (!f)
        return MLPC_ERROR_MEMORY;
    f->batch_size = batch_size;
    f->threads = threads;
    f->strip_elements = STRIP_BYTES / size;
    if (f->strip_elements < MLPC_STRIP_INPUTS * MLPC_LIST_VECTORS * kernels->lanes)
        f->strip_elements = MLPC_STRIP_INPUTS * MLPC_LIST_VECTORS * kernels->lanes;
    mlpc_cutter measure = {.block = NULL};
    if (mlpc_packed_create(&f->packed, net, kernels, state, samples->skips_zeros, threads) == MLPC_OK) {
        cut_all(&measure, f, net, samples, size);
        if (!measure.overflows && (f->memory = mlpc_block_alloc(measure.bytes)) &&
            (f->tiles = mlpc_block_alloc_dirty(threads * MLPC_SCRATCH))) {
            cut_all(&(mlpc_cutter){.block = f->memory}, f, net, samples, size);
            *out = f;
            return MLPC_OK;
        }
    }
    mlpc_fused_free(f);
    return MLPC_ERROR_MEMORY;
}

void mlpc_fused_clear(mlpc_fused *f, size_t itemsize)
{
    memset(f->packed->parameters, 0, f->packed->elements * itemsize);
    for (size_t s = 0; s < MLPC_MAX_STATES; s++)
        if (f->packed->states[s])
            memset(f->packed->states[s], 0, f->packed->elements * itemsize);
    for (size_t l = 0; l < f->packed->n_layers; l++)
        memset(f->layers[l].dz, 0, f->batch_size * f->packed->layers[l].row * itemsize);
}

void mlpc_fused_free(mlpc_fused *f)
{
    if (f) {
        mlpc_packed_free(f->packed);
        mlpc_block_free(f->tiles);
        mlpc_block_free(f->memory);
    }
    free(f);
}
