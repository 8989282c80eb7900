/* The plan of a network, and the memory that a batch needs. */
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "memory.h"
#include "mlpc.h"
#include "pass.h"

size_t mlpc_itemsize(mlpc_dtype dtype) { return dtype == MLPC_FLOAT32 ? sizeof(float) : sizeof(double); }

mlpc_status mlpc_net_create(mlpc_net **out, mlpc_dtype dtype, size_t n_layers, const size_t *sizes,
                            const mlpc_block *blocks)
{
    if (n_layers > SIZE_MAX / sizeof(mlpc_layer))
        return MLPC_ERROR_MEMORY;
    mlpc_net *net = malloc(sizeof *net);
    mlpc_layer *layers = malloc(n_layers * sizeof *layers);
    if (!net || !layers)
        goto fail;

    /* Offsets are checked as bytes: what fits there fits as a number of elements. */
    size_t offset = 0, running = 0, tensor = 0;
    const size_t limit = SIZE_MAX / 4 / mlpc_itemsize(dtype);
    for (size_t l = 0; l < n_layers; l++) {
        const size_t n_in = sizes[l], n_out = sizes[l + 1];
        mlpc_block block = l + 1 < n_layers ? blocks[l] : mlpc_block_of(MLPC_ACTIVATION_identity);
        const size_t vectors = block.norm == MLPC_NORM_none ? 1 : 3; /* the bias, and what the norm has */
        if (block.eps == 0) {
            block.eps = MLPC_NORM_EPS;
            block.momentum = MLPC_NORM_MOMENTUM;
        }
        if (n_in >= limit - 2 || n_out > (limit - offset) / (n_in + vectors))
            goto fail;
        layers[l] = (mlpc_layer){
            .n_in = n_in,
            .n_out = n_out,
            .weight = offset,
            .bias = offset + n_in * n_out,
            .gain = offset + (n_in + 1) * n_out,
            .shift = offset + (n_in + 2) * n_out,
            .running = running,
            .tensor = tensor,
            .block = block,
        };
        offset += (n_in + vectors) * n_out;
        tensor += 1 + vectors;
        running += block.norm == MLPC_NORM_batch ? 2 * n_out : 0;
    }
    *net = (mlpc_net){.dtype = dtype,
                      .n_layers = n_layers,
                      .n_parameters = offset,
                      .n_statistics = running,
                      .n_tensors = tensor,
                      .layers = layers};
    *out = net;
    return MLPC_OK;

fail:
    free(layers);
    free(net);
    return MLPC_ERROR_MEMORY;
}

mlpc_status mlpc_net_copy(mlpc_net **out, const mlpc_net *net)
{
    mlpc_net *copy = malloc(sizeof *copy);
    mlpc_layer *layers = malloc(net->n_layers * sizeof *layers);
    if (!copy || !layers) {
        free(layers);
        free(copy);
        return MLPC_ERROR_MEMORY;
    }
    *copy = *net;
    copy->layers = memcpy(layers, net->layers, net->n_layers * sizeof *layers);
    *out = copy;
    return MLPC_OK;
}

void mlpc_net_start_statistics(const mlpc_net *net, void *statistics)
{
    for (size_t l = 0; l < net->n_layers; l++) {
        const mlpc_layer *const layer = &net->layers[l];
        for (size_t i = 0; layer->block.norm == MLPC_NORM_batch && i < 2 * layer->n_out; i++)
            if (net->dtype == MLPC_FLOAT32)
                ((float *)statistics)[layer->running + i] = i >= layer->n_out;
            else
                ((double *)statistics)[layer->running + i] = i >= layer->n_out;
    }
}

void mlpc_net_free(mlpc_net *net)
{
    if (net)
        free(net->layers);
    free(net);
}

/* Elements of scratch memory: enough that adding a weight gradient slice by slice costs few calls. */
#define SCRATCH_ELEMENTS 16384

/* Bytes for rows that are converted at once: some tens of MNIST's, which stay in the second-level cache. */
#define INPUT_BYTES 262144

/* What a layer leaves for the next one, and backward. */
static void cut_layers(mlpc_cutter *c, mlpc_workspace *workspace, const mlpc_net *net, size_t widest)
{
    const size_t size = mlpc_itemsize(net->dtype), L = net->n_layers, B = workspace->batch;
    void **const z = workspace->z, **const a = workspace->a, **const dropped = workspace->dropped;
    for (size_t l = 0; l < L; l++) {
        const mlpc_layer *layer = &net->layers[l];
        void *const z_l = mlpc_cut(c, B, layer->n_out, size);
        void *const normed_l = layer->block.norm == MLPC_NORM_none ? z_l : mlpc_cut(c, B, layer->n_out, size);
        void *const a_l = mlpc_block_is_identity(&layer->block) ? normed_l : mlpc_cut(c, B, layer->n_out, size);
        void *const dropped_l = layer->block.dropout > 0 ? mlpc_cut(c, B, layer->n_out, size) : a_l;
        if (z) {
            z[l] = z_l;
            workspace->normed[l] = normed_l;
            a[l] = a_l;
            dropped[l] = dropped_l;
        }
    }
    if (net->input_dropout > 0)
        workspace->dropped_x = mlpc_cut(c, B, net->layers[0].n_in, size);
    workspace->dz[0] = mlpc_cut(c, B, widest, size);
    workspace->dz[1] = mlpc_cut(c, B, widest, size);
    workspace->scratch = mlpc_cut(c, workspace->room, workspace->scratch_size, size);
    workspace->row_loss = mlpc_cut(c, B, 1, sizeof(double));
}

