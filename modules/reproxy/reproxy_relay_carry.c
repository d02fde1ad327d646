/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_relay_carried.h"

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
#include <unistd.h>

#include "reproxy_private.h"
#include "reproxy_relay_path.h"

#define NONE       REPROXY_RELAY_NONE
#define NODES_KEPT 4 /* more than a connection's allocator keeps as a rule */
#define NODE_SIZE  (8192 - APR_MEMNODE_T_SIZE)

void reproxy_relay_carried_drop_head(reproxy_relay_carry_t *carry)
{
    free(carry->head);
    carry->head = NULL;
    carry->head_at = carry->head_size = 0;
}

static int is_only_flush(const apr_bucket_brigade *brigade)
{
    const apr_bucket *bucket;

    for (bucket = APR_BRIGADE_FIRST(brigade); bucket != APR_BRIGADE_SENTINEL(brigade);
         bucket = APR_BUCKET_NEXT(bucket)) {
        if (!APR_BUCKET_IS_FLUSH(bucket)) {
            return 0;
        }
    }
    return 1;
}

static int is_only_data(const apr_bucket_brigade *brigade)
{
    const apr_bucket *bucket;

    for (bucket = APR_BRIGADE_FIRST(brigade); bucket != APR_BRIGADE_SENTINEL(brigade);
         bucket = APR_BUCKET_NEXT(bucket)) {
        if (APR_BUCKET_IS_METADATA(bucket) && !APR_BUCKET_IS_FLUSH(bucket)) {
            return 0;
        }
    }
    return 1;
}

/* Keeps the head of an answer back: it leaves together with the first bytes of the body. Where
 * something may be on its way before it, the head goes the usual way, at once. */
static void keep_head(reproxy_relay_carry_t *carry, apr_bucket_brigade *brigade)
{
    apr_off_t size = 0;

    carry->heading = 0;
    if (!carry->c->data_in_output_filters && is_only_data(brigade) &&
        apr_brigade_length(brigade, 1, &size) == APR_SUCCESS && size > 0) {
        carry->head = malloc((apr_size_t)size);
    }
    carry->head_size = (apr_size_t)size;
    if (!carry->head ||
        apr_brigade_flatten(brigade, carry->head, &carry->head_size) != APR_SUCCESS) {
        reproxy_relay_carried_drop_head(carry);
        APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_flush_create(carry->c->bucket_alloc));
    } else {
        apr_brigade_cleanup(brigade);
    }
}

/* The body comes another way than was expected: the head goes before it. */
static void put_head_back(reproxy_relay_carry_t *carry, apr_bucket_brigade *brigade)
{
    APR_BRIGADE_INSERT_HEAD(brigade, apr_bucket_heap_create(carry->head, carry->head_size, NULL,
                                                            carry->c->bucket_alloc));
    reproxy_relay_carried_drop_head(carry);
}

static void keep_end(reproxy_relay_carry_t *carry, apr_bucket_brigade *brigade)
{
    apr_bucket *end = APR_BRIGADE_LAST(brigade);

    if (AP_BUCKET_IS_EOR(end)) {
        APR_BUCKET_REMOVE(end);
        APR_BRIGADE_INSERT_TAIL(carry->kept, end);
    }
}

static apr_status_t pass(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    reproxy_relay_carry_t *carry = filter->ctx;

    if (carry->heading && !APR_BRIGADE_EMPTY(brigade)) {
        keep_head(carry, brigade);
    } else if (carry->head && is_only_flush(brigade)) {
        apr_brigade_cleanup(brigade);
    } else if (carry->head) {
        put_head_back(carry, brigade);
    }
    if (carry->r && !APR_BRIGADE_EMPTY(brigade)) {
        keep_end(carry, brigade);
    }
    return APR_BRIGADE_EMPTY(brigade) ? APR_SUCCESS : ap_pass_brigade(filter->next, brigade);
}

void reproxy_relay_carry_register(void)
{
    ap_register_output_filter(REPROXY_RELAY_FILTER, pass, NULL, AP_FTYPE_CONNECTION);
}

static apr_status_t abort_with_pool(void *data)
{
    reproxy_relay_carry_abort(data);
    reproxy_relay_carried_drop_head(data);
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

int reproxy_relay_carried_descriptor(const reproxy_relay_carry_t *carry)
{
    apr_os_sock_t descriptor = NONE;
    apr_socket_t *socket = ap_get_conn_socket(carry->c);

    return socket && apr_os_sock_get(&descriptor, socket) == APR_SUCCESS ? descriptor : NONE;
}

static void close_one(int *descriptor)
{
    if (*descriptor != NONE) {
        close(*descriptor);
        *descriptor = NONE;
    }
}

void reproxy_relay_carried_close(reproxy_relay_carry_t *carry)
{
    close_one(&carry->socket);
    close_one(&carry->source);
    close_one(&carry->timer);
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
        dup3(carry->socket, reproxy_relay_carried_descriptor(carry), O_CLOEXEC);
        carry->parked = 0;
    }
}

