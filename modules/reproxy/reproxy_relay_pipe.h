/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_RELAY_PIPE_H
#define REPROXY_RELAY_PIPE_H

#include <apr_thread_mutex.h>

#define REPROXY_RELAY_PIPES_KEPT  24
#define REPROXY_RELAY_PIPES_LARGE 8 /* all of a user's count for fs.pipe-user-pages-soft */
/* Sizes in bytes. */
#define REPROXY_RELAY_PIPE_USUAL (64 * 1024)   /* what the kernel makes */
#define REPROXY_RELAY_PIPE_KEPT  (256 * 1024)  /* the most of a large one that is not in use */
#define REPROXY_RELAY_PIPE_MAX   (1024 * 1024) /* fs.pipe-max-size of a stock kernel */

/* A pipe through which bytes go from socket to socket without a copy. A plain value. */
typedef struct reproxy_relay_pipe_t {
    int out; /* what is read from; -1: there is no pipe */
    int in;
    apr_size_t size; /* bytes it can hold */
} reproxy_relay_pipe_t;

/*
 * Pipes that are empty and kept for the next who needs one: making one costs three system calls and
 * up to 16 pages. Any thread, where there is a lock.
 */
typedef struct reproxy_relay_pipes_t {
    apr_thread_mutex_t *lock; /* over what follows; NULL: one thread has them */
    /* Large ones are given first: to make a pipe large, and small again, costs system calls. */
    reproxy_relay_pipe_t large[REPROXY_RELAY_PIPES_LARGE];
    apr_size_t large_count;
    reproxy_relay_pipe_t kept[REPROXY_RELAY_PIPES_KEPT]; /* the others */
    apr_size_t count;
    apr_size_t limit;     /* of those that are out at once; 0: none is ever given */
    apr_size_t out;       /* how many are out */
    apr_uint32_t refused; /* growths that are not tried, as the kernel refused one lately */
} reproxy_relay_pipes_t;

/* Makes pipes an empty store that gives out up to limit pipes at once. lock: the caller's, who
 * keeps it as long as pipes; NULL: one thread has them. */
void reproxy_relay_pipes_init(reproxy_relay_pipes_t *pipes, apr_size_t limit,
                              apr_thread_mutex_t *lock);

/* Closes every pipe kept. */
void reproxy_relay_pipes_close(reproxy_relay_pipes_t *pipes);

/*
 * Gives an empty non-blocking pipe by value. Returns 0 where there is none to be had (limit, no
 * descriptor left); then pipe->out is -1.
 */
int reproxy_relay_pipes_take(reproxy_relay_pipes_t *pipes, reproxy_relay_pipe_t *pipe);

/* Takes pipe back, and makes pipe->out -1. One that still holds bytes (is_empty 0) is closed. */
void reproxy_relay_pipes_give(reproxy_relay_pipes_t *pipes, reproxy_relay_pipe_t *pipe,
                              int is_empty);

/*
 * Makes an empty pipe four times as large, up to REPROXY_RELAY_PIPE_MAX, or as small as pipes are
 * made. Where the kernel refuses (fs.pipe-user-pages-soft is used up, fs.pipe-max-size) it stays as
 * it is, and the next growths of any pipe are not tried for a while.
 */
void reproxy_relay_pipes_grow(reproxy_relay_pipes_t *pipes, reproxy_relay_pipe_t *pipe);
void reproxy_relay_pipe_shrink(reproxy_relay_pipe_t *pipe);

#endif