/* What it leaves for the next one alone: rows as long as those of panels can be, whatever the instruction set. */
static void cut_turns(mlpc_cutter *c, mlpc_workspace *workspace, const mlpc_net *net)
{
    void *const turns[2] = {mlpc_cut(c, workspace->batch, workspace->row, mlpc_itemsize(net->dtype)),
                            mlpc_cut(c, workspace->batch, workspace->row, mlpc_itemsize(net->dtype))};
    for (size_t l = 0; workspace->z && l < net->n_layers; l++)
        workspace->z[l] = workspace->normed[l] = workspace->a[l] = workspace->dropped[l] = turns[l % 2];
}

/* What norms remember of a forward. */
static void cut_statistics(mlpc_cutter *c, mlpc_workspace *workspace, const mlpc_net *net)
{
    const size_t size = mlpc_itemsize(net->dtype), L = net->n_layers;
    workspace->mean = mlpc_cut(c, 2, L, sizeof(double *));
    workspace->rstd = workspace->mean ? workspace->mean + L : NULL;
    for (size_t l = 0; l < L; l++) {
        const mlpc_layer *const layer = &net->layers[l];
        const size_t n = layer->block.norm == MLPC_NORM_none    ? 0
                         : layer->block.norm == MLPC_NORM_layer ? workspace->batch
                                                                : layer->n_out;
        double *const mean = mlpc_cut(c, n, 1, sizeof *mean), *const rstd = mlpc_cut(c, n, 1, sizeof *rstd);
        if (workspace->mean) {
            workspace->mean[l] = mean;
            workspace->rstd[l] = rstd;
        }
    }
    workspace->folded = mlpc_cut(c, net->n_statistics, 1, size);
    workspace->statistics = mlpc_cut(c, net->n_statistics, 1, size);
}

static void cut_all(mlpc_cutter *c, mlpc_workspace *workspace, const mlpc_net *net, size_t widest)
{
    workspace->z = mlpc_cut(c, 4, net->n_layers, sizeof(void *));
    workspace->a = workspace->z ? workspace->z + net->n_layers : NULL;
    workspace->dropped = workspace->z ? workspace->a + net->n_layers : NULL;
    workspace->normed = workspace->z ? workspace->dropped + net->n_layers : NULL;
    workspace->input =
        mlpc_cut(c, workspace->room, workspace->input_rows * net->layers[0].n_in, mlpc_itemsize(net->dtype));
    if (workspace->row)
        cut_turns(c, workspace, net);
    else
        cut_layers(c, workspace, net, widest);
    cut_statistics(c, workspace, net);
    workspace->pass = mlpc_cut(c, 1, MLPC_SHARED, 1);
    workspace->shared = mlpc_cut(c, 1, MLPC_SHARED, 1);
}

static mlpc_status create(mlpc_workspace **out, const mlpc_net *net, size_t batch, size_t threads, int for_inference)
{
    const size_t size = mlpc_itemsize(net->dtype), L = net->n_layers;
    mlpc_workspace *workspace = calloc(1, sizeof *workspace);
    if (!workspace)
        return MLPC_ERROR_MEMORY;
    workspace->batch = batch;
    workspace->room = workspace->threads = threads < batch ? threads : batch;
    workspace->scratch_size = SCRATCH_ELEMENTS;
    size_t widest = 0;
    for (size_t l = 0; l < L; l++)
        if (net->layers[l].n_out > widest)
            widest = net->layers[l].n_out;
    if (2 * widest > workspace->scratch_size)
        workspace->scratch_size = 2 * widest;
    /* Filled up to whole vectors, and one line more: see packed.h. */
    workspace->row = for_inference ? (widest * size / MLPC_ALIGNMENT + 2) * MLPC_ALIGNMENT / size : 0;

    const size_t I = net->layers[0].n_in; /* so many elements fit: a weight has more */
    const size_t input_rows = INPUT_BYTES / size / I ? INPUT_BYTES / size / I : 1;
    workspace->input_rows = input_rows < batch ? input_rows : batch;

    mlpc_cutter measure = {.block = NULL};
    cut_all(&measure, workspace, net, widest);
    workspace->memory = measure.overflows ? NULL : mlpc_block_alloc(measure.bytes);
    /* A block of its own: most networks use little of it, and what they do not touch costs nothing. */
    workspace->tiles = mlpc_block_alloc_dirty(workspace->room * MLPC_SCRATCH);
    if (!workspace->memory || !workspace->tiles) {
        mlpc_workspace_free(workspace);
        return MLPC_ERROR_MEMORY;
    }
    cut_all(&(mlpc_cutter){.block = workspace->memory}, workspace, net, widest);
    *out = workspace;
    return MLPC_OK;
}

mlpc_status mlpc_workspace_create(mlpc_workspace **workspace, const mlpc_net *net, size_t batch, size_t threads)
{
    return create(workspace, net, batch, threads, 0);
}

mlpc_status mlpc_workspace_create_for_inference(mlpc_workspace **workspace, const mlpc_net *net, size_t batch,
                                                size_t threads)
{
    return create(workspace, net, batch, threads, 1);
}

int mlpc_workspace_fits(const mlpc_workspace *workspace, const mlpc_net *net)
{
    int fits = (workspace->dropped_x != NULL) == (net->input_dropout > 0);
    for (size_t l = 0; l < net->n_layers; l++)
        fits = fits && (workspace->dropped[l] != workspace->a[l]) == (net->layers[l].block.dropout > 0);
    return fits;
}

void *mlpc_workspace_output(const mlpc_workspace *workspace, size_t l)
{
    return workspace->trains ? workspace->dropped[l] : workspace->a[l];
}

void mlpc_workspace_free(mlpc_workspace *workspace)
{
    if (workspace) {
        mlpc_block_free(workspace->tiles);
        mlpc_block_free(workspace->memory);
    }
    free(workspace);
}
