#include "poll.h"

#include <time.h>

/* 50 ms: often enough for a progress bar and for Ctrl-C, seldom enough to cost nothing, since taking the GIL from
 * another thread that runs Python can take 5 ms, the interpreter's switch interval. */
#define POLL_INTERVAL INT64_C(50000000)

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

#if PY_VERSION_HEX < 0x030D0000
#define Py_IsFinalizing _Py_IsFinalizing
#endif

/* While the interpreter ends, and after it has, it must not be entered: a thread that tries is ended, or hangs, inside
 * of what it does.  Here that would be a run of a team, whose other threads would wait for ever; so the run ends first,
 * and poll_end tries.  Where the end begins between this look and the attempt it is still harmless: what the others
 * read does not lie on this thread's stack. */
static int python_is_gone(const poll_state *state)
{
    return !state->ends_python && (Py_IsFinalizing() || !Py_IsInitialized());
}

static int ask(void *context, size_t rows)
{
    poll_state *const state = context;
    if (python_is_gone(state))
        return 1;
    if (now() - state->last < POLL_INTERVAL)
        return 0;
    mlpc_fpmode_leave(state->mode);
    PyEval_RestoreThread(state->thread);
    int stop = PyErr_CheckSignals() < 0;
    if (!stop && state->tick != NULL) {
        PyObject *result = PyObject_CallFunction(state->tick, "n", (Py_ssize_t)rows);
        stop = result == NULL;
        Py_XDECREF(result);
    }
    state->thread = PyEval_SaveThread();
    state->mode = mlpc_fpmode_enter();
    state->last = now();
    return stop;
}

static void begin(poll_state *state)
{
    state->ends_python = Py_IsFinalizing();
    state->thread = PyEval_SaveThread();
    state->mode = mlpc_fpmode_enter();
}

void poll_begin(poll_state *state, PyObject *tick)
{
    state->poll = (mlpc_poll){ask, state};
    state->tick = tick == Py_None ? NULL : tick;
    state->last = now();
    begin(state);
}

const mlpc_poll *poll_begin_work(poll_state *state, double terms, size_t piece)
{
    if (terms < (double)piece) {
        begin(state);
        return NULL;
    }
    poll_begin(state, NULL);
    return &state->poll;
}

void poll_end(poll_state *state)
{
    mlpc_fpmode_leave(state->mode); /* the core has restored ours, and knows nothing of what Python may have set */
    PyEval_RestoreThread(state->thread);
}
