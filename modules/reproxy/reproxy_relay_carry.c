/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_relay_carry.h"

#include <ap_mpm.h>
#include <apr_allocator.h>
#include <apr_portable.h>
#include <apr_thread_mutex.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mpm_common.h>
#include <util_filter.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "reproxy_private.h"
#include "reproxy_relay_path.h"

#define NONE       (-1)
#define NODES_KEPT 4 /* more than a connection's allocator keeps as a rule */
#define NODE_SIZE  (8192 - APR_MEMNODE_T_SIZE)

/* One a connection, in its pool. Used by one thread at a time, as the connection is. */
struct reproxy_relay_carry_t {
    reproxy_relay_child_state_t *child;
    conn_rec *c;
    ap_filter_t *filter;      /* NULL until the first body was taken */
    apr_bucket_brigade *kept; /* the end-of-request bucket */
    request_rec *r;           /* NULL: not busy */
    reproxy_relay_body_t body;
    reproxy_relay_job_t job;
    apr_off_t sent; /* by jobs before this one */
    int parked;
    int heading; /* the next that passes is the head of an answer */
    int socket;  /* duplicate of the client's */
    int source;  /* of the source's */
    int timer;
    reproxy_relay_carry_t *next; /* in child->carried, under its lock */
    reproxy_relay_carry_t *before;
};

static apr_status_t keep_end(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    reproxy_relay_carry_t *carry = filter->ctx;

    if (carry->heading && !APR_BRIGADE_EMPTY(brigade)) {
        carry->heading = 0;
        APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_flush_create(carry->c->bucket_alloc));
    }
    if (carry->r && !APR_BRIGADE_EMPTY(brigade) && AP_BUCKET_IS_EOR(APR_BRIGADE_LAST(brigade))) {
        apr_bucket *end = APR_BRIGADE_LAST(brigade);

        APR_BUCKET_REMOVE(end);
        APR_BRIGADE_INSERT_TAIL(carry->kept, end);
    }
    return APR_BRIGADE_EMPTY(brigade) ? APR_SUCCESS : ap_pass_brigade(filter->next, brigade);
}

void reproxy_relay_carry_register(void)
{
    ap_register_output_filter(REPROXY_RELAY_FILTER, keep_end, NULL, AP_FTYPE_CONNECTION);
}

static apr_status_t abort_with_pool(void *data)
{
    reproxy_relay_carry_abort(data);
    return APR_SUCCESS;
}

reproxy_relay_carry_t *reproxy_relay_carry_create(conn_rec *c, reproxy_relay_child_state_t *child)
{
    reproxy_relay_carry_t *carry = apr_pcalloc(c->pool, sizeof(*carry));

    carry->child = child;
    carry->c = c;
    carry->socket = carry->source = carry->timer = NONE;
    apr_pool_pre_cleanup_register(c->pool, carry, abort_with_pool);
    return carry;
}

int reproxy_relay_carry_is_busy(const reproxy_relay_carry_t *carry)
{
    return carry->r != NULL;
}

static void close_one(int *descriptor)
{
    if (*descriptor != NONE) {
        close(*descriptor);
        *descriptor = NONE;
    }
}

/* In the relay's thread: makes the parked connection readable, so that the MPM gives it to a
 * worker. */
static void wake(reproxy_relay_job_t *job)
{
    struct itimerspec at_once = {{0, 0}, {0, 1}};

    timerfd_settime(((reproxy_relay_carry_t *)job->baton)->timer, 0, &at_once, NULL);
}

