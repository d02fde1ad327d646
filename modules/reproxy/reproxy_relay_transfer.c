/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_relay_transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURN        (1024 * 1024) /* bytes a call of move */
#define BUFFER_SIZE (12 * 1024)

/* A pipe emptied so soon is too small for its client, one that takes so long is too large. */
#define FAST apr_time_from_msec(20)
#define SLOW apr_time_from_msec(500)

typedef enum { MOVED, NO_SOURCE, NO_CLIENT, ENDED } step_e;

void reproxy_relay_transfer_begin(reproxy_relay_transfer_t *transfer, reproxy_relay_job_t *job,
                                  reproxy_relay_pipes_t *pipes, apr_time_t now)
{
    memset(transfer, 0, sizeof(*transfer));
    transfer->job = job;
    transfer->pipes = pipes;
    transfer->pipe.out = -1;
    transfer->taken = (apr_int64_t)job->head_size;
    transfer->moved = now;
    transfer->wait = REPROXY_RELAY_FOR_CLIENT;
    job->sent = 0;
}

void reproxy_relay_transfer_end(reproxy_relay_transfer_t *transfer, reproxy_relay_end_e end)
{
    if (transfer->wait != REPROXY_RELAY_FOR_NOTHING) {
        transfer->wait = REPROXY_RELAY_FOR_NOTHING;
        transfer->job->end = end;
    }
}

static step_e ended(reproxy_relay_transfer_t *transfer, reproxy_relay_end_e end)
{
    reproxy_relay_transfer_end(transfer, end);
    return ENDED;
}

/* What errno says of the client after a call that gave it nothing. */
static step_e client_refused(reproxy_relay_transfer_t *transfer)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return NO_CLIENT;
    }
    return errno == EINTR ? MOVED : ended(transfer, REPROXY_RELAY_CLIENT_GONE);
}

/* The same of the source. A broken one has ended: what it gave before is still sent. */
static step_e source_refused(reproxy_relay_transfer_t *transfer)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return NO_SOURCE;
    }
    if (errno != EINTR) {
        transfer->source_over = 1;
    }
    return MOVED;
}

/* Whether a call failed because these descriptors cannot do it, or no memory is left for it. */
static int must_copy(void)
{
    return errno == EINVAL || errno == ENOSYS || errno == ENOMEM || errno == EOPNOTSUPP;
}

static step_e send_bytes(reproxy_relay_transfer_t *transfer, const char *bytes, apr_size_t size,
                         apr_size_t *at)
{
    ssize_t n = send(transfer->job->client, bytes + *at, size - *at, MSG_NOSIGNAL);

    if (n < 0) {
        return client_refused(transfer);
    }
    *at += (apr_size_t)n;
    transfer->job->sent += n;
    return MOVED;
}

static void free_head(reproxy_relay_job_t *job)
{
    free(job->head);
    job->head = NULL;
}

static step_e send_head(reproxy_relay_transfer_t *transfer)
{
    reproxy_relay_job_t *job = transfer->job;
    step_e outcome = send_bytes(transfer, job->head, job->head_size, &transfer->head_at);

    if (transfer->head_at == job->head_size) {
        free_head(job);
    }
    return outcome;
}

/* A larger pipe means fewer system calls and wake-ups; a slow client needs neither. */
static void judge_pipe(reproxy_relay_transfer_t *transfer, apr_time_t now)
{
    apr_interval_time_t took = now - transfer->filled_at;

    if (took > SLOW) {
        reproxy_relay_pipe_shrink(&transfer->pipe);
    } else if (took < FAST && transfer->filled >= transfer->pipe.size / 2) {
        reproxy_relay_pipes_grow(transfer->pipes, &transfer->pipe);
    }
}

