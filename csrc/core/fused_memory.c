/* The memory of the fused epoch, see fused_memory.h. */
#include "fused_memory.h"

#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "draw.h"
#include "memory.h"
#include "norm.h"
#include "pass.h"
#include "step.h"

/* Bytes of a strip: a part of the first-level cache, beside what the product of that strip reads. */
enum { STRIP_BYTES = 8192 };

/* The update of a fused batch cannot be interrupted: where it and batch norm take longer than this many of the kernels'
 * pieces, of some 10 ms, batches are computed step by step. */
enum { MOST_PIECES = 40 };

/* What stands between the products of a batch besides activations and losses: norms, dropout, and noise. */
static double terms_between(const mlpc_net *net, double noise, size_t B)
{
    const double n_in = (double)net->layers[0].n_in;
    double terms = net->input_dropout > 0 ? MLPC_MASK_TERMS * n_in : 0;
    terms += noise > 0 ? MLPC_NOISE_TERMS * n_in : 0;
    for (size_t l = 0; l < net->n_layers; l++) {
        const mlpc_block *const block = &net->layers[l].block;
        const int of_norm = block->norm == MLPC_NORM_none ? 0 : 3 * MLPC_NORM_TERMS; /* forward, back, gradients */
        const int of_masks = block->dropout > 0 ? 2 * MLPC_MASK_TERMS : 0;
        terms += (double)(of_norm + of_masks) * (double)net->layers[l].n_out;
    }
    return (double)B * terms;
}

double mlpc_fused_terms(const mlpc_net *net, double noise, size_t B)
{
    return 3 * (double)B * (double)net->n_parameters + terms_between(net, noise, B);
}

static int too_large(const mlpc_model *model, size_t B)
{
    double terms = (double)model->net->n_parameters;
    for (size_t l = 0; l < model->net->n_layers; l++)
        if (model->net->layers[l].block.norm != MLPC_NORM_none)
            terms += 3 * MLPC_NORM_TERMS * (double)model->net->layers[l].n_out;
    return (double)B * terms > (double)MOST_PIECES * (double)model->kernels->piece;
}

int mlpc_fused_carries(const mlpc_model *model, const mlpc_training *training, size_t B, int keeps_gradients)
{
    const int one_row = mlpc_norms_batches(model->net) && B < 2; /* which is an error */
    return !keeps_gradients && !one_row && mlpc_step_is_local(&training->optimizer) && !too_large(model, B);
}

int mlpc_fused_skips_zeros(const mlpc_training *training)
{
    return training->samples->skips_zeros && training->noise == 0;
}

