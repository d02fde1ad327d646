/* SPDX-License-Identifier: Apache-2.0 */
/* How a body is given to its client: by the worker as long as that takes it at once, then by the
 * relay. */
#include "reproxy_relay_carried.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <clock.h>

#include "reproxy_private.h"
#include "reproxy_relay_run.h"

#define NONE REPROXY_RELAY_NONE

/* The longest that a worker gives to one body whose client takes all that comes. */
#define WORKER_TIME apr_time_from_msec(20)

/* In the relay's thread: makes the parked connection readable, so that the MPM gives it to a
 * worker. */
static void wake(reproxy_relay_job_t *job)
{
    struct itimerspec at_once = {{0, 0}, {0, 1}};

    timerfd_settime(((reproxy_relay_carry_t *)job->baton)->timer, 0, &at_once, NULL);
}

static int duplicate(int descriptor)
{
    return descriptor == NONE ? NONE : fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
}

static int set_nonblocking(int descriptor)
{
    int flags = fcntl(descriptor, F_GETFL);

    return flags >= 0 &&
           (flags & O_NONBLOCK || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0);
}

/* The first sign of life comes soon. */
#define SLOW_CLIENT apr_time_from_sec(1)

static struct timespec timespec_of(apr_interval_time_t time)
{
    return (struct timespec){(time_t)apr_time_sec(time), (long)apr_time_usec(time) * 1000};
}

/* The MPM ends a connection that says nothing for Timeout: the timer shows a sign of life before.
 */
static void show_life(const reproxy_relay_carry_t *carry)
{
    apr_interval_time_t pulse = carry->c->base_server->timeout;
    struct itimerspec pulses;

    if (carry->r->server->timeout < pulse) {
        pulse = carry->r->server->timeout;
    }
    pulse = pulse > 2 ? pulse / 2 : 1;
    pulses.it_value = timespec_of(pulse < SLOW_CLIENT ? pulse : SLOW_CLIENT);
    pulses.it_interval = timespec_of(pulse);
    timerfd_settime(carry->timer, 0, &pulses, NULL);
}

/* The job. */

static int is_handed_over(const reproxy_relay_carry_t *carry)
{
    return carry->socket != NONE;
}

/* What was read already: of the answer's head, and of the body. Returns 0 where there is no memory.
 */
static int fill_head(reproxy_relay_carry_t *carry)
{
    char *to = carry->job.head = malloc(carry->job.head_size);

    if (to && carry->head_size > 0) {
        memcpy(to, carry->head + carry->head_at, carry->head_size);
    }
    if (to && carry->body.head_size > 0) {
        memcpy(to + carry->head_size, carry->body.head, carry->body.head_size);
    }
    return to != NULL;
}

/* Makes job the rest of the body. Returns 0 when there is no memory for what was read of it, or a
 * descriptor is of no use. */
static int fill_job(reproxy_relay_carry_t *carry)
{
    const reproxy_relay_body_t *body = &carry->body;
    reproxy_relay_job_t *job = &carry->job;

    memset(job, 0, sizeof(*job));
    job->client = is_handed_over(carry) ? carry->socket : reproxy_relay_carried_descriptor(carry);
    job->source = carry->source != NONE ? carry->source : body->source;
    job->length = body->length + (apr_off_t)carry->head_size;
    job->head_size = carry->head_size + body->head_size;
    job->source_stall = body->source_stall;
    job->client_stall = carry->r->server->timeout;
    job->done = wake;
    job->baton = carry;
    if (job->head_size > 0 && !fill_head(carry)) {
        return 0;
    }
    carry->ahead = (apr_off_t)carry->head_size;
    reproxy_relay_carried_drop_head(carry);
    return set_nonblocking(job->client) && set_nonblocking(job->source);
}

/* Its end where there was no beginning. */
static int cannot_begin(reproxy_relay_carry_t *carry)
{
    reproxy_relay_carried_drop_head(carry);
    free(carry->job.head);
    carry->job.head = NULL;
    carry->job.end = REPROXY_RELAY_STOPPED;
    return 0;
}

static int source_failed(const reproxy_relay_carry_t *carry)
{
    return carry->job.end == REPROXY_RELAY_SOURCE_ENDED ||
           carry->job.end == REPROXY_RELAY_SOURCE_STALLED;
}

/* Counts what came from the source that failed, and takes another for the rest. */
static void change_source(reproxy_relay_carry_t *carry, const reproxy_relay_body_t *body)
{
    reproxy_relay_tally_t *tally = carry->child->tally;

    tier_counter_add(&tally->ended[carry->job.end], 1);
    tier_counter_add(&tally->bytes, (apr_uint64_t)carry->job.sent);
    tier_counter_add(&tally->continued, 1);
    carry->body = *body;
    carry->body.length = carry->body.pull ? carry->body.length - carry->job.sent : body->length;
    carry->sent += carry->job.sent;
    carry->job.sent = 0;
    if (is_handed_over(carry) && carry->source != NONE) {
        close(carry->source);
        carry->source = NONE;
    }
}

/* Looks for another source. Returns 1 when there is one for the job; 0 when that has ended. */
static int find_next(reproxy_relay_carry_t *carry)
{
    reproxy_relay_body_t next = carry->body;

    reproxy_relay_carried_count_head(carry);
    if (!source_failed(carry) || next.next(next.baton, carry->sent + carry->job.sent,
                                           carry->job.end, &next) != APR_SUCCESS) {
        return 0;
    }
    change_source(carry, &next);
    if (!next.pull) {
        return 1;
    }
    /* It comes in a way that cannot be relayed: this worker sends it. */
    carry->job.end =
        reproxy_relay_rest_send(carry->job.client, carry->r->server->timeout, carry->body.length,
                                next.pull, next.pull_baton, &carry->job.sent);
    return 0;
}

