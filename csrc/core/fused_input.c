/* The input of a fused epoch, see fused_input.h. */
#include "fused_input.h"

#include "draw.h"
#include "loss.h"
#include "samples.h"

/* to[i] = from[i] * (real)by, rounded once, as dropout has it of what is kept; `to` may be `from`. */
static void scale(void *to, const void *from, size_t n, double by, size_t itemsize)
{
    for (size_t i = 0; i < n; i++)
        if (itemsize == sizeof(float))
            ((float *)to)[i] = ((const float *)from)[i] * (float)by;
        else
            ((double *)to)[i] = ((const double *)from)[i] * by;
}

static void fill_with_ones(void *to, size_t n, size_t itemsize)
{
    for (size_t i = 0; i < n; i++)
        if (itemsize == sizeof(float))
            ((float *)to)[i] = 1;
        else
            ((double *)to)[i] = 1;
}

/* What values that lists keep by their codes mean, and what dropout is asked with for which entries it keeps. */
void mlpc_fused_prepare_input(const mlpc_fused_run *r)
{
    mlpc_fused *const f = r->f;
    const mlpc_samples *const samples = r->job->training.samples;
    const size_t size = r->job->model.kernels->itemsize;
    f->table = samples->table;
    if (f->ones) {
        const mlpc_draw draw = mlpc_fused_draw(r, 0);
        const mlpc_mask mask = mlpc_mask_of(r->job->model.net->input_dropout, &draw, 0);
        fill_with_ones(f->ones, samples->I, size);
        scale(f->scaled, samples->table, 256, mask.scale, size);
        f->table = f->scaled;
    }
    for (size_t t = 0; t < f->threads; t++)
        f->ranks[t].columns.table = f->table;
}

/* Leaves those entries of a row's list whose inputs' bits are set.  Whether one is cannot be foreseen: each is written,
 * over those that are dropped. */
static void keep_entries(const mlpc_samples *samples, const mlpc_rows *rows, size_t b, const uint64_t *kept, double by)
{
    uint16_t *const entry = rows->entry + b * samples->capacity;
    uint32_t *const end = rows->end + b * (samples->blocks + 1);
    const size_t size = mlpc_itemsize(samples->dtype);
    void *const value = samples->value ? (char *)rows->value + b * samples->capacity * size : NULL;
    uint32_t n = 0, k = 0;
    for (size_t s = 0; s < samples->blocks; s++, kept += MLPC_LIST_BLOCK / 64) {
        for (const uint32_t stop = end[s + 1]; k < stop; k++) {
            const unsigned e = entry[k], i = e & 255;
            entry[n] = (uint16_t)e;
            if (value && size == sizeof(float))
                ((float *)value)[n] = ((const float *)value)[k];
            else if (value)
                ((double *)value)[n] = ((const double *)value)[k];
            n += kept[i / 64] >> i % 64 & 1;
        }
        end[s + 1] = n;
    }
    if (value)
        scale(value, value, n, by, size);
}

static void drop_rows(const mlpc_fused_view *s, size_t k, size_t first, size_t n)
{
    const mlpc_fused_run *const r = s->shared;
    const mlpc_kernels *const kernels = r->job->model.kernels;
    const mlpc_samples *const samples = r->job->training.samples;
    const mlpc_rows *const rows = &r->f->rows[k % 2];
    const mlpc_fused_rank *const own = &r->f->ranks[s->rank];
    const mlpc_draw draw = mlpc_fused_draw(r, k);
    const mlpc_mask mask = mlpc_mask_of(r->job->model.net->input_dropout, &draw, 0);
    if (!r->f->skips_zeros) {
        void *const x = mlpc_fused_at(r, rows->x, first * rows->x_row);
        kernels->dropout(x, x, rows->x_row, &mask, first, n, samples->I);
        return;
    }
    for (size_t b = first; b < first + n; b++) {
        kernels->dropout(own->kept, r->f->ones, samples->I, &mask, b, 1, samples->I);
        kernels->find_nonzeros(own->kept_bits, own->kept, samples->I);
        keep_entries(samples, rows, b, own->kept_bits, mask.scale);
    }
}

static void add_noise(const mlpc_fused_view *s, size_t k, size_t first, size_t n)
{
    const mlpc_fused_run *const r = s->shared;
    const mlpc_rows *const rows = &r->f->rows[k % 2];
    const mlpc_draw draw = mlpc_fused_draw(r, k);
    const mlpc_words words = mlpc_noise_of(&draw);
    void *const x = mlpc_fused_at(r, rows->x, first * rows->x_row);
    r->job->model.kernels->noise(x, x, rows->x_row, &words, r->job->training.noise, first, n,
                                 r->job->training.samples->I);
}

/* n of the rank's rows, from number `first` of the batch on. */
static void gather(const mlpc_fused_view *s, size_t k, size_t first, size_t n)
{
    const mlpc_fused_run *const r = s->shared;
    const mlpc_epoch_job *const j = r->job;
    const mlpc_samples *const samples = j->training.samples;
    const mlpc_kernels *const kernels = j->model.kernels;
    const size_t start = mlpc_fused_batch_start(r, k) + first, left = samples->input.n - start;
    const size_t *const order = j->order + start;
    if (r->f->skips_zeros)
        mlpc_samples_gather(samples, kernels, &r->f->rows[k % 2], first, order, n, left);
    else
        mlpc_samples_gather_numbers(samples, kernels, &r->f->rows[k % 2], first, order, n, left);
    mlpc_targets_gather(&j->training.objective.targets, &r->f->targets[k % 2], first, order, n, kernels->itemsize);
    if (j->training.noise > 0)
        add_noise(s, k, first, n);
    if (j->model.net->input_dropout > 0)
        drop_rows(s, k, first, n);
}

void mlpc_fused_gather(const mlpc_fused_view *s, size_t k)
{
    size_t first, n;
    mlpc_fused_share_of_rows(s, mlpc_fused_batch_rows(s->shared, k), &first, &n);
    const size_t terms = s->shared->job->training.samples->I * (MLPC_NOISE_TERMS + MLPC_MASK_TERMS);
    const size_t most = mlpc_piece(s->shared->job->model.kernels, n, terms, 1);
    for (size_t b = 0; b < n; b += most) {
        const size_t rows = n - b < most ? n - b : most;
        if (mlpc_fused_stopped(s, rows, terms))
            return;
        gather(s, k, first + b, rows);
    }
}
