/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_SPAWN_H
#define HEALTH_SPAWN_H

#include <apr_errno.h>
#include <apr_pools.h>

#include <sys/types.h>

/*
 * A program in a process group of its own, started from a thread of a process that has many: by
 * posix_spawn, which shares no locks of ours with the new process. It has an empty standard input,
 * and its output and errors in one pipe; no other descriptor of ours. One thread at a time.
 */
typedef struct health_spawn_t {
    pid_t pid;  /* of the program and its group; 0: there is none */
    int end;    /* readable when the program has ended (pidfd); -1: none */
    int output; /* the pipe's end, non-blocking; -1: none */
} health_spawn_t;

/* Starts arguments[0] with that environment. Errors: errno's; then there is nothing. */
apr_status_t health_spawn_start(health_spawn_t *spawn, const char *const *arguments,
                                const char *const *environment);

/*
 * Where the program has ended: kills what is left of its group, forgets the process, sets *status
 * as waitpid does and returns 1. Otherwise 0; never waits.
 */
int health_spawn_reap(health_spawn_t *spawn, int *status);

/* Kills the whole group. The process is to be reaped afterwards. */
void health_spawn_kill(const health_spawn_t *spawn);

/* Closes both descriptors. */
void health_spawn_close(health_spawn_t *spawn);

#endif