/* By the worker. */

static void begin_transfer(reproxy_relay_carry_t *carry)
{
    reproxy_relay_transfer_begin(&carry->transfer, &carry->job,
                                 reproxy_relay_engine_pipes(carry->child->engine),
                                 tier_clock_now());
}

static int begin(reproxy_relay_carry_t *carry)
{
    if (!fill_job(carry)) {
        return cannot_begin(carry);
    }
    begin_transfer(carry);
    return 1;
}

/* Moves bytes for limit, or to the end where it is 0. Returns 1 when the body has ended. */
static int give_here(reproxy_relay_carry_t *carry, apr_interval_time_t limit)
{
    while (reproxy_relay_run(&carry->transfer, limit) == REPROXY_RELAY_FOR_NOTHING) {
        reproxy_relay_transfer_release(&carry->transfer);
        if (!find_next(carry) || !begin(carry)) {
            return 1;
        }
    }
    return 0;
}

/* So many bytes of the head, and then of what was read of the body, have been sent. */
static void take_off(reproxy_relay_carry_t *carry, apr_size_t sent)
{
    reproxy_relay_body_t *body = &carry->body;
    apr_size_t of_head = sent < carry->head_size ? sent : carry->head_size;

    carry->job.sent = carry->ahead = (apr_off_t)of_head;
    reproxy_relay_carried_count_head(carry);
    carry->head_at = of_head;
    carry->head_size -= of_head;
    sent -= of_head;
    carry->sent = (apr_off_t)sent;
    body->head += sent;
    body->head_size -= sent;
    body->length -= (apr_off_t)sent;
    tier_counter_add(&carry->child->tally->bytes, sent);
}

/* The head of the answer and what was read of the body leave together. What the client does not
 * take at once is the job's. Returns 1 when the kernel may keep some of it back for what follows.
 */
static int send_first(reproxy_relay_carry_t *carry)
{
    const reproxy_relay_body_t *body = &carry->body;
    struct iovec parts[] = {{carry->head, carry->head_size}, {(void *)body->head, body->head_size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    int more = (apr_off_t)body->head_size < body->length ? MSG_MORE : 0;
    ssize_t sent = 0;

    if (carry->head_size + body->head_size > 0) {
        sent = sendmsg(reproxy_relay_carried_descriptor(carry), &message,
                       MSG_DONTWAIT | MSG_NOSIGNAL | more);
    }
    /* Whatever is wrong with the client, the job finds out. */
    take_off(carry, sent > 0 ? (apr_size_t)sent : 0);
    return more != 0;
}

/* By the relay. */

static int open_duplicates(reproxy_relay_carry_t *carry, int with_source)
{
    carry->socket = duplicate(carry->job.client);
    carry->source = with_source ? duplicate(carry->job.source) : NONE;
    carry->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (carry->socket != NONE && carry->timer != NONE && (!with_source || carry->source != NONE)) {
        return 1;
    }
    reproxy_relay_carried_close(carry);
    return 0;
}

static apr_status_t submit(reproxy_relay_carry_t *carry)
{
    show_life(carry);
    return reproxy_relay_engine_submit(carry->child->engine, &carry->job);
}

/* The relay has no room (any more): this worker gives the body to its end. */
static void give_to_end(reproxy_relay_carry_t *carry)
{
    tier_counter_add(&carry->child->tally->refused, 1);
    give_here(carry, 0);
}

/* Returns 0 when the relay has no room. */
static int hand_over(reproxy_relay_carry_t *carry)
{
    reproxy_relay_job_t *job = &carry->job;
    int is_read_up = carry->transfer.taken == job->length;
    int client = job->client, source = job->source;

    if (!open_duplicates(carry, !is_read_up)) {
        return 0;
    }
    job->client = carry->socket;
    job->source = carry->source;
    job->begun = &carry->transfer;
    if (submit(carry) != APR_SUCCESS) {
        job->begun = NULL;
        job->client = client;
        job->source = source;
        reproxy_relay_carried_close(carry);
        return 0;
    }
    reproxy_relay_carried_enlist(carry);
    carry->body.begun(carry->body.baton, is_read_up);
    return 1;
}

int reproxy_relay_give_next(reproxy_relay_carry_t *carry)
{
    apr_status_t status;

    if (!find_next(carry)) {
        return 0;
    }
    carry->source = duplicate(carry->body.source);
    if (carry->source == NONE || !fill_job(carry)) {
        return cannot_begin(carry);
    }
    status = submit(carry);
    if (status == APR_SUCCESS) {
        carry->body.begun(carry->body.baton, 0);
        return 1;
    }
    if (!APR_STATUS_IS_EAGAIN(status)) {
        return cannot_begin(carry);
    }
    begin_transfer(carry);
    give_to_end(carry);
    return 0;
}

static void end_here(reproxy_relay_carry_t *carry)
{
    reproxy_relay_carried_tell_end(carry);
    carry->r = NULL;
}

void reproxy_relay_carry_take(reproxy_relay_carry_t *carry, request_rec *r,
                              const reproxy_relay_body_t *body)
{
    int is_pending;

    carry->heading = 0;
    carry->r = r;
    carry->body = *body;
    tier_counter_add(&carry->child->tally->begun, 1);
    is_pending = send_first(carry);
    if (!begin(carry)) {
        end_here(carry);
        return;
    }
    carry->transfer.pending = !!is_pending;
    if (!give_here(carry, WORKER_TIME)) {
        if (hand_over(carry)) {
            return;
        }
        give_to_end(carry);
    }
    end_here(carry);
}
