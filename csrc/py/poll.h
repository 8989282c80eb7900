/* Long calls let Python in now and then: for signals (Ctrl-C) and for a caller's tick. */
#ifndef MLPC_PY_POLL_H
#define MLPC_PY_POLL_H

#include "module.h"

#include "../core/fpmode.h"

typedef struct {
    mlpc_poll poll;        /* what the core gets */
    PyThreadState *thread; /* of the caller, while the GIL is released */
    PyObject *tick;        /* called with the rows done; NULL: no one */
    int64_t last;          /* when Python ran last, in ns */
    int ends_python;       /* the interpreter was ending when the call began: only this thread runs in it still */
    mlpc_fpmode mode;      /* the caller's; Python runs in it, and may change it */
} poll_state;

/* Releases the GIL; until poll_end the core may call state->poll.  tick is borrowed; None and NULL mean no one. */
void poll_begin(poll_state *state, PyObject *tick);

/* The same without a tick, for work of so many terms of products, and what the core is to poll: NULL where kernels that
 * take `piece` terms between two questions would not ask a second time. */
const mlpc_poll *poll_begin_work(poll_state *state, double terms, size_t piece);

/* Takes the GIL back, and leaves the caller's floating-point mode as Python left it. */
void poll_end(poll_state *state);

#endif
