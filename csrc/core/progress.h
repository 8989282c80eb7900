/* A poll for the parts of an epoch, which ask without knowing how many rows were done before them. */
#ifndef MLPC_PROGRESS_H
#define MLPC_PROGRESS_H

#include "mlpc.h"

typedef struct {
    const mlpc_poll *poll; /* the caller's, or NULL */
    size_t rows;           /* done before the part that runs */
} mlpc_progress;

static inline int mlpc_progress_ask(void *context, size_t rows)
{
    (void)rows;
    const mlpc_progress *progress = context;
    return progress->poll && progress->poll->ask(progress->poll->context, progress->rows);
}

/* 1 where the caller wants the call to end. */
static inline int mlpc_stopped(const mlpc_poll *poll, size_t rows) { return poll && poll->ask(poll->context, rows); }

#endif
