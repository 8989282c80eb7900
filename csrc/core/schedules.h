/* Learning rates as functions of time.  A part of mlpc.h. */
#ifndef MLPC_SCHEDULES_H
#define MLPC_SCHEDULES_H

#include <stddef.h>
#include <stdint.h>

#include "settings.h"

/* ---- Learning rates ---------------------------------------------------------------------------------------------- */

/* A function of the time t in epochs: a row of the table in schedules.c, which has the formulas.  Settings end where a
 * name is NULL. */
typedef struct mlpc_schedule mlpc_schedule;
typedef struct {
    const char *name;
    mlpc_setting settings[MLPC_MAX_SETTINGS];
    double (*rate)(const mlpc_schedule *schedule, double t);
} mlpc_schedule_row;

/* Row number i; NULL behind the last one.  The row of a name, or NULL. */
const mlpc_schedule_row *mlpc_schedule_row_at(size_t i);
const mlpc_schedule_row *mlpc_schedule_named(const char *name);

struct mlpc_schedule {
    const mlpc_schedule_row *row;
    double lr, warmup;                  /* where t < warmup the rate is lr t / warmup */
    double settings[MLPC_MAX_SETTINGS]; /* the row's, in its order */
};

/* The learning rate at t >= 0. */
double mlpc_learning_rate(const mlpc_schedule *schedule, double t);

/* Those of the K steps of an epoch that begins at t0: of step k at t0 + (k + 1/2) / K. */
void mlpc_learning_rates(const mlpc_schedule *schedule, double t0, size_t K, double *rates);

/* base^n by repeated squaring: the same bits everywhere, as no library's pow promises. */
double mlpc_power(double base, uint64_t n);

#endif
