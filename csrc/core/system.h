/* What the team asks of the system: POSIX's threads, which Windows has from winpthreads; and, where there are such,
 * processes that fork, and threads that no signal meets.  WebAssembly has none of them: a team of one. */
#ifndef MLPC_SYSTEM_H
#define MLPC_SYSTEM_H

#if defined(__wasi__)

#define MLPC_HAS_THREADS 0

#else

#define MLPC_HAS_THREADS 1

#include <pthread.h>

#if defined(_WIN32)

/* The only process that this memory will ever belong to. */
static inline long mlpc_process(void) { return 1; }

static inline int mlpc_watch_forks(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
    (void)before, (void)in_parent, (void)in_child;
    return 1;
}

typedef struct {
    char none;
} mlpc_signals;

static inline mlpc_signals mlpc_signals_block(void) { return (mlpc_signals){0}; }
static inline void mlpc_signals_restore(mlpc_signals before) { (void)before; }

#else

#include <signal.h>
#include <unistd.h>

/* Not 0; other numbers in other processes that are alive. */
static inline long mlpc_process(void) { return (long)getpid(); }

/* From now on each fork calls these, in the thread that makes it; 0 where memory is short. */
static inline int mlpc_watch_forks(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
    return !pthread_atfork(before, in_parent, in_child);
}

typedef sigset_t mlpc_signals;

/* Blocks, in this thread and those that it makes, the signals that any thread can take; those of a thread's own faults
 * stay, for the handlers that say where a program died.  Returns what was blocked before. */
static inline mlpc_signals mlpc_signals_block(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
    mlpc_signals blocked, before;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    return before;
}

static inline void mlpc_signals_restore(mlpc_signals before) { pthread_sigmask(SIG_SETMASK, &before, NULL); }

#endif

#endif

#endif