/*
 * What the allocator of the connection keeps for its next request would lie idle for as long as the
 * client takes: from now on it keeps nothing. Nodes it has kept are asked for and given back.
 */
static void shed_memory(reproxy_relay_carry_t *carry)
{
    apr_allocator_t *allocator = apr_pool_allocator_get(carry->c->pool);
    apr_memnode_t *nodes = NULL;
    int i;

    carry->is_shed = 1;
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

static void keep_memory(reproxy_relay_carry_t *carry)
{
    if (carry->is_shed) {
        apr_allocator_max_free_set(apr_pool_allocator_get(carry->c->pool), ap_max_mem_free);
        carry->is_shed = 0;
    }
}

/* Lets go of the request, which is about to be logged and freed. */
static void release(reproxy_relay_carry_t *carry)
{
    reproxy_relay_carried_close(carry);
    delist(carry);
    keep_memory(carry);
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

void reproxy_relay_carried_enlist(reproxy_relay_carry_t *carry)
{
    reproxy_relay_child_state_t *child = carry->child;

    apr_pool_pre_cleanup_register(carry->r->pool, carry, end_with_request);
    apr_thread_mutex_lock(child->lock);
    carry->before = NULL;
    carry->next = child->carried;
    if (carry->next) {
        carry->next->before = carry;
    }
    child->carried = carry;
    apr_thread_mutex_unlock(child->lock);
    tier_counter_add(&child->tally->handed_over, 1);
    if (child->place) {
        __atomic_fetch_add(&child->place->running, 1, __ATOMIC_RELAXED);
    }
}

void reproxy_relay_carry_expect(reproxy_relay_carry_t *carry, request_rec *r)
{
    if (!carry->filter) {
        carry->filter = ap_add_output_filter(REPROXY_RELAY_FILTER, carry, r, carry->c);
        carry->kept = apr_brigade_create(carry->c->pool, carry->c->bucket_alloc);
    }
    carry->heading = 1;
}

static void count_bytes(const reproxy_relay_carry_t *carry, apr_off_t bytes)
{
    if (carry->child->count_bytes) {
        carry->child->count_bytes(carry->c, bytes);
    }
}

void reproxy_relay_carried_count_head(reproxy_relay_carry_t *carry)
{
    apr_off_t of_head = carry->ahead < carry->job.sent ? carry->ahead : carry->job.sent;

    carry->job.sent -= of_head;
    carry->ahead = 0;
    count_bytes(carry, of_head);
}

void reproxy_relay_carried_tell_end(reproxy_relay_carry_t *carry)
{
    reproxy_relay_child_state_t *child = carry->child;
    request_rec *r = carry->r;
    apr_off_t sent;

    reproxy_relay_carried_count_head(carry);
    sent = carry->sent + carry->job.sent;
    tier_counter_add(&child->tally->ended[carry->job.end], 1);
    tier_counter_add(&child->tally->bytes, (apr_uint64_t)carry->job.sent);
    if (carry->job.end != REPROXY_RELAY_COMPLETE) {
        ap_log_rerror(
            APLOG_MARK, APLOG_INFO, 0, r,
            WTNO(3601) "the client got %" APR_OFF_T_FMT " of %" APR_OFF_T_FMT " bytes (%s)", sent,
            carry->sent + carry->body.length, reproxy_relay_end_name(carry->job.end));
    }
    r->bytes_sent += sent;
    count_bytes(carry, sent);
    if (carry->job.end != REPROXY_RELAY_COMPLETE) {
        carry->c->aborted = 1;
        carry->c->keepalive = AP_CONN_CLOSE;
    }
    carry->body.ended(carry->body.baton, sent, carry->job.end);
}

/* Lets go of the request: it is logged and freed. */
static void end_request(reproxy_relay_carry_t *carry)
{
    reproxy_relay_carried_tell_end(carry);
    release(carry);
    if (!APR_BRIGADE_EMPTY(carry->kept)) {
        ap_pass_brigade(carry->filter->next, carry->kept);
        apr_brigade_cleanup(carry->kept);
    }
}

/* A client that has its body soon has its next request soon, which needs the memory again: that is
 * given back when a sign of life was due. */
static int park(reproxy_relay_carry_t *carry)
{
    if (!carry->parked) {
        dup3(carry->timer, reproxy_relay_carried_descriptor(carry), O_CLOEXEC);
        carry->parked = 1;
    } else if (!carry->is_shed) {
        shed_memory(carry);
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
    if (reproxy_relay_engine_holds(carry->child->engine, &carry->job) ||
        reproxy_relay_give_next(carry)) {
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