static int client_descriptor(const reproxy_relay_carry_t *carry)
{
    apr_os_sock_t descriptor = NONE;
    apr_socket_t *socket = ap_get_conn_socket(carry->c);

    return socket && apr_os_sock_get(&descriptor, socket) == APR_SUCCESS ? descriptor : NONE;
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

/* The MPM ends a connection that says nothing for Timeout: the timer shows a sign of life before.
 */
static void show_life(reproxy_relay_carry_t *carry)
{
    apr_interval_time_t pulse = carry->c->base_server->timeout;
    struct itimerspec pulses;

    if (carry->r->server->timeout < pulse) {
        pulse = carry->r->server->timeout;
    }
    pulse = pulse > 2 ? pulse / 2 : 1;
    pulses.it_value.tv_sec = (time_t)apr_time_sec(pulse);
    pulses.it_value.tv_nsec = (long)apr_time_usec(pulse) * 1000;
    pulses.it_interval = pulses.it_value;
    timerfd_settime(carry->timer, 0, &pulses, NULL);
}

static void close_all(reproxy_relay_carry_t *carry)
{
    close_one(&carry->socket);
    close_one(&carry->source);
    close_one(&carry->timer);
}

static apr_status_t open_all(reproxy_relay_carry_t *carry, int source)
{
    carry->socket = duplicate(client_descriptor(carry));
    carry->source = source;
    carry->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (carry->socket == NONE || carry->source == NONE || carry->timer == NONE ||
        !set_nonblocking(carry->socket) || !set_nonblocking(carry->source)) {
        apr_status_t status = apr_get_os_error();

        close_all(carry);
        return status != APR_SUCCESS ? status : APR_EBADF;
    }
    return APR_SUCCESS;
}

static void fill_job(reproxy_relay_carry_t *carry)
{
    const reproxy_relay_body_t *body = &carry->body;
    reproxy_relay_job_t *job = &carry->job;

    memset(job, 0, sizeof(*job));
    job->client = carry->socket;
    job->source = carry->source;
    job->length = body->length;
    job->head_size = body->head_size;
    job->source_stall = body->source_stall;
    job->client_stall = carry->r->server->timeout;
    job->done = wake;
    job->baton = carry;
}

static apr_status_t submit(reproxy_relay_carry_t *carry)
{
    reproxy_relay_job_t *job = &carry->job;
    apr_status_t status;

    fill_job(carry);
    if (job->head_size > 0) {
        job->head = malloc(job->head_size);
        if (!job->head) {
            return APR_ENOMEM;
        }
        memcpy(job->head, carry->body.head, job->head_size);
    }
    show_life(carry);
    status = reproxy_relay_engine_submit(carry->child->engine, job);
    if (status != APR_SUCCESS) {
        free(job->head);
    }
    return status;
}

static void enlist(reproxy_relay_carry_t *carry)
{
    reproxy_relay_child_state_t *child = carry->child;

    apr_thread_mutex_lock(child->lock);
    carry->before = NULL;
    carry->next = child->carried;
    if (carry->next) {
        carry->next->before = carry;
    }
    child->carried = carry;
    apr_thread_mutex_unlock(child->lock);
    tier_counter_add(&child->tally->begun, 1);
    if (child->place) {
        __atomic_fetch_add(&child->place->running, 1, __ATOMIC_RELAXED);
    }
}

static void delist(reproxy_relay_carry_t *carry)
{
    reproxy_relay_child_state_t *child = carry->child;

    apr_thread_mutex_lock(child->lock);
    if (carry->before) {
        carry->before->next = carry->next;
    } else {
        child->carried = carry->next;
    }
    if (carry->next) {
        carry->next->before = carry->before;
    }
    apr_thread_mutex_unlock(child->lock);
    if (child->place) {
        __atomic_fetch_sub(&child->place->running, 1, __ATOMIC_RELAXED);
    }
}

static void unpark(reproxy_relay_carry_t *carry)
{
    if (carry->parked) {
        dup3(carry->socket, client_descriptor(carry), O_CLOEXEC);
        carry->parked = 0;
    }
}

/*
 * What the allocator of the connection keeps for its next request would lie idle for as long as the
 * client takes: from now on it keeps nothing. Nodes it has kept are asked for and given back.
 */
static void shed_memory(conn_rec *c)
{
    apr_allocator_t *allocator = apr_pool_allocator_get(c->pool);
    apr_memnode_t *nodes = NULL;
    int i;

    apr_allocator_max_free_set(allocator, 1);
    for (i = 0; i < NODES_KEPT; i++) {
        apr_memnode_t *node = apr_allocator_alloc(allocator, NODE_SIZE);

        if (node) {
            node->next = nodes;
            nodes = node;
        }
    }
    if (nodes) {
        apr_allocator_free(allocator, nodes);
    }
}

static void keep_memory(conn_rec *c)
{
    apr_allocator_max_free_set(apr_pool_allocator_get(c->pool), ap_max_mem_free);
}

/* Lets go of the request, which is about to be logged and freed. */
static void release(reproxy_relay_carry_t *carry)
{
    close_all(carry);
    delist(carry);
    keep_memory(carry->c);
    carry->r = NULL;
}

/* Where a filter above ours drops the end-of-request bucket, the request ends without being asked.
 */
static apr_status_t end_with_request(void *data)
{
    reproxy_relay_carry_t *carry = data;

    if (carry->r) {
        reproxy_relay_engine_cancel(carry->child->engine, &carry->job);
        unpark(carry);
        release(carry);
        carry->c->aborted = 1;
    }
    return APR_SUCCESS;
}

void reproxy_relay_carry_expect(reproxy_relay_carry_t *carry, request_rec *r)
{
    if (!carry->filter) {
        carry->filter = ap_add_output_filter(REPROXY_RELAY_FILTER, carry, r, carry->c);
        carry->kept = apr_brigade_create(carry->c->pool, carry->c->bucket_alloc);
    }
    carry->heading = 1;
}

apr_status_t reproxy_relay_carry_take(reproxy_relay_carry_t *carry, request_rec *r,
                                      const reproxy_relay_body_t *body)
{
    apr_status_t status;

    carry->heading = 0;
    carry->r = r;
    carry->body = *body;
    carry->sent = 0;
    status = open_all(carry, body->source);
    if (status == APR_SUCCESS) {
        status = submit(carry);
    }
    if (status != APR_SUCCESS) {
        tier_counter_add(&carry->child->tally->refused, 1);
        close_all(carry);
        carry->r = NULL;
        return status;
    }
    apr_pool_pre_cleanup_register(r->pool, carry, end_with_request);
    enlist(carry);
    body->begun(body->baton);
    shed_memory(carry->c);
    return APR_SUCCESS;
}

/* Writes the true figures into the request and lets go of it: it is logged and freed. */
static void end_request(reproxy_relay_carry_t *carry)
{
    reproxy_relay_child_state_t *child = carry->child;
    apr_off_t sent = carry->sent + carry->job.sent;
    request_rec *r = carry->r;

    tier_counter_add(&child->tally->ended[carry->job.end], 1);
    tier_counter_add(&child->tally->bytes, (apr_uint64_t)carry->job.sent);
    if (carry->job.end != REPROXY_RELAY_COMPLETE) {
        ap_log_rerror(
            APLOG_MARK, APLOG_INFO, 0, r,
            WTNO(3601) "the client got %" APR_OFF_T_FMT " of %" APR_OFF_T_FMT " bytes (%s)", sent,
            carry->sent + carry->body.length, reproxy_relay_end_name(carry->job.end));
    }
    r->bytes_sent += sent;
    if (child->count_bytes) {
        child->count_bytes(carry->c, sent);
    }
    if (carry->job.end != REPROXY_RELAY_COMPLETE) {
        carry->c->aborted = 1;
        carry->c->keepalive = AP_CONN_CLOSE;
    }
    carry->body.ended(carry->body.baton, sent, carry->job.end);
    release(carry);
    if (!APR_BRIGADE_EMPTY(carry->kept)) {
        ap_pass_brigade(carry->filter->next, carry->kept);
        apr_brigade_cleanup(carry->kept);
    }
}

static int source_failed(const reproxy_relay_carry_t *carry)
{
    return carry->job.end == REPROXY_RELAY_SOURCE_ENDED ||
           carry->job.end == REPROXY_RELAY_SOURCE_STALLED;
}

/* Counts what came from the source that failed, and begins with another. */
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
    close_one(&carry->source);
    carry->source = body->source;
}

