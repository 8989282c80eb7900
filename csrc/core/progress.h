/* A poll for the parts of a call: it adds how many rows of the call's data are done to what a part asks. */
#ifndef MLPC_PROGRESS_H
#define MLPC_PROGRESS_H

#include "mlpc.h"

typedef struct {
    const mlpc_poll *poll; /* the caller's, or NULL */
    size_t rows;           /* done before the part that runs */
} mlpc_progress;

static inline int mlpc_progress_ask(void *context, size_t rows)
{
    const mlpc_progress *progress = context;
    return progress->poll && progress->poll->ask(progress->poll->context, progress->rows + rows);
}

/* 1 where the caller wants the call to end. */
static inline int mlpc_stopped(const mlpc_poll *poll, size_t rows)
{
    return poll && poll->ask(poll->context, rows);
}

#endif
