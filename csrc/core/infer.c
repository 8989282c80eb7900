/* What is made of a network's logits, for any number of rows: outputs, and how good they are. */
#include "forward.h"
#include "fpmode.h"
#include "loss.h"
#include "pass.h"

#include <stdatomic.h>

/* ---- Outputs ----------------------------------------------------------------------------------------------------- */

typedef struct {
    const mlpc_kernels *kernels;
    mlpc_output output;
    mlpc_link link; /* of the loss */
    size_t O;
    int64_t *integers; /* (n,) or (n, O), where the output is of integers */
} prediction;
_Static_assert(sizeof(prediction) <= MLPC_SHARED, "room for it in the workspace");

/* The output of some rows from their logits; where that is of reals, z is where it goes. */
static void predict_rows(void *context, void *z, size_t first, size_t rows)
{
    const prediction *job = context;
    const mlpc_kernels *kernels = job->kernels;
    const size_t O = job->O, n = rows * O;
    if (job->output == MLPC_OUTPUT_probabilities) {
        if (job->link == MLPC_LINK_sigmoid)
            kernels->activation_forward[MLPC_ACTIVATION_sigmoid](z, z, 0, n);
        else
            kernels->rowwise[MLPC_ROWWISE_softmax](z, z, rows, O);
    } else if (job->output == MLPC_OUTPUT_prediction && job->link == MLPC_LINK_exp) {
        kernels->map[MLPC_MAP_exp](z, z, n);
    } else if (job->output == MLPC_OUTPUT_prediction && job->link == MLPC_LINK_sigmoid) {
        int64_t *positive = job->integers + first * O;
        for (size_t i = 0; i < n; i++) {
            const double logit = kernels->dtype == MLPC_FLOAT32 ? ((const float *)z)[i] : ((const double *)z)[i];
            positive[i] = logit == logit ? logit > 0 : -1;
        }
    } else if (job->output == MLPC_OUTPUT_prediction && job->link == MLPC_LINK_softmax) {
        mlpc_labels(kernels, job->integers + first, z, rows, O);
    }
}

/* What is asked of a network in use, whatever mode the workspace's next mlpc_forward is to be in. */
static mlpc_status in_eval_mode(const mlpc_forward_job *job)
{
    const int trains = job->workspace->trains;
    job->workspace->trains = 0;
    const mlpc_status status = mlpc_forward_rows(job);
    job->workspace->trains = trains;
    return status;
}

mlpc_status mlpc_forward_output(mlpc_forward_job *job, mlpc_output output, mlpc_loss_kind loss, void *to)
{
    const mlpc_link link = mlpc_loss_row_of(loss)->link;
    const int integers = output == MLPC_OUTPUT_prediction && (link == MLPC_LINK_softmax || link == MLPC_LINK_sigmoid);
    prediction *const context = job->workspace->shared;
    const size_t O = job->model.net->layers[job->model.net->n_layers - 1].n_out;
    *context = (prediction){job->model.kernels, output, link, O, integers ? to : NULL};
    job->logits = integers ? NULL : to;
    job->then = predict_rows;
    job->context = context;
    return in_eval_mode(job);
}

mlpc_status mlpc_predict(const mlpc_model *model, mlpc_workspace *workspace, mlpc_output output, mlpc_loss_kind loss,
                         void *to, const mlpc_input *x, const mlpc_poll *poll)
{
    mlpc_forward_job job = {.model = *model, .workspace = workspace, .poll = poll, .x = *x};
    return mlpc_forward_output(&job, output, loss, to);
}

/* ---- Evaluation -------------------------------------------------------------------------------------------------- */

typedef struct {
    const mlpc_kernels *kernels;
    mlpc_objective objective;
    double divisor, *row_loss; /* (n,) */
    atomic_size_t correct;     /* answers so far, of all ranks */
} judgement;
_Static_assert(sizeof(judgement) <= MLPC_SHARED, "room for it in the workspace");

static void judge(void *context, void *z, size_t first, size_t rows)
{
    judgement *const j = context;
    const mlpc_loss_kind loss = j->objective.loss.kind;
    const mlpc_objective part = mlpc_objective_from(&j->objective, first, rows, j->kernels->itemsize);
    mlpc_loss_job job = mlpc_loss_job_of(&part, j->divisor);
    job.z = z;
    job.row_loss = j->row_loss + first;
    j->kernels->loss[loss](&job);
    atomic_fetch_add_explicit(&j->correct, mlpc_count_correct(loss, j->kernels, &job), memory_order_relaxed);
}

static MLPC_NOINLINE void sum_up(const judgement *j, mlpc_evaluation *evaluation)
{
    evaluation->loss = j->kernels->sum_double(j->row_loss, j->objective.targets.n) / j->divisor;
    evaluation->accuracy = mlpc_accuracy_of(&j->objective, j->correct);
}

mlpc_status mlpc_evaluate(const mlpc_model *model, mlpc_workspace *workspace, const mlpc_objective *objective,
                          const mlpc_input *x, mlpc_evaluation *evaluation, double *row_loss, const mlpc_poll *poll)
{
    judgement *const j = workspace->shared;
    *j = (judgement){.kernels = model->kernels, .objective = *objective, .row_loss = row_loss};
    mlpc_status status = mlpc_loss_divisor(objective, model->kernels, &j->divisor, row_loss);
    if (status == MLPC_OK)
        status = in_eval_mode(&(mlpc_forward_job){
            .model = *model,
            .workspace = workspace,
            .poll = poll,
            .x = *x,
            .then = judge,
            .context = j,
        });
    if (status == MLPC_OK) {
        const mlpc_fpmode mode = mlpc_fpmode_enter();
        sum_up(j, evaluation);
        mlpc_fpmode_leave(mode);
    }
    return status;
}
