/* How many CPUs this process may use. */
#ifndef MLPC_CPUS_H
#define MLPC_CPUS_H

#include <stddef.h>

/* Those that the scheduler may choose for the calling thread; at least 1. */
size_t mlpc_cpus_affinity(void);

/* Linux: the least quota of the process's control groups (versions 1 and 2, from its own group up), in CPUs and
 * rounded up; at least 1, and SIZE_MAX where there is none.  What cannot be read or understood is no quota.  root: what
 * stands before /proc and /sys, "" but for tests. */
size_t mlpc_cpus_quota(const char *root);

/* The lesser of both. */
size_t mlpc_cpus_allowed(const char *root);

#endif
