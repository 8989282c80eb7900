/* The table of schedules: learning rates over the time t in epochs.  With lr the rate to begin with, and T the setting
 * `epochs`; from t = T on those with one stay as they end.
 *   constant     lr
 *   step         lr gamma^floor(t / every)
 *   exponential  lr gamma^t
 *   cosine       minimum + (lr - minimum) (1 + cos(pi (t - warmup) / (T - warmup))) / 2
 *   polynomial   minimum + (lr - minimum) (1 - (t - warmup) / (T - warmup))^power
 *   one_cycle    half a cosine from lr / divisor up to lr until t = rise T, another one down to lr / final_divisor */
#include <math.h>
#include <string.h>

#include "fpmode.h"
#include "mlpc.h"
#include "scalar.h"

/* floor(x) for x >= 0, held below 2^53; 0 for anything else. */
static uint64_t whole(double x)
{
    const double most = 0x1p53;
    return x >= most ? (uint64_t)most : x >= 0 ? (uint64_t)x : 0;
}

double mlpc_power(double base, uint64_t n)
{
    double product = 1;
    for (; n; n >>= 1) {
        if (n & 1)
            product *= base;
        base *= base;
    }
    return product;
}

/* base^x for base >= 0 and x >= 0. */
static double real_power(double base, double x) { return x == 0 ? 1 : base == 0 ? 0 : e_exp(v_mul(x, e_log(base))); }

/* Half a cosine from `from` to `to`, the part x of it in [0, 1]. */
static double half_cosine(double from, double to, double x)
{
    const double pi = 0x1.921fb54442d18p+1;
    return v_fma((from - to) * 0.5, 1 + e_cos(pi * x), to);
}

static double constant(const mlpc_schedule *s, double t)
{
    (void)t;
    return s->lr;
}

static double step(const mlpc_schedule *s, double t)
{
    return s->lr * mlpc_power(s->settings[1], whole(t / s->settings[0]));
}

static double exponential(const mlpc_schedule *s, double t) { return s->lr * real_power(s->settings[0], t); }

static double cosine(const mlpc_schedule *s, double t)
{
    const double epochs = s->settings[0], minimum = s->settings[1], pi = 0x1.921fb54442d18p+1;
    if (t >= epochs)
        return minimum;
    const double wave = e_cos(pi * (t - s->warmup) / (epochs - s->warmup));
    return v_fma((s->lr - minimum) * 0.5, 1 + wave, minimum);
}

static double polynomial(const mlpc_schedule *s, double t)
{
    const double epochs = s->settings[0], power = s->settings[1], minimum = s->settings[2];
    if (t >= epochs)
        return minimum;
    return v_fma(s->lr - minimum, real_power((epochs - t) / (epochs - s->warmup), power), minimum);
}

static double one_cycle(const mlpc_schedule *s, double t)
{
    const double epochs = s->settings[0], top = s->settings[1] * epochs;
    const double first = s->lr / s->settings[2], last = s->lr / s->settings[3];
    if (t >= epochs)
        return last;
    return t < top ? half_cosine(first, s->lr, t / top) : half_cosine(s->lr, last, (t - top) / (epochs - top));
}

#define POSITIVE .least = 0, .most = INFINITY, .open = MLPC_OPEN_LEAST
#define AT_LEAST_0 .least = 0, .most = INFINITY

static const mlpc_schedule_row rows[] = {
    {"constant", .rate = constant},
    {"step", .settings = {{"every", 1, POSITIVE}, {"gamma", 0.1, AT_LEAST_0}}, .rate = step},
    {"exponential", .settings = {{"gamma", 0.9, AT_LEAST_0}}, .rate = exponential},
    {"cosine", .settings = {{"epochs", 1, POSITIVE}, {"minimum", 0, AT_LEAST_0}}, .rate = cosine},
    {"polynomial", .settings = {{"epochs", 1, POSITIVE}, {"power", 1, POSITIVE}, {"minimum", 0, AT_LEAST_0}},
     .rate = polynomial},
    {"one_cycle",
     .settings = {{"epochs", 1, POSITIVE},
                  {"rise", 0.3, .least = 0, .most = 1, .open = MLPC_OPEN_LEAST | MLPC_OPEN_MOST},
                  {"divisor", 25, POSITIVE},
                  {"final_divisor", 1e4, POSITIVE}},
     .rate = one_cycle},
};

const mlpc_schedule_row *mlpc_schedule_row_at(size_t i) { return i < sizeof rows / sizeof *rows ? &rows[i] : NULL; }

const mlpc_schedule_row *mlpc_schedule_named(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

static MLPC_NOINLINE void compute(const mlpc_schedule *s, const double *times, double *rates, size_t n)
{
    for (size_t i = 0; i < n; i++)
        rates[i] = times[i] < s->warmup ? s->lr * times[i] / s->warmup : s->row->rate(s, times[i]);
}

double mlpc_learning_rate(const mlpc_schedule *schedule, double t)
{
    double rate;
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    compute(schedule, &t, &rate, 1);
    mlpc_fpmode_leave(mode);
    return rate;
}

static MLPC_NOINLINE void compute_times(double *times, double t0, size_t K)
{
    for (size_t k = 0; k < K; k++)
        times[k] = t0 + ((double)k + 0.5) / (double)K;
}

void mlpc_learning_rates(const mlpc_schedule *schedule, double t0, size_t K, double *rates)
{
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    compute_times(rates, t0, K);
    compute(schedule, rates, rates, K);
    mlpc_fpmode_leave(mode);
}
