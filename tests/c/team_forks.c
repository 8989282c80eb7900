/* Checks of the team where a process forks: before it has threads, between runs, in a run, past the handlers. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "team_check.h"

/* How a child ended that the caller has forked, as a shell would say it; it is killed after 5 minutes. */
static int ending(pid_t child)
{
    int status = 0;
    for (int ms = 0; ms < 300000; ms++) {
        if (waitpid(child, &status, WNOHANG) == child)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        sleep_ms(1);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    printf("the child hangs\n");
    return 128 + SIGKILL;
}

/* In a child just made: a team works, twice, and in a grandchild too. */
static void work_in_child(void)
{
    wrong = 0;
    CHECK(n_threads() == 1);
    CHECK(size_of_run(3, 10) == 3);
    CHECK(size_of_run(2, 10) == 2);
    const pid_t grandchild = fork();
    if (grandchild == 0)
        _exit(size_of_run(2, 10) != 2 || wrong);
    CHECK(ending(grandchild) == 0);
    _exit(wrong);
}

void check_fork_without_team(void)
{
    const pid_t child = fork();
    if (child == 0)
        work_in_child();
    CHECK(ending(child) == 0);
    CHECK(n_threads() == 1);
}

/* The parent's threads end before it forks, and there are new ones after. */
void check_fork_idle(void)
{
    CHECK(size_of_run(4, 10) == 4);
    const pid_t child = fork();
    if (child == 0)
        work_in_child();
    CHECK(comes_to_threads(1));
    CHECK(ending(child) == 0);
    CHECK(size_of_run(3, 10) == 3);
    CHECK(n_threads() == 3);
}

/* Past fork's handlers, as a sandbox or another runtime may. */
static pid_t fork_by_system_call(void) { return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }

void check_clone_idle(void)
{
    CHECK(size_of_run(4, 10) == 4);
    const pid_t child = fork_by_system_call();
    if (child == 0)
        work_in_child();
    CHECK(ending(child) == 0);
    CHECK(size_of_run(4, 10) == 4);
}

/* While another thread is in a run, which goes on undisturbed. */
static void fork_while_busy(pid_t (*make_child)(void))
{
    occupation o;
    occupy(&o);
    const pid_t child = make_child();
    if (child == 0)
        work_in_child();
    CHECK(ending(child) == 0);
    CHECK(size_of_run(2, 10) == 1);
    leave(&o);
    CHECK(size_of_run(2, 10) == 2);
}

void check_fork_busy(void) { fork_while_busy(fork); }

void check_clone_busy(void) { fork_while_busy(fork_by_system_call); }

/* The child has one rank of the run that it was forked in: it computes alone, and cannot go on with the run. */
typedef struct {
    size_t rank; /* that forks */
    int barrier; /* does it wait for the others once more, or only return? */
    int ending;
} forking;

static void forking_rank(void *context, mlpc_team *team, size_t rank, size_t size)
{
    (void)size;
    forking *const f = context;
    mlpc_team_barrier(team);
    if (rank == f->rank) {
        const pid_t child = fork();
        if (child == 0) {
            if (size_of_run(2, 10) != 1 || wrong)
                _exit(1);
            if (!f->barrier)
                return;
        } else {
            f->ending = ending(child);
        }
    }
    mlpc_team_barrier(team);
}

void check_fork_within(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    for (size_t rank = 0; rank < 2; rank++)
        for (int barrier = 0; barrier < 2; barrier++) {
            forking f = {.rank = rank, .barrier = barrier};
            CHECK(mlpc_team_run(2, forking_rank, &f) == 2);
            CHECK(f.ending == 128 + SIGABRT);
        }
    CHECK(size_of_run(2, 10) == 2);
}
