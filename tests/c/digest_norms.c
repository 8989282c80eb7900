/* Digests of norms: of rows, and of features over samples. */
#include <string.h>

#include "digest.h"

#define MOST_FEATURES 8209
#define GAP 3 /* elements between two rows */

static double mean[MOST_FEATURES], rstd[MOST_FEATURES];

/* Numbers for B rows of F features; gain and shift are as tame as dy.  Nothing is kept or filled yet. */
static mlpc_norm_job numbers(const bench *b, size_t B, size_t F, flavour x, flavour dy)
{
    const size_t n = B * (F + GAP);
    return (mlpc_norm_job){
        .B = B,
        .F = F,
        .row = F + GAP,
        .x = input(b, 0, n, x),
        .gain = input(b, 1, F, dy),
        .shift = input(b, 2, F, dy),
        .eps = 1e-5,
        .mean = mean,
        .rstd = rstd,
        .dy = input(b, 3, n, dy),
        .momentum = 0.1,
    };
}

static size_t elements(const mlpc_norm_job *job) { return job->B * job->row; }

/* The output that the job fills: empty, or the same numbers as `in`, which it replaces. */
static void *filled(const bench *b, const mlpc_norm_job *job, const void *in)
{
    void *to = output(b, elements(job));
    return in ? memcpy(to, in, elements(job) * b->k->itemsize) : to;
}

static void add_statistics(size_t n)
{
    add_doubles(mean, n);
    add_doubles(rstd, n);
}

typedef void norm_case(const bench *b, mlpc_norm_job job);

/* ---- Of rows ---- */

static void layer_norm_forward(const bench *b, mlpc_norm_job job)
{
    job.y = filled(b, &job, NULL);
    b->k->layer_norm_forward(&job);
    add_output(b, elements(&job));
    job.x = job.y = filled(b, &job, job.x);
    b->k->layer_norm_forward(&job);
    add_output(b, elements(&job));
    add_statistics(job.B);
}

static void layer_norm_backward(const bench *b, mlpc_norm_job job)
{
    b->k->layer_norm_forward(&job);
    job.dx = filled(b, &job, NULL);
    b->k->layer_norm_backward(&job);
    add_output(b, elements(&job));
    job.dy = job.dx = filled(b, &job, job.dy);
    b->k->layer_norm_backward(&job);
    add_output(b, elements(&job));
}

static void layer_norm_gradients(const bench *b, mlpc_norm_job job)
{
    b->k->layer_norm_forward(&job);
    job.dgain = b->in[4];
    job.dshift = output(b, job.F);
    b->k->layer_norm_gradients(&job);
    add_output(b, job.F);
    add_reals(b->dtype, job.dgain, job.F);
}

/* ---- Of features over samples ---- */

/* Running statistics, which are not negative, in the memory of dy. */
static void keep_running(const bench *b, mlpc_norm_job *job)
{
    job->running_mean = b->in[4];
    job->running_var = b->in[3];
    fill(b->dtype, job->running_mean, job->F, UNIT, 4);
    fill(b->dtype, job->running_var, job->F, UNIT, 3);
}

static void batch_norm_forward(const bench *b, mlpc_norm_job job)
{
    job.y = filled(b, &job, NULL);
    b->k->batch_norm_forward(&job);
    add_output(b, elements(&job));
    keep_running(b, &job);
    job.x = job.y = filled(b, &job, job.x);
    b->k->batch_norm_forward(&job);
    add_output(b, elements(&job));
    add_statistics(job.F);
    add_reals(b->dtype, job.running_mean, job.F);
    add_reals(b->dtype, job.running_var, job.F);
}

static void batch_norm_backward(const bench *b, mlpc_norm_job job)
{
    b->k->batch_norm_forward(&job);
    job.dgain = b->in[4];
    job.dshift = b->in[2];
    for (job.fixed = 0; job.fixed < 2; job.fixed++) {
        job.dx = filled(b, &job, job.fixed ? job.dy : NULL);
        job.dy = job.fixed ? job.dx : job.dy;
        b->k->batch_norm_backward(&job);
        add_output(b, elements(&job));
        add_reals(b->dtype, job.dgain, job.F);
        add_reals(b->dtype, job.dshift, job.F);
    }
}

static void batch_norm_fold(const bench *b, mlpc_norm_job job)
{
    keep_running(b, &job);
    b->k->batch_norm_fold(&job);
    add_statistics(job.F);
    job.s = b->in[0];
    job.t = output(b, job.F);
    b->k->batch_norm_fold(&job);
    add_output(b, job.F);
    add_reals(b->dtype, job.s, job.F);
    add_statistics(job.F);
}

static void batch_norm_apply(const bench *b, mlpc_norm_job job)
{
    job.s = b->in[1];
    job.t = b->in[2];
    job.y = filled(b, &job, NULL);
    b->k->batch_norm_apply(&job);
    add_output(b, elements(&job));
    job.x = job.y = filled(b, &job, job.x);
    b->k->batch_norm_apply(&job);
    add_output(b, elements(&job));
}

/* Derivatives are tame, and then so small that what becomes of them is flushed. */
static void run_norm(const bench *b, const char *name, norm_case *norm, flavour x, flavour dy)
{
    start();
    for (size_t r = 0; r < COUNT(norm_rows); r++)
        for (size_t i = 0; i < WIDTHS; i++)
            if (sizes[i] > 0) {
                norm(b, numbers(b, norm_rows[r], sizes[i], x, dy));
                norm(b, numbers(b, norm_rows[r], sizes[i], x, TINY));
            }
    for (size_t i = 0; i < COUNT(long_sizes); i++)
        norm(b, numbers(b, norm_rows[0], long_sizes[i], x, dy));
    finish(name, "", b->dtype);
}

void digest_norms(const bench *b)
{
#define CASE_NORM(name, x, dy) run_norm(b, #name, name, x, dy);
#include "cases.def"
}