static step_e empty_pipe(reproxy_relay_transfer_t *transfer, apr_time_t now)
{
    int more = transfer->taken < transfer->job->length ? SPLICE_F_MORE : 0;
    ssize_t n = splice(transfer->pipe.out, NULL, transfer->job->client, NULL, transfer->piped,
                       SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (unsigned)more);

    transfer->pending = more != 0;
    if (n <= 0) {
        if (n < 0 && must_copy()) {
            transfer->copying = 1;
            return MOVED;
        }
        return n < 0 ? client_refused(transfer) : ended(transfer, REPROXY_RELAY_CLIENT_GONE);
    }
    transfer->piped -= (apr_size_t)n;
    transfer->job->sent += n;
    if (transfer->piped == 0) {
        judge_pipe(transfer, now);
    }
    return MOVED;
}

static step_e fill_pipe(reproxy_relay_transfer_t *transfer, apr_size_t wanted, apr_time_t now)
{
    ssize_t n;

    if (wanted > transfer->pipe.size) {
        wanted = transfer->pipe.size;
    }
    n = splice(transfer->job->source, NULL, transfer->pipe.in, NULL, wanted,
               SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n < 0 && must_copy()) {
        transfer->copying = 1;
        return MOVED;
    }
    if (n < 0) {
        return source_refused(transfer);
    }
    transfer->source_over = n == 0;
    transfer->piped = transfer->filled = (apr_size_t)n;
    transfer->filled_at = now;
    transfer->taken += n;
    return MOVED;
}

/* Reads into the buffer: what is still in the pipe first, from when splice could be used. */
static step_e fill_buffer(reproxy_relay_transfer_t *transfer, apr_size_t wanted)
{
    const reproxy_relay_job_t *job = transfer->job;
    ssize_t n;

    if (!transfer->buffer && !(transfer->buffer = malloc(BUFFER_SIZE))) {
        return ended(transfer, REPROXY_RELAY_SOURCE_ENDED);
    }
    if (wanted > BUFFER_SIZE) {
        wanted = BUFFER_SIZE;
    }
    if (transfer->piped > 0) {
        n = read(transfer->pipe.out, transfer->buffer,
                 transfer->piped < BUFFER_SIZE ? transfer->piped : BUFFER_SIZE);
    } else {
        n = recv(job->source, transfer->buffer, wanted, 0);
    }
    if (n < 0) {
        return source_refused(transfer);
    }
    transfer->buffer_at = 0;
    transfer->buffer_end = (apr_size_t)n;
    if (transfer->piped > 0) {
        transfer->piped -= (apr_size_t)n;
    } else {
        transfer->taken += n;
        transfer->source_over = n == 0;
    }
    return MOVED;
}

/* Nothing is held here: takes bytes from the source. */
static step_e pull(reproxy_relay_transfer_t *transfer, apr_time_t now)
{
    const reproxy_relay_job_t *job = transfer->job;
    apr_int64_t missing = job->length - transfer->taken;
    apr_size_t wanted = missing < TURN ? (apr_size_t)missing : TURN;

    if (missing <= 0) {
        return ended(transfer, REPROXY_RELAY_COMPLETE);
    }
    if (transfer->source_over) {
        return ended(transfer, REPROXY_RELAY_SOURCE_ENDED);
    }
    if (!transfer->copying &&
        (transfer->pipe.out >= 0 || reproxy_relay_pipes_take(transfer->pipes, &transfer->pipe))) {
        return fill_pipe(transfer, wanted, now);
    }
    return fill_buffer(transfer, wanted);
}

/* Gives the client what is held, in the order in which it came. */
static step_e step(reproxy_relay_transfer_t *transfer, apr_time_t now)
{
    const reproxy_relay_job_t *job = transfer->job;

    if (transfer->head_at < job->head_size) {
        return send_head(transfer);
    }
    if (transfer->buffer_at < transfer->buffer_end) {
        return send_bytes(transfer, transfer->buffer, transfer->buffer_end, &transfer->buffer_at);
    }
    if (transfer->piped > 0) {
        return transfer->copying ? fill_buffer(transfer, BUFFER_SIZE) : empty_pipe(transfer, now);
    }
    return pull(transfer, now);
}

