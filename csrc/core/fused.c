/* The fused epoch, see fused.h. */
#include "fused.h"

#include <string.h>

#include "fpmode.h"
#include "fused_input.h"
#include "fused_rows.h"
#include "fused_run.h"
#include "fused_units.h"
#include "pass.h"
#include "progress.h"

/* The same in memory of its own, with its job, and how the caller is asked. */
typedef struct {
    mlpc_fused_run run;
    mlpc_epoch_job job;
    mlpc_share share;
    mlpc_progress progress;
    mlpc_poll poll;
} shared_run;
_Static_assert(sizeof(shared_run) <= MLPC_SHARED, "room for it");

static mlpc_fused_run *share(mlpc_fused *f, const mlpc_fused_run *r)
{
    shared_run *const s = f->run;
    *s = (shared_run){
        .run = *r,
        .job = *r->job,
        .share = {.poll = &s->poll, .stopped = MLPC_GOES_ON},
        .progress = {.poll = r->job->poll},
        .poll = {mlpc_progress_ask, &s->progress},
    };
    s->run.job = &s->job;
    s->run.share = &s->share;
    return &s->run;
}

/* What the record has of the weights before the step of a batch, from what the ranks have added up of their panels. */
static void record_weights(const mlpc_fused_run *r, size_t k)
{
    const mlpc_step_record *const record = &r->job->epoch.record;
    const mlpc_packed *const packed = r->f->packed;
    double squares = 0, absolutes = 0;
    for (size_t l = 0, unit = 0; r->f->divisor[k] != 0 && l < packed->n_layers; unit += packed->layers[l++].padded) {
        const size_t O = packed->layers[l].O;
        if (record->squares)
            squares += r->job->model.kernels->sum_double(r->f->unit_squares + unit, O);
        if (record->absolutes)
            absolutes += r->job->model.kernels->sum_double(r->f->unit_absolutes + unit, O);
    }
    if (record->squares)
        record->squares[k] = squares;
    if (record->absolutes)
        record->absolutes[k] = absolutes;
}

/* Rank 0, before batch k. */
static void begin_batch(mlpc_fused_run *r, const mlpc_fused_view *view, size_t k)
{
    shared_run *const s = r->f->run;
    r->batch = k;
    s->progress.rows = mlpc_fused_batch_start(r, k);
    (void)mlpc_share_stopped(r->share, view->rank, view->phase);
    if (k > 0)
        record_weights(r, k - 1);
}

/* The loss of a batch from its rows' terms; 0 where it was passed over, and has none. */
static int batch_loss(const mlpc_fused_run *r, size_t k, double *value)
{
    const double divisor = r->f->divisor[k];
    if (divisor == 0)
        return 0;
    *value = r->job->model.kernels->sum_double(r->job->row_loss + mlpc_fused_batch_start(r, k),
                                               mlpc_fused_batch_rows(r, k)) /
             divisor;
    return 1;
}

/* Is there one among the first batches whose loss is not finite although its rows' are?  The epoch ended there. */
static int overflows(mlpc_fused_run *r, size_t batches)
{
    double value;
    for (size_t k = 0; k < batches; k++)
        if (batch_loss(r, k, &value) && value - value != 0) {
            r->batch = k;
            return 1;
        }
    return 0;
}

/* 1 where a rank has met what is not finite. */
static int diverges(const mlpc_fused_run *r, size_t size)
{
    int bad = 0;
    for (size_t t = 0; t < size; t++)
        bad |= r->f->ranks[t].diverged;
    return bad;
}

/* Is this batch the last one, since it diverged or the caller has had enough? */
static int ends(const mlpc_fused_run *r, size_t k, size_t size)
{
    return mlpc_share_ends(r->share, 2 * k) || diverges(r, size);
}

/* How it went, as rank 0 sees it behind the last batch. */
static void settle(mlpc_fused_run *r, const mlpc_fused_view *view)
{
    const size_t k = r->batch;
    r->steps += view->steps;
    r->status = mlpc_share_ends(r->share, 2 * k) ? MLPC_ERROR_INTERRUPTED
                : diverges(r, view->size)        ? MLPC_ERROR_DIVERGED
                                                 : MLPC_OK;
    if (r->status == MLPC_OK)
        record_weights(r, r->batches - 1);
    if (r->status != MLPC_ERROR_INTERRUPTED && overflows(r, r->status == MLPC_OK ? r->batches : k))
        r->status = MLPC_ERROR_DIVERGED;
    if (r->status == MLPC_OK && !r->job->model.kernels->all_finite(r->f->statistics, r->job->model.net->n_statistics))
        r->status = MLPC_ERROR_DIVERGED;
}

