/* Numbers that losses, optimizers and schedules take.  A part of mlpc.h. */
#ifndef MLPC_SETTINGS_H
#define MLPC_SETTINGS_H

/* A number that a loss, an optimizer or a schedule takes: finite, from least to most, which `open` leaves out. */
enum { MLPC_OPEN_LEAST = 1, MLPC_OPEN_MOST = 2 };
typedef struct {
    const char *name; /* NULL: there is none */
    double initial, least, most;
    int open;
} mlpc_setting;

/* Of an optimizer or a schedule. */
enum { MLPC_MAX_SETTINGS = 4 };

#endif
