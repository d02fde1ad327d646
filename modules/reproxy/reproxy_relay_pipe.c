/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_relay_pipe.h"

#include <fcntl.h>
#include <unistd.h>

#define CALM_FOR      256 /* growths */
#define GROWTH_FACTOR 4

static void lock(reproxy_relay_pipes_t *pipes)
{
    if (pipes->lock) {
        apr_thread_mutex_lock(pipes->lock);
    }
}

static void unlock(reproxy_relay_pipes_t *pipes)
{
    if (pipes->lock) {
        apr_thread_mutex_unlock(pipes->lock);
    }
}

void reproxy_relay_pipes_init(reproxy_relay_pipes_t *pipes, apr_size_t limit,
                              apr_thread_mutex_t *mutex)
{
    pipes->lock = mutex;
    pipes->count = pipes->large_count = 0;
    pipes->limit = limit;
    pipes->out = 0;
    pipes->refused = 0;
}

static void close_pipe(reproxy_relay_pipe_t *pipe)
{
    close(pipe->out);
    close(pipe->in);
    pipe->out = -1;
}

void reproxy_relay_pipes_close(reproxy_relay_pipes_t *pipes)
{
    while (pipes->count > 0) {
        close_pipe(&pipes->kept[--pipes->count]);
    }
    while (pipes->large_count > 0) {
        close_pipe(&pipes->large[--pipes->large_count]);
    }
}

/* A user who has used up fs.pipe-user-pages-soft gets pipes of a page or two: they serve as well.
 */
static int make_pipe(reproxy_relay_pipe_t *pipe)
{
    int ends[2];
    int size;

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return 0;
    }
    size = fcntl(ends[1], F_GETPIPE_SZ);
    pipe->out = ends[0];
    pipe->in = ends[1];
    pipe->size = size > 0 ? (apr_size_t)size : 4096;
    return 1;
}

/* Gives one that is kept. Returns 0 where it has to be made; *room is 0 where none may be. */
static int take_kept(reproxy_relay_pipes_t *pipes, reproxy_relay_pipe_t *pipe, int *room)
{
    int is_kept;

    lock(pipes);
    *room = pipes->out < pipes->limit;
    is_kept = *room && pipes->count + pipes->large_count > 0;
    if (is_kept) {
        *pipe = pipes->large_count > 0 ? pipes->large[--pipes->large_count]
                                       : pipes->kept[--pipes->count];
    }
    pipes->out += (apr_size_t)*room;
    unlock(pipes);
    return is_kept;
}

int reproxy_relay_pipes_take(reproxy_relay_pipes_t *pipes, reproxy_relay_pipe_t *pipe)
{
    int room;

    pipe->out = -1;
    if (take_kept(pipes, pipe, &room)) {
        return 1;
    }
    if (!room) {
        return 0;
    }
    if (make_pipe(pipe)) {
        return 1;
    }
    lock(pipes);
    pipes->out--;
    unlock(pipes);
    return 0;
}

static int resize(reproxy_relay_pipe_t *pipe, apr_size_t size)
{
    int given = fcntl(pipe->in, F_SETPIPE_SZ, (int)size);

    if (given <= 0) {
        return 0;
    }
    pipe->size = (apr_size_t)given;
    return 1;
}

void reproxy_relay_pipe_shrink(reproxy_relay_pipe_t *pipe)
{
    if (pipe->size > REPROXY_RELAY_PIPE_USUAL) {
        resize(pipe, REPROXY_RELAY_PIPE_USUAL);
    }
}

/* How large the next one may be that is kept. */
static apr_size_t most_kept(reproxy_relay_pipes_t *pipes)
{
    int is_large;

    lock(pipes);
    is_large = pipes->large_count < REPROXY_RELAY_PIPES_LARGE;
    unlock(pipes);
    return is_large ? REPROXY_RELAY_PIPE_KEPT : REPROXY_RELAY_PIPE_USUAL;
}

static int keep(reproxy_relay_pipes_t *pipes, const reproxy_relay_pipe_t *pipe, int is_empty)
{
    int is_kept, is_large = pipe->size > REPROXY_RELAY_PIPE_USUAL;

    lock(pipes);
    pipes->out--;
    is_large = is_large && pipes->large_count < REPROXY_RELAY_PIPES_LARGE;
    is_kept = is_empty && (is_large || pipes->count < REPROXY_RELAY_PIPES_KEPT);
    if (is_kept) {
        *(is_large ? &pipes->large[pipes->large_count++] : &pipes->kept[pipes->count++]) = *pipe;
    }
    unlock(pipes);
    return is_kept;
}

void reproxy_relay_pipes_give(reproxy_relay_pipes_t *pipes, reproxy_relay_pipe_t *pipe,
                              int is_empty)
{
    apr_size_t most;

    if (pipe->out < 0) {
        return;
    }
    most = most_kept(pipes);
    if (is_empty && pipe->size > most) {
        resize(pipe, most);
    }
    if (keep(pipes, pipe, is_empty)) {
        pipe->out = -1;
    } else {
        close_pipe(pipe);
    }
}

/* Returns 1 when the kernel may be asked for a larger one. */
static int may_grow(reproxy_relay_pipes_t *pipes)
{
    int may;

    lock(pipes);
    may = pipes->refused == 0;
    if (!may) {
        pipes->refused--;
    }
    unlock(pipes);
    return may;
}

void reproxy_relay_pipes_grow(reproxy_relay_pipes_t *pipes, reproxy_relay_pipe_t *pipe)
{
    apr_size_t wanted = pipe->size * GROWTH_FACTOR;

    if (pipe->size >= REPROXY_RELAY_PIPE_MAX || !may_grow(pipes)) {
        return;
    }
    if (!resize(pipe, wanted < REPROXY_RELAY_PIPE_MAX ? wanted : REPROXY_RELAY_PIPE_MAX)) {
        lock(pipes);
        pipes->refused = CALM_FOR;
        unlock(pipes);
    }
}
