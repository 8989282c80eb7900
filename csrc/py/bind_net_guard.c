/* One call at a time: whoever computes with a network keeps others out. */
#include "bind_net.h"

#include <pthread.h>

/* The networks whose calls this thread is inside of, the latest first: a callback can call another network.  A thread's
 * own list, not its number, since a thread that a child process starts can get the number of one of the parent's. */
static _Thread_local NetObject *innermost;

/* This process among its ancestors, from 1 on.  getpid() would do, but is a call of the system: 0.5 us. */
static long this_process = 1;

static void in_child(void) { this_process++; }

/* Where the list refers to a network; what it refers to is NULL where this thread is not inside of a call of it. */
static NetObject **entered(const NetObject *net)
{
    NetObject **link = &innermost;
    while (*link != NULL && *link != net)
        link = &(*link)->outer;
    return link;
}

int net_enter(NetObject *net)
{
    if (*entered(net) != NULL) {
        PyErr_SetString(net->state->in_use_error,
                        "this network is in use by the call that called back; it cannot compute before that ends");
        return -1;
    }
    if (net->busy_process == this_process) {
        PyErr_SetString(net->state->in_use_error, "this network is in use by another thread");
        return -1;
    }
    net->busy_process = this_process; /* a thread of a parent process may be in a call: fork did not take it along */
    net->outer = innermost;
    innermost = net;
    return 0;
}

void net_leave(NetObject *net)
{
    NetObject **const link = entered(net); /* not always the latest: coroutines in C switch within callbacks */
    *link = net->outer;
    net->busy_process = 0;
}

int net_guard_watches_forks(void)
{
    static int watches;
    if (!watches && pthread_atfork(NULL, NULL, in_child) != 0) {
        PyErr_NoMemory();
        return -1;
    }
    watches = 1;
    return 0;
}