/* Parameters and states, back to where they came from, unless the epoch diverged: each rank's share. */
static void store(mlpc_fused_run *r, const mlpc_fused_view *view)
{
    const mlpc_epoch_job *const job = r->job;
    int *const diverged = &r->f->ranks[view->rank].diverged;
    if (view->rank == 0)
        settle(r, view);
    mlpc_team_barrier(view->team);
    if (r->status == MLPC_OK)
        *diverged = !mlpc_packed_finite(r->f->packed, job->model.kernels, view->rank, view->size);
    mlpc_team_barrier(view->team);
    if (r->status == MLPC_ERROR_INTERRUPTED || (r->status == MLPC_OK && !diverges(r, view->size)))
        mlpc_packed_store(r->f->packed, &job->model, job->training.optimizer.state, view->rank, view->size);
}

static MLPC_NOINLINE void train(mlpc_fused_run *r, mlpc_team *team, size_t rank, size_t size)
{
    mlpc_fused_view view = {.shared = r, .team = team, .rank = rank, .size = size};
    mlpc_fused_rank *own = &r->f->ranks[rank];
    own->correct = 0;
    own->diverged = 0;
    mlpc_packed_load(r->f->packed, &r->job->model, r->job->training.optimizer.state, rank, size);
    mlpc_fused_gather(&view, 0);
    mlpc_team_barrier(team);
    mlpc_fused_first_products(&view, 0);
    mlpc_team_barrier(team);
    for (size_t k = 0; k < r->batches; k++) {
        view.phase = 2 * k;
        if (rank == 0)
            begin_batch(r, &view, k);
        mlpc_fused_rows_phase(&view, k);
        mlpc_team_barrier(team);
        if (ends(r, k, size))
            break;
        view.phase++;
        mlpc_fused_units_phase(&view, k);
        mlpc_team_barrier(team);
    }
    store(r, &view);
}

static void train_rank(void *context, mlpc_team *team, size_t rank, size_t size) { train(context, team, rank, size); }

static void record_losses(const mlpc_fused_run *r, size_t batches)
{
    double *const loss = r->job->epoch.record.loss;
    for (size_t k = 0; loss && k < batches; k++) {
        loss[k] = 0;
        batch_loss(r, k, &loss[k]);
    }
}

mlpc_status mlpc_fused_epoch(mlpc_fused *f, const mlpc_epoch_job *job, size_t *correct, mlpc_epoch_result *result)
{
    const mlpc_optimizer *const o = &job->training.optimizer;
    mlpc_fused_run r = {
        .f = f,
        .job = job,
        .batches = mlpc_epoch_steps(job->model.net, job->training.samples->input.n, job->batch_size),
        .steps = o->steps ? *o->steps : 0,
    };
    const size_t bytes = job->model.net->n_statistics * job->model.kernels->itemsize;
    mlpc_fused_prepare_input(&r);
    if (bytes)
        memcpy(f->statistics, job->model.statistics, bytes);
    mlpc_fused_run *const shared = share(f, &r);
    const size_t size = mlpc_team_run(f->threads, train_rank, shared);
    r = *shared;
    *correct = 0;
    for (size_t t = 0; t < size; t++)
        *correct += f->ranks[t].correct;
    if (r.status == MLPC_OK && diverges(&r, size))
        r.status = MLPC_ERROR_DIVERGED;
    result->lr = job->epoch.rates[r.batch];
    result->batches = r.status == MLPC_OK ? r.batches : r.status == MLPC_ERROR_INTERRUPTED ? r.batch : 0;
    record_losses(&r, result->batches);
    if (r.status == MLPC_ERROR_DIVERGED) {
        for (size_t k = r.batch + 1; k > 0 && !batch_loss(&r, k - 1, &result->loss); k--)
            ;
    } else { /* where the caller wanted to end, the last batch has moved statistics alone */
        if (bytes)
            memcpy(job->model.statistics, r.status == MLPC_OK ? f->statistics : f->statistics_before, bytes);
        if (o->steps)
            *o->steps = r.steps;
    }
    if (r.status != MLPC_OK)
        mlpc_fused_clear(f, job->model.kernels->itemsize);
    return r.status;
}
