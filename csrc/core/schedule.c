/* Learning rates over time. */
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

static MLPC_NOINLINE void learning_rate(double *rate, const mlpc_schedule *s, double t)
{
    *rate = s->lr;
    if (t < s->warmup) {
        *rate = s->lr * t / s->warmup;
    } else if (s->kind == MLPC_SCHEDULE_step) {
        *rate = s->lr * mlpc_power(s->gamma, whole(t / s->every));
    } else if (s->kind == MLPC_SCHEDULE_cosine) {
        const double pi = 0x1.921fb54442d18p+1;
        *rate = s->minimum;
        if (t < s->epochs) {
            const double wave = e_cos(pi * (t - s->warmup) / (s->epochs - s->warmup));
            *rate = v_fma((s->lr - s->minimum) * 0.5, 1 + wave, s->minimum);
        }
    }
}

double mlpc_learning_rate(const mlpc_schedule *schedule, double t)
{
    double rate;
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    learning_rate(&rate, schedule, t);
    mlpc_fpmode_leave(mode);
    return rate;
}
