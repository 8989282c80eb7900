/* Losses: divisors, checks of targets, sums over rows.  What happens inside a row is a kernel's. */
#include "loss.h"

#include <math.h>
#include <string.h>

#include "fpmode.h"
#include "pass.h"

static double real_at(const void *x, mlpc_dtype dtype, size_t i)
{
    return dtype == MLPC_FLOAT32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

/* ---- What targets may be ----------------------------------------------------------------------------------------- */

/* Without a branch, so that compilers make vectors of it; NaN counts as inside. */
static int floats_inside(const float *x, size_t n, float least, float most)
{
    int outside = 0;
    for (size_t i = 0; i < n; i++)
        outside |= (x[i] < least) | (x[i] > most);
    return !outside;
}

static int doubles_inside(const double *x, size_t n, double least, double most)
{
    int outside = 0;
    for (size_t i = 0; i < n; i++)
        outside |= (x[i] < least) | (x[i] > most);
    return !outside;
}

/* Are n values from the rule's least to its most, and finite? */
static int all_inside(const mlpc_target_rule *rule, const mlpc_kernels *kernels, const void *x, size_t n)
{
    if (!kernels->all_finite(x, n))
        return 0;
    if (rule->least == -INFINITY && rule->most == INFINITY)
        return 1;
    return kernels->dtype == MLPC_FLOAT32 ? floats_inside(x, n, (float)rule->least, (float)rule->most)
                                          : doubles_inside(x, n, rule->least, rule->most);
}

/* Values that are read once, and lie in the first-level cache while they are looked at. */
enum { PIECE = 2048 };

static MLPC_NOINLINE mlpc_status check_values(const mlpc_objective *objective, const mlpc_kernels *kernels,
                                              mlpc_bad_target *bad)
{
    const mlpc_target_rule *const rule = &mlpc_loss_row_of(objective->loss.kind)->targets;
    const char *const values = objective->targets.values;
    const size_t n = objective->targets.n, O = objective->targets.O;
    const size_t size = kernels->itemsize, piece = rule->rows_sum_to_one ? O : PIECE;
    for (size_t i = 0; i < n * O; i += piece) {
        const size_t m = n * O - i < piece ? n * O - i : piece;
        size_t j = 0;
        if (!all_inside(rule, kernels, values + i * size, m)) {
            while (j + 1 < m && all_inside(rule, kernels, values + (i + j) * size, 1))
                j++; /* to the last one at most: another thread may have mended what was found */
            *bad = (mlpc_bad_target){.row = (i + j) / O, .column = (i + j) % O};
            return MLPC_ERROR_TARGET;
        }
        const double sum = rule->rows_sum_to_one ? kernels->sum(values + i * size, O) : 1;
        if (!(fabs(sum - 1) <= MLPC_SUM_TOLERANCE)) {
            *bad = (mlpc_bad_target){.row = i / O, .column = O, .sum = sum};
            return MLPC_ERROR_TARGET;
        }
    }
    return MLPC_OK;
}

static mlpc_status check_labels(const mlpc_targets *targets, size_t *bad_row)
{
    for (size_t i = 0; i < targets->n; i++)
        if (targets->labels[i] < 0 || (uint64_t)targets->labels[i] >= targets->O) {
            *bad_row = i;
            return MLPC_ERROR_LABEL;
        }
    return MLPC_OK;
}

mlpc_status mlpc_targets_check(const mlpc_objective *objective, const mlpc_kernels *kernels, mlpc_bad_target *bad)
{
    if (objective->targets.labels)
        return check_labels(&objective->targets, &bad->row);
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    const mlpc_status status = check_values(objective, kernels, bad);
    mlpc_fpmode_leave(mode);
    return status;
}

/* ---- Divisors and sums ------------------------------------------------------------------------------------------- */

static int has_classes(const mlpc_loss *loss) { return mlpc_loss_row_of(loss->kind)->link == MLPC_LINK_softmax; }

/* The divisor D of mlpc.h's formula; `weights` (n,) is scratch. */
static double divisor_of(const mlpc_objective *objective, const mlpc_kernels *kernels, double *weights)
{
    const mlpc_loss *const loss = &objective->loss;
    const mlpc_targets *const targets = &objective->targets;
    const int by_class = has_classes(loss) && loss->weight && targets->labels;
    if (loss->mean == 0)
        return 1;
    for (size_t i = 0; i < targets->n; i++) {
        weights[i] = targets->sample_weight ? targets->sample_weight[i] : 1;
        if (by_class)
            weights[i] *= real_at(loss->weight, kernels->dtype, (size_t)targets->labels[i]);
    }
    const double total = kernels->sum_double(weights, targets->n);
    return (has_classes(loss) ? total : total * (double)targets->O) / loss->mean;
}

mlpc_loss_job mlpc_loss_job_of(const mlpc_objective *objective, double divisor)
{
    const mlpc_targets *const targets = &objective->targets;
    return (mlpc_loss_job){
        .B = targets->n,
        .O = targets->O,
        .z_row = targets->O,
        .labels = targets->labels,
        .values = targets->values,
        .sample_weight = targets->sample_weight,
        .divisor = divisor,
        .setting = objective->loss.setting,
        .weight = objective->loss.weight,
        .dz_row = targets->O,
    };
}

static MLPC_NOINLINE mlpc_status find_divisor(const mlpc_objective *objective, const mlpc_kernels *kernels,
                                              double *divisor, double *scratch)
{
    *divisor = divisor_of(objective, kernels, scratch);
    return objective->targets.n > 0 && *divisor > 0 && *divisor - *divisor == 0 ? MLPC_OK : MLPC_ERROR_WEIGHTS;
}

mlpc_status mlpc_loss_divisor(const mlpc_objective *objective, const mlpc_kernels *kernels, double *divisor,
                              double *scratch)
{
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    const mlpc_status status = find_divisor(objective, kernels, divisor, scratch);
    mlpc_fpmode_leave(mode);
    return status;
}

static MLPC_NOINLINE mlpc_status evaluate_rows(const mlpc_objective *objective, const mlpc_kernels *kernels,
                                               const void *z, double *value, void *dz, double *row_loss,
                                               const mlpc_poll *poll)
{
    double divisor;
    const size_t n = objective->targets.n, O = objective->targets.O, bytes = O * kernels->itemsize;
    const size_t most = mlpc_piece(kernels, n, MLPC_ACTIVATION_TERMS, O);
    const mlpc_status status = find_divisor(objective, kernels, &divisor, row_loss);
    if (status != MLPC_OK)
        return status;
    for (size_t b = 0; b < n; b += most) {
        const mlpc_objective part = mlpc_objective_from(objective, b, n - b < most ? n - b : most, kernels->itemsize);
        if (mlpc_stopped(poll, 0))
            return MLPC_ERROR_INTERRUPTED;
        mlpc_loss_job job = mlpc_loss_job_of(&part, divisor);
        job.z = (const char *)z + b * bytes;
        job.dz = dz ? (char *)dz + b * bytes : NULL;
        job.row_loss = row_loss + b;
        kernels->loss[objective->loss.kind](&job);
    }
    *value = kernels->sum_double(row_loss, n) / divisor;
    return MLPC_OK;
}

mlpc_status mlpc_loss_evaluate(const mlpc_objective *objective, const mlpc_kernels *kernels, const void *z,
                               double *value, void *dz, double *row_loss, const mlpc_poll *poll)
{
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    const mlpc_status status = evaluate_rows(objective, kernels, z, value, dz, row_loss, poll);
    mlpc_fpmode_leave(mode);
    return status;
}

double mlpc_loss_terms(size_t n, size_t O) { return MLPC_ACTIVATION_TERMS * (double)n * (double)O; }

/* The first of the largest of n numbers; -1 where one is NaN, which has no place among them. */
static int64_t first_largest(const void *x, mlpc_dtype dtype, size_t from, size_t n)
{
    int64_t best = 0;
    double largest = real_at(x, dtype, from);
    if (largest != largest)
        return -1;
    for (size_t j = 1; j < n; j++) {
        const double value = real_at(x, dtype, from + j);
        if (largest < value) {
            largest = value;
            best = (int64_t)j;
        } else if (value != value) {
            return -1;
        }
    }
    return best;
}

static MLPC_NOINLINE void label_rows(const mlpc_kernels *kernels, int64_t *labels, const void *z, size_t n, size_t O)
{
    for (size_t i = 0; i < n; i++)
        labels[i] = first_largest(z, kernels->dtype, i * O, O);
}

void mlpc_labels(const mlpc_kernels *kernels, int64_t *labels, const void *z, size_t n, size_t O)
{
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    label_rows(kernels, labels, z, n, O);
    mlpc_fpmode_leave(mode);
}

size_t mlpc_count_correct(mlpc_loss_kind loss, const mlpc_kernels *kernels, const mlpc_loss_job *rows)
{
    const mlpc_dtype dtype = kernels->dtype;
    const mlpc_link link = mlpc_loss_row_of(loss)->link;
    const size_t O = rows->O;
    size_t correct = 0;
    for (size_t i = 0; i < rows->B && link == MLPC_LINK_softmax; i++) {
        const int64_t label = rows->labels ? rows->labels[i] : first_largest(rows->values, dtype, i * O, O);
        correct += first_largest(rows->z, dtype, i * rows->z_row, O) == label;
    }
    for (size_t i = 0; i < rows->B && link == MLPC_LINK_sigmoid; i++)
        for (size_t j = 0; j < O; j++) {
            const double logit = real_at(rows->z, dtype, i * rows->z_row + j);
            correct += logit == logit && (logit > 0) == (real_at(rows->values, dtype, i * O + j) > 0.5);
        }
    return correct;
}

double mlpc_accuracy_of(const mlpc_objective *objective, size_t correct)
{
    const int by_element = mlpc_loss_row_of(objective->loss.kind)->link == MLPC_LINK_sigmoid;
    const double n = (double)objective->targets.n;
    return (double)correct / (by_element ? n * (double)objective->targets.O : n);
}

void mlpc_targets_gather(const mlpc_targets *targets, const mlpc_target_rows *rows, size_t at, const size_t *order,
                         size_t n, size_t itemsize)
{
    const size_t bytes = targets->O * itemsize;
    for (size_t i = 0; i < n; i++) {
        if (targets->labels)
            rows->labels[at + i] = targets->labels[order[i]];
        else
            memcpy((char *)rows->values + (at + i) * bytes, (const char *)targets->values + order[i] * bytes, bytes);
        if (targets->sample_weight)
            rows->sample_weight[at + i] = targets->sample_weight[order[i]];
    }
}

mlpc_objective mlpc_objective_of_rows(const mlpc_objective *objective, const mlpc_target_rows *rows, size_t B)
{
    const mlpc_targets *const targets = &objective->targets;
    return (mlpc_objective){
        .loss = objective->loss,
        .targets.n = B,
        .targets.O = targets->O,
        .targets.labels = targets->labels ? rows->labels : NULL,
        .targets.values = targets->labels ? NULL : rows->values,
        .targets.sample_weight = targets->sample_weight ? rows->sample_weight : NULL,
    };
}

mlpc_objective mlpc_objective_from(const mlpc_objective *objective, size_t row, size_t n, size_t itemsize)
{
    mlpc_objective from = *objective;
    mlpc_targets *const targets = &from.targets;
    targets->n = n;
    if (targets->labels)
        targets->labels += row;
    if (targets->values)
        targets->values = (const char *)targets->values + row * targets->O * itemsize;
    if (targets->sample_weight)
        targets->sample_weight += row;
    return from;
}
