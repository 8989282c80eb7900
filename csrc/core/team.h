/* The team: threads that share one call of the core.
 *
 * There is one team per process, without threads until the first run that wants more than one.  Between runs its
 * threads sleep; within a run they wait for each other awake, for a time too short to matter to anyone else.  There is
 * no queue: whoever finds the team taken computes alone, so nobody waits for another caller and nothing can deadlock.
 * Results must not depend on the number of threads (docs/arithmetic.md: elements are shared out, sums never are).
 *
 * fork.  A child may run teams whatever the parent's threads were doing.  A fork made within a run leaves the child
 * with one rank of it; that child may compute, alone, but cannot go on with the run: where it would wait for ever, at a
 * barrier or at the end of the run, it is aborted.
 */
#ifndef MLPC_TEAM_H
#define MLPC_TEAM_H

#include <stddef.h>

typedef struct mlpc_team mlpc_team; /* what the threads of one run share */

/* rank 0..size-1; rank 0 is the calling thread.  Called in the core's floating-point mode, see fpmode.h, on a stack of
 * 1 MB, with all signals blocked that another thread could take. */
typedef void mlpc_team_function(void *context, mlpc_team *team, size_t rank, size_t size);

/* Runs the function on `size` threads, the caller among them, and returns when all have returned; what they wrote is
 * seen then.  Where the function asks whether to go on, what its context holds must not lie on the caller's stack: see
 * pass.h.  Returns the size that was used: `wanted`, or 1 where the team is busy (another thread's run), we are inside
 * a run, wanted <= 1, threads cannot be made, or the team gives way.  Restores the caller's floating-point mode. */
size_t mlpc_team_run(size_t wanted, mlpc_team_function *function, void *context);

/* Whether the team gives way, as it does unless told otherwise: where other processes keep the CPUs busy, ranks wait
 * asleep for those that are not let in, and a run of many barriers takes several times as long as on one thread.  After
 * some milliseconds of runs in which the caller waited asleep so long that they would have been done alone by then,
 * runs are on one thread for 16 times as long as these took, a minute at most: so that all of it is slowed down by
 * little, whatever the others do. */
void mlpc_team_give_way(int whether);

/* All ranks of the run wait here for each other; memory written before is seen after.  With size 1 it returns at
 * once. */
void mlpc_team_barrier(mlpc_team *team);

/* How many threads, 1 to `most`, so much work is for where each is to get `least` of it. */
size_t mlpc_team_size(double work, double least, size_t most);

/* A rank's share of n things, in whole groups of them: *from to *to - 1.  The first ranks have a group more than the
 * last ones, so that rank 0, which alone can be told to stop, is at work as long as any other. */
void mlpc_team_share(size_t n, size_t group, size_t rank, size_t size, size_t *from, size_t *to);

#endif
