/* The team, see team.h. */
#define _GNU_SOURCE /* signal masks, clocks */
#include "team.h"

#include "cpus.h"
#include "fpmode.h"
#include "system.h"

static _Thread_local int inside; /* of a run */

/* The mode is entered and left around a call through a pointer, over which the compiler moves no arithmetic. */
static void call(mlpc_team *team, mlpc_team_function *function, void *context, size_t rank, size_t size)
{
    const mlpc_fpmode mode = mlpc_fpmode_enter();
    inside++;
    function(context, team, rank, size);
    inside--;
    mlpc_fpmode_leave(mode);
}

#if MLPC_HAS_THREADS

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "memory.h"
#include "mlpc.h"

/* Many times what the core needs, since sanitizers and libraries that keep variables of each thread on its stack take
 * their part; the C library's default would reserve 8 MB per thread. */
#define STACK_SIZE ((size_t)1 << 20)

/* How long a thread waits awake.  Putting it to sleep and waking it costs 5 to 50 us, the parts of a batch that ranks
 * share out differ by less; a batch that keeps one rank waiting longer has better uses for the CPU. */
#define SPIN_NANOSECONDS 50000

/* Runs are judged that took so long together: a thread that slept needs a part of a millisecond to wake up, which says
 * nothing about a long run that comes next. */
#define JUDGED_NANOSECONDS INT64_C(3000000)

/* So many times as long as runs that were slower than they would have been alone, runs are alone, and at most a
 * minute. */
#define ALONE 16
#define ALONE_NANOSECONDS INT64_C(60000000000)

typedef struct worker {
    pthread_t thread;
    mlpc_team *team;
    size_t rank;
    pthread_cond_t called; /* has_job has been set, or the team is ending */
    int has_job;           /* until it has begun */
    struct worker *next;   /* of the next higher rank */
} worker;

/* What ranks write while others wait has cache lines of its own. */
struct mlpc_team {
    alignas(MLPC_ALIGNMENT) atomic_size_t arrived;  /* at barriers, in all of this run: round r is over at r * size */
    alignas(MLPC_ALIGNMENT) atomic_size_t returned; /* workers that have returned from the function */
    alignas(MLPC_ALIGNMENT) atomic_size_t sleepers; /* ranks that wait asleep; changes under the lock */
    size_t size;
    int spins;           /* each rank has a CPU: waiting awake keeps nobody from working */
    int64_t took;        /* by runs that are not yet judged */
    int64_t took_alone;  /* what they would have taken alone */
    int64_t alone_until; /* on the clock of nanoseconds() */
    unsigned forks;      /* as it was when the run began */
    mlpc_team_function *function;
    void *context;

    pthread_mutex_t lock;
    pthread_cond_t moved; /* arrived or returned has reached what a sleeper may wait for */

    long process; /* whose threads the workers are */
    size_t n_workers;
    worker *first, *last;
    int ending;
};

/* The process's team, or NULL; belongs to the thread that has taken it. */
static mlpc_team *the_team;

/* The process one of whose threads has taken the team, or 0.  A process and not a flag: a fork while another thread has
 * it would leave the child without a team for ever. */
static atomic_long taken_by;

/* How many forks lie between the first process and this one. */
static atomic_uint forks;

static atomic_int gives_way = 1;

static _Thread_local int64_t in_vain;    /* nanoseconds that this thread waited until it fell asleep, and asleep */
static _Thread_local int taken_for_fork; /* by this thread, until its fork is made */

static int take(void)
{
    const long process = mlpc_process();
    long owner = atomic_load(&taken_by);
    return owner != process && atomic_compare_exchange_strong(&taken_by, &owner, process);
}

static void release(void) { atomic_store(&taken_by, 0); }

/* ---- Waiting ------------------------------------------------------------------------------------------------- */

static inline void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb"); /* yield does nothing on most */
#endif
}

static int64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* 1 as soon as the counter has reached the target, 0 when the time is over.  The clock costs 20 ns, or a system call
 * where there is no quick one: not on the first hundred looks. */
static int reached_awake(atomic_size_t *counter, size_t target)
{
    int64_t end = 0;
    for (;;) {
        for (int look = 0; look < 100; look++) {
            if (atomic_load_explicit(counter, memory_order_acquire) >= target)
                return 1;
            pause_cpu();
        }
        const int64_t now = nanoseconds();
        if (!end)
            end = now + SPIN_NANOSECONDS;
        if (now >= end)
            return 0;
    }
}

