/* The table of optimizers: what each one is told, keeps, and makes of both for the kernel of its step, whose formula
 * kernels/tmpl/step_rules.inc has.
 *   sgd      Sutskever et al., 2013, in the form of PyTorch
 *   adam     Kingma and Ba, 2015, algorithm 1;  adamw: Loshchilov and Hutter, 2019, algorithm 2
 *   rmsprop  Tieleman and Hinton, 2012, lecture 6.5; centered: Graves, 2013
 *   adagrad  Duchi, Hazan and Singer, 2011
 *   rprop    Riedmiller and Braun, 1993 */
#include <math.h>
#include <string.h>

#include "../kernels/kernels.h"
#include "mlpc.h"
#include "scalar.h"

#define BELOW_1 .least = 0, .most = 1, .open = MLPC_OPEN_MOST
#define POSITIVE .least = 0, .most = INFINITY, .open = MLPC_OPEN_LEAST
#define AT_LEAST_0 .least = 0, .most = INFINITY
#define FLAG .least = 0, .most = 1

#define OWN(i) coefficients[MLPC_COEFFICIENT_own + (i)]

static void prepare_sgd(double *coefficients, const double *settings, double lr, double t)
{
    (void)t;
    coefficients[MLPC_COEFFICIENT_rate] = lr;
    OWN(0) = settings[0];
    OWN(1) = settings[1];
}

static void prepare_adam(double *coefficients, const double *settings, double lr, double t)
{
    coefficients[MLPC_COEFFICIENT_rate] = lr / (1 - mlpc_power(settings[0], (uint64_t)t));
    OWN(0) = settings[0];
    OWN(1) = settings[1];
    OWN(2) = settings[2];
    OWN(3) = 1 / v_sqrt(1 - mlpc_power(settings[1], (uint64_t)t));
}

/* The kernel's own are its first three settings; what is centered has another state. */
static void prepare_rmsprop(double *coefficients, const double *settings, double lr, double t)
{
    (void)t;
    coefficients[MLPC_COEFFICIENT_rate] = lr;
    for (size_t i = 0; i < 3; i++)
        OWN(i) = settings[i];
}

static void prepare_adagrad(double *coefficients, const double *settings, double lr, double t)
{
    coefficients[MLPC_COEFFICIENT_rate] = lr / (1 + v_mul(t - 1, settings[1]));
    OWN(0) = settings[0];
}

static void prepare_rprop(double *coefficients, const double *settings, double lr, double t)
{
    (void)t;
    coefficients[MLPC_COEFFICIENT_rate] = lr;
    for (size_t i = 0; i < 4; i++)
        OWN(i) = settings[i];
}

static const mlpc_optimizer_row rows[] = {
    {.name = "sgd",
     .step = MLPC_STEP_sgd,
     .settings = {{"momentum", 0, BELOW_1}, {"nesterov", 0, FLAG}},
     .states = {{"velocity", .needs = 1}},
     .prepare = prepare_sgd},
    {.name = "adam",
     .step = MLPC_STEP_adam,
     .settings = {{"beta1", 0.9, BELOW_1}, {"beta2", 0.999, BELOW_1}, {"eps", 1e-8, POSITIVE}},
     .states = {{"mean", .needs = 0}, {"square", .needs = 0}},
     .counts = 1,
     .prepare = prepare_adam},
    {.name = "adamw",
     .step = MLPC_STEP_adam,
     .settings = {{"beta1", 0.9, BELOW_1}, {"beta2", 0.999, BELOW_1}, {"eps", 1e-8, POSITIVE}},
     .states = {{"mean", .needs = 0}, {"square", .needs = 0}},
     .decoupled = 1,
     .counts = 1,
     .prepare = prepare_adam},
    {.name = "rmsprop",
     .step = MLPC_STEP_rmsprop,
     .settings = {{"alpha", 0.99, BELOW_1}, {"eps", 1e-8, POSITIVE}, {"momentum", 0, BELOW_1}, {"centered", 0, FLAG}},
     .states = {{"square", .needs = 0}, {"velocity", .needs = 3}, {"mean", .needs = 4}},
     .prepare = prepare_rmsprop},
    {.name = "adagrad",
     .step = MLPC_STEP_adagrad,
     .settings = {{"eps", 1e-10, POSITIVE}, {"lr_decay", 0, AT_LEAST_0}},
     .states = {{"sum", .needs = 0}},
     .counts = 1,
     .prepare = prepare_adagrad},
    {.name = "rprop",
     .step = MLPC_STEP_rprop,
     .settings = {{"eta_minus", 0.5, BELOW_1},
                  {"eta_plus", 1.2, .least = 1, .most = INFINITY, .open = MLPC_OPEN_LEAST},
                  {"step_min", 1e-6, POSITIVE},
                  {"step_max", 50, POSITIVE}},
     .states = {{"before", .needs = 0}, {"size", .needs = 0}},
     .prepare = prepare_rprop},
};

const mlpc_optimizer_row *mlpc_optimizer_row_at(size_t i) { return i < sizeof rows / sizeof *rows ? &rows[i] : NULL; }

const mlpc_optimizer_row *mlpc_optimizer_named(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}