static void cut_rows(mlpc_cutter *c, const mlpc_fused *f, mlpc_rows *rows, const mlpc_samples *samples, size_t size)
{
    const size_t B = f->batch_size;
    const size_t bytes = (samples->I * size + MLPC_ALIGNMENT - 1) / MLPC_ALIGNMENT * MLPC_ALIGNMENT;
    rows->x_row = mlpc_packed_row(bytes / size, size);
    if (!f->skips_zeros) {
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

/* What lies behind layer l; in backward order of need: each is what comes before it where nothing makes another. */
static mlpc_fused_layer cut_layer(mlpc_cutter *c, const mlpc_fused *f, const mlpc_net *net, size_t l)
{
    const mlpc_block *const block = &net->layers[l].block;
    const size_t size = mlpc_itemsize(net->dtype), B = f->batch_size;
    const size_t row = f->packed->layers[l].row, padded = f->packed->layers[l].padded;
    mlpc_fused_layer layer = {.z = mlpc_cut(c, B, row, size), .dz = mlpc_cut(c, B, row, size)};
    layer.normed = layer.z;
    layer.dnormed = layer.dz;
    if (block->norm != MLPC_NORM_none) {
        const size_t statistics = block->norm == MLPC_NORM_layer ? B : net->layers[l].n_out;
        layer.normed = mlpc_cut(c, B, row, size);
        layer.dnormed = mlpc_cut(c, B, row, size);
        layer.mean = mlpc_cut(c, statistics, 1, sizeof *layer.mean);
        layer.rstd = mlpc_cut(c, statistics, 1, sizeof *layer.rstd);
        layer.dgain = mlpc_cut(c, padded, 1, size);
        layer.dshift = mlpc_cut(c, padded, 1, size);
    }
    layer.a = l > 0 && mlpc_block_is_identity(block) ? layer.normed : mlpc_cut(c, B, row, size);
    layer.dropped = block->dropout > 0 ? mlpc_cut(c, B, row, size) : layer.a;
    return layer;
}

/* Numbers of the largest strip of x that is copied: batches of one block are read where they lie. */
static size_t strip_of_x(const mlpc_fused *f, size_t size)
{
    const size_t least = MLPC_STRIP_INPUTS * f->batch_size, cached = MLPC_STRIP_CACHED / size;
    return f->batch_size <= MLPC_BATCH_BLOCK ? 0 : least > cached ? least : cached;
}

/* Units of the widest layer, with its padding. */
static size_t widest(const mlpc_fused *f)
{
    size_t most = 0;
    for (size_t l = 0; l < f->packed->n_layers; l++)
        most = f->packed->layers[l].padded > most ? f->packed->layers[l].padded : most;
    return most;
}

/* What one thread has for itself; t is its number. */
static mlpc_fused_rank cut_rank(mlpc_cutter *c, const mlpc_fused *f, const mlpc_net *net, const mlpc_samples *samples,
                                size_t t)
{
    const size_t size = mlpc_itemsize(net->dtype);
    mlpc_fused_rank rank = {
        .strip = mlpc_cut(c, f->strip_elements, 1, size),
        .x = mlpc_cut(c, strip_of_x(f, size), 1, size),
        .dz = mlpc_cut(c, f->batch_size <= MLPC_BATCH_BLOCK ? 0 : f->batch_size, widest(f), size),
        .tiles = f->tiles ? (char *)f->tiles + t * MLPC_SCRATCH : NULL,
        .weights = mlpc_cut(c, f->batch_size, 1, sizeof(double)),
    };
    if (f->skips_zeros)
        cut_columns(c, &rank.columns, samples, f->batch_size, size);
    if (f->skips_zeros && net->input_dropout > 0) {
        rank.kept = mlpc_cut(c, samples->I, 1, size);
        rank.kept_bits = mlpc_cut(c, samples->blocks, MLPC_LIST_BLOCK / 64, sizeof(uint64_t));
    }
    return rank;
}

static void cut_all(mlpc_cutter *c, mlpc_fused *f, const mlpc_net *net, const mlpc_samples *samples)
{
    const size_t B = f->batch_size, L = f->packed->n_layers, O = net->layers[L - 1].n_out;
    const size_t size = mlpc_itemsize(net->dtype);
    mlpc_fused_layer *layers = mlpc_cut(c, L, 1, sizeof *layers);
    mlpc_fused_rank *ranks = mlpc_cut(c, f->threads, 1, sizeof *ranks);
    for (size_t l = 0; l < L; l++) {
        const mlpc_fused_layer memory = cut_layer(c, f, net, l);
        if (layers)
            layers[l] = memory;
    }
    f->partial = f->skips_zeros ? mlpc_cut(c, B, f->packed->layers[0].row, size) : NULL;
    for (int i = 0; i < 2; i++) {
        cut_rows(c, f, &f->rows[i], samples, size);
        f->targets[i].labels = mlpc_cut(c, B, 1, sizeof(int64_t));
        f->targets[i].values = mlpc_cut(c, B, O, size);
        f->targets[i].sample_weight = mlpc_cut(c, B, 1, sizeof(double));
    }
    f->unit_squares = mlpc_cut(c, f->units, 1, sizeof(double));
    f->unit_absolutes = mlpc_cut(c, f->units, 1, sizeof(double));
    f->divisor = mlpc_cut(c, f->batches, 1, sizeof(double));
    f->ones = f->skips_zeros && net->input_dropout > 0 ? mlpc_cut(c, samples->I, 1, size) : NULL;
    f->scaled = f->skips_zeros && net->input_dropout > 0 ? mlpc_cut(c, 256, 1, size) : NULL;
    f->statistics = mlpc_cut(c, net->n_statistics, 1, size);
    f->statistics_before = mlpc_cut(c, net->n_statistics, 1, size);
    for (size_t t = 0; t < f->threads; t++) {
        const mlpc_fused_rank memory = cut_rank(c, f, net, samples, t);
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
    f->batches = mlpc_epoch_steps(net, samples->input.n, training->batch_size);
    f->threads = threads;
    f->skips_zeros = mlpc_fused_skips_zeros(training);
    f->strip_elements = STRIP_BYTES / size;
    if (f->strip_elements < MLPC_STRIP_INPUTS * MLPC_LIST_VECTORS * kernels->lanes)
        f->strip_elements = MLPC_STRIP_INPUTS * MLPC_LIST_VECTORS * kernels->lanes;
    mlpc_cutter measure = {.block = NULL};
    if (mlpc_packed_create(&f->packed, net, kernels, state, f->skips_zeros, threads) == MLPC_OK) {
        for (size_t l = 0; l < net->n_layers; l++)
            f->units += f->packed->layers[l].padded;
        cut_all(&measure, f, net, samples);
        if (!measure.overflows && (f->memory = mlpc_block_alloc(measure.bytes)) &&
            (f->tiles = mlpc_block_alloc_dirty(threads * MLPC_SCRATCH))) {
            cut_all(&(mlpc_cutter){.block = f->memory}, f, net, samples);
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
    for (size_t l = 0; l < f->packed->n_layers; l++) {
        memset(f->layers[l].dz, 0, f->batch_size * f->packed->layers[l].row * itemsize);
        memset(f->layers[l].dnormed, 0, f->batch_size * f->packed->layers[l].row * itemsize);
    }
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
