/* What the checks of the team share. */
#ifndef MLPC_TESTS_TEAM_CHECK_H
#define MLPC_TESTS_TEAM_CHECK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "../../csrc/core/mlpc.h"
#include "../../csrc/core/team.h"

extern atomic_int wrong; /* has a check failed? */

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("%s:%d: not %s\n", __FILE__, __LINE__, #condition);                                                 \
            fflush(stdout);                                                                                            \
            wrong = 1;                                                                                                 \
        }                                                                                                              \
    } while (0)

void sleep_ms(long ms);

/* The threads of this process. */
int n_threads(void);

/* Are there as many, at last?  The kernel takes a thread that was joined off the list a little later. */
int comes_to_threads(int expected);

/* The size that a run got, after each of its ranks was called once and saw what the others wrote, in each round. */
size_t size_of_run(size_t wanted, size_t rounds);

/* A run by another thread that goes on until it is told to end. */
typedef struct {
    pthread_t thread;
    atomic_int ranks, end;
} occupation;

void occupy(occupation *o);
void leave(occupation *o);

void check_fork_without_team(void);
void check_fork_idle(void);
void check_clone_idle(void);
void check_fork_busy(void);
void check_clone_busy(void);
void check_fork_within(void);

#endif