/* Bytes that the client's side has not acknowledged, or 0 where that is not known. */
static int unacknowledged(const reproxy_relay_job_t *job)
{
    int bytes = 0;

    return ioctl(job->client, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

/* Nothing more comes for now: what the kernel holds back for it is to leave. */
static void push(reproxy_relay_transfer_t *transfer)
{
    int on = 1;

    if (transfer->pending) {
        setsockopt(transfer->job->client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        transfer->pending = 0;
    }
}

/* A transfer that waits for a slow source holds no pipe, unless it was so fast that it has a large
 * one. */
static void rest(reproxy_relay_transfer_t *transfer)
{
    push(transfer);
    if (transfer->pipe.out >= 0 && transfer->pipe.size <= REPROXY_RELAY_PIPE_USUAL) {
        reproxy_relay_pipes_give(transfer->pipes, &transfer->pipe, 1);
    }
}

reproxy_relay_wait_e reproxy_relay_transfer_move(reproxy_relay_transfer_t *transfer, apr_time_t now)
{
    reproxy_relay_job_t *job = transfer->job;
    apr_int64_t sent = job->sent, taken = transfer->taken;
    step_e outcome = MOVED;

    if (transfer->wait == REPROXY_RELAY_FOR_NOTHING) {
        return transfer->wait;
    }
    while (outcome == MOVED && job->sent - sent < TURN) {
        outcome = step(transfer, now);
    }
    if (job->sent != sent || transfer->taken != taken) {
        transfer->moved = now;
    }
    transfer->blocked = outcome == NO_CLIENT;
    if (outcome == NO_SOURCE) {
        rest(transfer);
    } else if (outcome == NO_CLIENT) {
        transfer->unacknowledged = unacknowledged(job);
    }
    if (outcome != ENDED) {
        transfer->wait = outcome == NO_SOURCE ? REPROXY_RELAY_FOR_SOURCE : REPROXY_RELAY_FOR_CLIENT;
    }
    return transfer->wait;
}

/*
 * A large socket buffer may take long to become writable again at a slow client's pace: a client
 * that acknowledges bytes does not stand still.
 */
static void look_at_client(reproxy_relay_transfer_t *transfer, apr_time_t now)
{
    int bytes = unacknowledged(transfer->job);

    if (bytes < transfer->unacknowledged) {
        transfer->moved = now;
    }
    transfer->unacknowledged = bytes;
}

static apr_time_t sooner(apr_time_t one, apr_time_t other)
{
    return one == 0 || (other != 0 && other < one) ? other : one;
}

/* The side that is waited for may change at any time: the other's deadline is one to look at too.
 */
static apr_time_t next_look(const reproxy_relay_transfer_t *transfer, apr_interval_time_t stall,
                            apr_time_t now)
{
    const reproxy_relay_job_t *job = transfer->job;
    apr_interval_time_t shortest = sooner(job->client_stall, job->source_stall);
    apr_time_t next = stall ? transfer->moved + stall : 0;

    if (shortest) {
        apr_time_t due = transfer->moved + shortest;
        next = sooner(next, due > now ? due : now + shortest);
    }
    return next;
}

apr_time_t reproxy_relay_transfer_check(reproxy_relay_transfer_t *transfer, apr_time_t now)
{
    const reproxy_relay_job_t *job = transfer->job;
    int on_client = transfer->wait == REPROXY_RELAY_FOR_CLIENT;
    apr_interval_time_t stall = on_client ? job->client_stall : job->source_stall;

    if (transfer->wait == REPROXY_RELAY_FOR_NOTHING) {
        return 0;
    }
    if (on_client) {
        look_at_client(transfer, now);
    }
    if (stall && now >= transfer->moved + stall) {
        reproxy_relay_transfer_end(transfer, on_client ? REPROXY_RELAY_CLIENT_STALLED
                                                       : REPROXY_RELAY_SOURCE_STALLED);
        return 0;
    }
    return next_look(transfer, stall, now);
}

void reproxy_relay_transfer_release(reproxy_relay_transfer_t *transfer)
{
    reproxy_relay_pipes_give(transfer->pipes, &transfer->pipe, transfer->piped == 0);
    free_head(transfer->job);
    free(transfer->buffer);
    transfer->buffer = NULL;
}
