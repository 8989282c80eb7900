/* What the threads of one call share: rows that nobody has taken yet, and whether the caller wants the call to end.
 *
 * Only rank 0, the thread that called in, asks the caller; the others see what it was told.  A call with barriers is
 * one of phases, each up to a barrier: a rank drops what is left of the phase in which rank 0 was told to stop, and
 * leaves behind that phase's barrier, so that all leave behind the same one. */
#ifndef MLPC_SHARE_H
#define MLPC_SHARE_H

#include <stdatomic.h>

#include "mlpc.h"
#include "progress.h"

typedef struct {
    const mlpc_poll *poll; /* the caller's, or NULL; for rank 0 alone */
    size_t n, at_once;     /* rows in all, and how many of them are taken at once */
    atomic_size_t taken;   /* rows */
    atomic_size_t stopped; /* the phase, or MLPC_GOES_ON */
} mlpc_share;

#define MLPC_GOES_ON SIZE_MAX

/* Behind the barrier of a phase: 1 where the ranks leave. */
static inline int mlpc_share_ends(mlpc_share *share, size_t phase)
{
    return atomic_load_explicit(&share->stopped, memory_order_relaxed) <= phase;
}

/* To be asked between pieces of work of some milliseconds. */
static inline int mlpc_share_stopped(mlpc_share *share, size_t rank, size_t phase)
{
    if (rank == 0 && atomic_load_explicit(&share->stopped, memory_order_relaxed) == MLPC_GOES_ON &&
        mlpc_stopped(share->poll, 0))
        atomic_store_explicit(&share->stopped, phase, memory_order_relaxed);
    return mlpc_share_ends(share, phase);
}

/* Takes the next rows; 0 where there are none. */
static inline int mlpc_share_take(mlpc_share *share, size_t *first, size_t *rows)
{
    *first = atomic_fetch_add_explicit(&share->taken, share->at_once, memory_order_relaxed);
    if (*first >= share->n)
        return 0;
    *rows = share->n - *first < share->at_once ? share->n - *first : share->at_once;
    return 1;
}

#endif