/* In a child process that was forked within the run, the other ranks and what they had locked are lost. */
static void stop_in_child(const mlpc_team *team)
{
    if (team->forks != atomic_load_explicit(&forks, memory_order_relaxed))
        abort();
}

static void wait_for(mlpc_team *team, atomic_size_t *counter, size_t target)
{
    if (team->spins && reached_awake(counter, target))
        return;
    const int64_t began = nanoseconds() - (team->spins ? SPIN_NANOSECONDS : 0);
    pthread_mutex_lock(&team->lock);
    atomic_fetch_add(&team->sleepers, 1);
    while (atomic_load(counter) < target)
        pthread_cond_wait(&team->moved, &team->lock);
    atomic_fetch_sub(&team->sleepers, 1);
    pthread_mutex_unlock(&team->lock);
    in_vain += nanoseconds() - began;
}

/* After the counter has moved to where somebody may wait for it.  Sequential consistency: either this sees the sleeper,
 * or the sleeper saw the counter. */
static void wake_sleepers(mlpc_team *team)
{
    if (atomic_load(&team->sleepers)) {
        pthread_mutex_lock(&team->lock);
        pthread_cond_broadcast(&team->moved);
        pthread_mutex_unlock(&team->lock);
    }
}

void mlpc_team_barrier(mlpc_team *team)
{
    const size_t size = team->size;
    if (size == 1)
        return;
    stop_in_child(team);
    const size_t arrived = atomic_fetch_add(&team->arrived, 1) + 1;
    const size_t round = (arrived + size - 1) / size;
    if (arrived == round * size)
        wake_sleepers(team);
    else
        wait_for(team, &team->arrived, round * size);
}

/* ---- Workers ------------------------------------------------------------------------------------------------- */

/* Sleeps until there is a job; 0 where the team ends instead. */
static int next_job(mlpc_team *team, worker *self)
{
    pthread_mutex_lock(&team->lock);
    while (!self->has_job && !team->ending)
        pthread_cond_wait(&self->called, &team->lock);
    const int has_job = self->has_job;
    self->has_job = 0;
    pthread_mutex_unlock(&team->lock);
    return has_job;
}

static void *work(void *argument)
{
    worker *const self = argument;
    mlpc_team *const team = self->team;
    while (next_job(team, self)) {
        const size_t others = team->size - 1;
        call(team, team->function, team->context, self->rank, others + 1);
        stop_in_child(team);
        if (atomic_fetch_add(&team->returned, 1) + 1 == others)
            wake_sleepers(team);
    }
    return NULL;
}

/* Starts the worker's thread, with signals blocked; 0 where there can be no thread. */
static int start(worker *self)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes))
        return 0;
    int failed = pthread_attr_setstacksize(&attributes, STACK_SIZE);
    if (!failed) {
        const mlpc_signals before = mlpc_signals_block();
        failed = pthread_create(&self->thread, &attributes, work, self);
        mlpc_signals_restore(before);
    }
    pthread_attr_destroy(&attributes);
    return !failed;
}

/* One more worker; 0 where there can be none. */
static int add_worker(mlpc_team *team)
{
    worker *const self = mlpc_block_alloc(sizeof *self);
    if (!self)
        return 0;
    self->team = team;
    self->rank = team->n_workers + 1;
    pthread_cond_init(&self->called, NULL);
    if (!start(self)) {
        pthread_cond_destroy(&self->called);
        mlpc_block_free(self);
        return 0;
    }
    *(team->last ? &team->last->next : &team->first) = self;
    team->last = self;
    team->n_workers++;
    return 1;
}

static void free_team(mlpc_team *team)
{
    pthread_mutex_lock(&team->lock);
    team->ending = 1;
    for (worker *w = team->first; w; w = w->next)
        pthread_cond_signal(&w->called);
    pthread_mutex_unlock(&team->lock);
    for (worker *w = team->first, *next; w; w = next) {
        next = w->next;
        pthread_join(w->thread, NULL);
        pthread_cond_destroy(&w->called);
        mlpc_block_free(w);
    }
    pthread_cond_destroy(&team->moved);
    pthread_mutex_destroy(&team->lock);
    mlpc_block_free(team);
}

/* ---- fork ---------------------------------------------------------------------------------------------------- */

/* An idle team ends before the fork: nothing of it is lost in the child, and Python sees one thread less to warn of. */
static void before_fork(void)
{
    if (!take())
        return;
    taken_for_fork = 1;
    if (the_team && the_team->process == mlpc_process())
        free_team(the_team);
    the_team = NULL;
}

