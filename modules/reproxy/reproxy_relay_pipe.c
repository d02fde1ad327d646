/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_relay_pipe.h"

#include <fcntl.h>
#include <unistd.h>

#define CALM_FOR      256 /* growths */
#define GROWTH_FACTOR 4

void reproxy_relay_pipes_init(reproxy_relay_pipes_t *pipes, apr_size_t limit)
{
    pipes->count = 0;
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

int reproxy_relay_pipes_take(reproxy_relay_pipes_t *pipes, reproxy_relay_pipe_t *pipe)
{
    pipe->out = -1;
    if (pipes->out >= pipes->limit) {
        return 0;
    }
    if (pipes->count > 0) {
        *pipe = pipes->kept[--pipes->count];
    } else if (!make_pipe(pipe)) {
        return 0;
    }
    pipes->out++;
    return 1;
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

void reproxy_relay_pipes_give(reproxy_relay_pipes_t *pipes, reproxy_relay_pipe_t *pipe,
                              int is_empty)
{
    if (pipe->out < 0) {
        return;
    }
    pipes->out--;
    if (is_empty && pipes->count < REPROXY_RELAY_PIPES_KEPT) {
        reproxy_relay_pipe_shrink(pipe);
        pipes->kept[pipes->count++] = *pipe;
        pipe->out = -1;
    } else {
        close_pipe(pipe);
    }
}

void reproxy_relay_pipes_grow(reproxy_relay_pipes_t *pipes, reproxy_relay_pipe_t *pipe)
{
    apr_size_t wanted = pipe->size * GROWTH_FACTOR;

    if (pipe->size >= REPROXY_RELAY_PIPE_MAX) {
        return;
    }
    if (pipes->refused > 0) {
        pipes->refused--;
    } else if (!resize(pipe, wanted < REPROXY_RELAY_PIPE_MAX ? wanted : REPROXY_RELAY_PIPE_MAX)) {
        pipes->refused = CALM_FOR;
    }
}