/* A source failed: another one may be there for the rest. Returns 1 when the relay goes on. */
static int try_next(reproxy_relay_carry_t *carry)
{
    reproxy_relay_body_t next = carry->body;

    if (!source_failed(carry) || next.next(next.baton, carry->sent + carry->job.sent,
                                           carry->job.end, &next) != APR_SUCCESS) {
        return 0;
    }
    change_source(carry, &next);
    if (next.pull) {
        /* It comes in a way that the relay cannot carry: this worker sends it. */
        carry->job.end =
            reproxy_relay_rest_send(carry->socket, carry->r->server->timeout, carry->body.length,
                                    next.pull, next.pull_baton, &carry->job.sent);
        return 0;
    }
    if (!set_nonblocking(carry->source) || submit(carry) != APR_SUCCESS) {
        carry->job.end = REPROXY_RELAY_STOPPED;
        return 0;
    }
    next.begun(next.baton);
    return 1;
}

static int park(reproxy_relay_carry_t *carry)
{
    if (!carry->parked) {
        dup3(carry->timer, client_descriptor(carry), O_CLOEXEC);
        carry->parked = 1;
    }
#ifdef AP_MPMQ_CAN_WAITIO /* where it is missing, no relay is started */
    carry->c->cs->state = CONN_STATE_ASYNC_WAITIO;
    carry->c->cs->sense = CONN_SENSE_WANT_READ;
#endif
    return OK;
}

int reproxy_relay_carry_go_on(reproxy_relay_carry_t *carry)
{
    apr_uint64_t times;
    ssize_t got;

    /* Before the look at the job: if that ends after it, the timer is readable again. */
    got = read(carry->timer, &times, sizeof(times));
    (void)got; /* nothing where nobody had made it readable */
    if (reproxy_relay_engine_holds(carry->child->engine, &carry->job) || try_next(carry)) {
        return park(carry);
    }
    unpark(carry);
    end_request(carry);
    carry->c->cs->state = carry->c->aborted ? CONN_STATE_LINGER : CONN_STATE_WRITE_COMPLETION;
    return OK;
}

void reproxy_relay_carry_abort(reproxy_relay_carry_t *carry)
{
    if (carry->r) {
        reproxy_relay_engine_cancel(carry->child->engine, &carry->job);
        unpark(carry);
        end_request(carry);
    }
}

void reproxy_relay_carry_stop(reproxy_relay_child_state_t *child)
{
    while (child->carried) {
        reproxy_relay_carry_t *carry = child->carried;

        unpark(carry);
        end_request(carry);
    }
}