static void after_fork_in_parent(void)
{
    if (taken_for_fork)
        release();
    taken_for_fork = 0;
}

/* A team that was busy is left as it lies: its lock and its threads mean nothing here.  That its process is another one
 * would say so too, but for numbers of processes, which come again. */
static void after_fork_in_child(void)
{
    the_team = NULL;
    taken_for_fork = 0;
    atomic_fetch_add(&forks, 1);
    release();
}

/* ---- Runs ---------------------------------------------------------------------------------------------------- */

/* The team with at least so many workers, or NULL.  The caller has taken it. */
static mlpc_team *team_with(size_t n_workers)
{
    static int forks_watched;
    const long process = mlpc_process();
    if (!forks_watched) {
        if (!mlpc_watch_forks(before_fork, after_fork_in_parent, after_fork_in_child))
            return NULL;
        forks_watched = 1;
    }
    if (the_team && the_team->process != process)
        the_team = NULL; /* a clone past the handlers: left as after a fork */
    if (!the_team) {
        if (!(the_team = mlpc_block_alloc(sizeof *the_team)))
            return NULL;
        the_team->process = process;
        pthread_mutex_init(&the_team->lock, NULL);
        pthread_cond_init(&the_team->moved, NULL);
    }
    while (the_team->n_workers < n_workers)
        if (!add_worker(the_team))
            return NULL;
    return the_team;
}

/* Whether the latest runs, the last of which began and ended then, would have been done sooner alone. */
static void judge(mlpc_team *team, int64_t began, int64_t ended)
{
    team->took += ended - began;
    team->took_alone += (int64_t)team->size * (ended - began - in_vain);
    if (team->took < JUDGED_NANOSECONDS)
        return;
    const int64_t span = ALONE * team->took;
    if (team->took_alone < team->took)
        team->alone_until = ended + (span < ALONE_NANOSECONDS ? span : ALONE_NANOSECONDS);
    team->took = team->took_alone = 0;
}

static void run(mlpc_team *team, size_t size, mlpc_team_function *function, void *context)
{
    atomic_store(&team->arrived, 0);
    atomic_store(&team->returned, 0);
    team->size = size;
    team->spins = size <= mlpc_cpus_affinity();
    team->forks = atomic_load(&forks);
    team->function = function;
    team->context = context;
    const int64_t began = nanoseconds();
    in_vain = 0;
    pthread_mutex_lock(&team->lock);
    for (worker *w = team->first; w && w->rank < size; w = w->next) {
        w->has_job = 1;
        pthread_cond_signal(&w->called);
    }
    pthread_mutex_unlock(&team->lock);
    call(team, function, context, 0, size);
    stop_in_child(team);
    wait_for(team, &team->returned, size - 1);
    if (team->spins)
        judge(team, began, nanoseconds());
}

static int gives_way_now(const mlpc_team *team) { return gives_way && nanoseconds() < team->alone_until; }

size_t mlpc_team_run(size_t wanted, mlpc_team_function *function, void *context)
{
    if (wanted > 1 && !inside && take()) {
        mlpc_team *const team = team_with(wanted - 1);
        const int runs = team && !gives_way_now(team);
        if (runs)
            run(team, wanted, function, context);
        release();
        if (runs)
            return wanted;
    }
    mlpc_team alone = {.size = 1};
    call(&alone, function, context, 0, 1);
    return 1;
}

void mlpc_team_give_way(int whether) { gives_way = whether; }

#else

struct mlpc_team {
    char alone;
};

size_t mlpc_team_run(size_t wanted, mlpc_team_function *function, void *context)
{
    (void)wanted;
    call(&(mlpc_team){0}, function, context, 0, 1);
    return 1;
}

void mlpc_team_barrier(mlpc_team *team) { (void)team; }
void mlpc_team_give_way(int whether) { (void)whether; }

#endif

/* ---- Shares -------------------------------------------------------------------------------------------------- */

void mlpc_team_share(size_t n, size_t group, size_t rank, size_t size, size_t *from, size_t *to)
{
    const size_t groups = (n + group - 1) / group;
    const size_t first = (groups * rank + size - 1) / size * group;
    const size_t end = (groups * (rank + 1) + size - 1) / size * group;
    *from = first < n ? first : n;
    *to = end < n ? end : n;
}

size_t mlpc_team_size(double work, double least, size_t most)
{
    const double size = work / least;
    return size < 2 || most < 2 ? 1 : size < (double)most ? (size_t)size : most;
}

size_t mlpc_team_cpus(void) { return mlpc_cpus_allowed(""); }
