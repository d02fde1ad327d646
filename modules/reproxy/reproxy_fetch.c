/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_fetch.h"

#include <string.h>

#include <apr_strings.h>

#include <clock.h>

#include "reproxy_private.h"
#include "reproxy_scene.h"

#define COPY_MAX 16384
/* For a head, and what comes with it of a body that the relay may take: it has the rest without a
 * copy, and a client that is slow holds this memory for long. From the client connection's
 * allocator, of which it is one node. */
#define HEAD_ROOM (8192 - 128)

static void drop_buffer(reproxy_fetch_t *fetch)
{
    if (fetch->buffer)
        apr_bucket_destroy(fetch->buffer);
    fetch->buffer = NULL;
    fetch->size = 0;
}

/* The rest of the answer has been read already: a 404's few words. */
static int is_read_up(const reproxy_fetch_t *fetch)
{
    return fetch->is_framed && fetch->head.keeps && fetch->left >= 0 &&
           (apr_off_t)fetch->size == fetch->left;
}

void reproxy_fetch_fail(reproxy_fetch_t *fetch, reproxy_failure_e failure)
{
    reproxy_wire_close(&fetch->wire, is_read_up(fetch));
    drop_buffer(fetch);
    if (failure == REPROXY_FAILURE_NONE || !fetch->node)
        return;
    reproxy_node_failed(fetch->node, failure,
                        fetch->first < fetch->ask->first ? 0 : fetch->asked_at, tier_clock_now());
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, fetch->r, WTNO(3010) "storage node %s failed: %s%s",
                  fetch->url.node, reproxy_failure_name(failure),
                  failure == REPROXY_FAILURE_STATUS || failure == REPROXY_FAILURE_ABSENT
                      ? apr_psprintf(fetch->r->pool, " (%d)", fetch->head.status)
                      : "");
}

/* Nothing of the buffer is on its way to the client any more. */
static int is_alone(const apr_bucket *buffer)
{
    return ((const apr_bucket_refcount *)buffer->data)->refcount == 1;
}

/* The size of the buffer that is needed next. */
static apr_size_t wanted_room(const reproxy_fetch_t *fetch)
{
    return fetch->ask->may_relay && !fetch->is_framed && fetch->size < HEAD_ROOM / 2
               ? HEAD_ROOM
               : REPROXY_BUFFERS_SIZE;
}

static void give_back(void *memory)
{
    reproxy_buffers_give(&reproxy_scene()->buffers, memory);
}

/* Takes memory of that size into fetch->buffer, in place of what was there. */
static char *take_buffer(reproxy_fetch_t *fetch, apr_size_t room)
{
    apr_bucket_alloc_t *alloc = fetch->r->connection->bucket_alloc;
    int is_large = room == REPROXY_BUFFERS_SIZE;
    char *memory = is_large ? reproxy_buffers_take(&reproxy_scene()->buffers) : NULL;

    if (!memory) {
        memory = apr_bucket_alloc(room, alloc);
        is_large = 0;
    }
    if (fetch->size > 0)
        memcpy(memory, fetch->data, fetch->size);
    if (fetch->buffer)
        apr_bucket_destroy(fetch->buffer);
    fetch->buffer =
        apr_bucket_heap_create(memory, room, is_large ? give_back : apr_bucket_free, alloc);
    fetch->room = room;
    return memory;
}

/* Moves what is left to the start of a buffer with room behind it: the same where it is free and
 * large enough. */
static char *make_room(reproxy_fetch_t *fetch)
{
    const char *base = NULL;
    char *memory;
    apr_size_t whole, room = wanted_room(fetch);

    if (fetch->buffer && fetch->room >= room && is_alone(fetch->buffer)) {
        apr_bucket_read(fetch->buffer, &base, &whole, APR_BLOCK_READ);
        memory = (char *)base;
        memmove(memory, fetch->data, fetch->size);
    } else {
        memory = take_buffer(fetch, room);
    }
    fetch->data = memory;
    return memory + fetch->size;
}

/* Returns the request. It lies where its answer will be read: nobody needs it after that. */
static const char *question(reproxy_fetch_t *fetch, apr_size_t *size)
{
    const reproxy_fetch_ask_t *ask = fetch->ask;
    const char *const parts[] = {ask->is_head ? "HEAD " : "GET ",
                                 fetch->url.target,
                                 " HTTP/1.1\r\nHost: ",
                                 fetch->url.authority,
                                 "\r\nConnection: keep-alive\r\n",
                                 ask->range ? "Range: " : "",
                                 ask->range ? ask->range : "",
                                 ask->range ? "\r\n\r\n" : "\r\n"};
    apr_size_t sizes[sizeof(parts) / sizeof(parts[0])];
    char *text, *to;

    *size = 0;
    for (apr_size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        *size += sizes[i] = strlen(parts[i]);
    text = make_room(fetch);
    if (*size > fetch->room)
        text = apr_palloc(fetch->r->pool, *size);
    to = text;
    for (apr_size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        memcpy(to, parts[i], sizes[i]);
        to += sizes[i];
    }
    return text;
}

static reproxy_failure_e failure_of(apr_status_t status)
{
    return APR_STATUS_IS_TIMEUP(status) ? REPROXY_FAILURE_TIMEOUT : REPROXY_FAILURE_CUT;
}

static reproxy_failure_e send_question(reproxy_fetch_t *fetch, int fresh)
{
    const reproxy_fetch_ask_t *ask = fetch->ask;
    const reproxy_wire_ask_t wire_ask = {&fetch->url, ask->allow, ask->trusted, fresh,
                                         ask->connect};
    reproxy_failure_e failure = reproxy_wire_open(&fetch->wire, fetch->r, &wire_ask);
    const char *text;
    apr_size_t size;
    apr_status_t status;

    if (failure != REPROXY_FAILURE_NONE)
        return failure;
    text = question(fetch, &size);
    status = reproxy_wire_send(&fetch->wire, text, size, ask->first);
    if (status != APR_SUCCESS && fetch->wire.is_reused && !APR_STATUS_IS_TIMEUP(status)) {
        reproxy_wire_close(&fetch->wire, 0);
        return send_question(fetch, 1);
    }
    if (status == APR_SUCCESS)
        return REPROXY_FAILURE_NONE;
    /* Over TLS the handshake is part of the first sending. */
    return fetch->wire.is_tls && !APR_STATUS_IS_TIMEUP(status) ? REPROXY_FAILURE_CONNECT
                                                               : failure_of(status);
}

reproxy_failure_e reproxy_fetch_begin(reproxy_fetch_t *fetch, request_rec *r,
                                      const reproxy_fetch_ask_t *ask, const char *url, int copy)
{
    const char *problem;
    reproxy_failure_e failure;

    memset(fetch, 0, sizeof(*fetch));
    fetch->r = r;
    fetch->ask = ask;
    fetch->copy = copy;
    problem = reproxy_url_parse(&fetch->url, url, r->pool);
    if (problem) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      WTNO(3005) "what is to be fetched %s: \"%.200s\"", problem,
                      ap_escape_logitem(r->pool, url));
        tier_counter_add(&reproxy_scene()->table->counts[REPROXY_COUNT_REFUSED], 1);
        return REPROXY_FAILURE_REFUSED;
    }
    fetch->first = ask->first;
    fetch->asked_at = tier_clock_now();
    failure = send_question(fetch, 0);
    /* Nobody is counted who may not be asked: there is no end of names. */
    if (failure != REPROXY_FAILURE_REFUSED) {
        fetch->node = reproxy_node_find(reproxy_scene()->table, fetch->url.node);
        tier_counter_add(&fetch->node->requests, 1);
    }
    if (failure != REPROXY_FAILURE_NONE)
        reproxy_fetch_fail(fetch, failure);
    return failure;
}

static apr_status_t read_more(reproxy_fetch_t *fetch, apr_interval_time_t timeout)
{
    char *memory = make_room(fetch);
    apr_size_t size = fetch->room - fetch->size;
    apr_status_t status = reproxy_wire_receive(&fetch->wire, memory, &size, timeout);

    if (status == APR_SUCCESS)
        fetch->size += size;
    return status;
}

/* Reads one head, which may be an interim one. */
static reproxy_failure_e read_head(reproxy_fetch_t *fetch, apr_time_t deadline)
{
    for (;;) {
        apr_size_t used = 0;
        apr_status_t status;

        /* What data points to is the buffer's, of which nobody else has anything yet. */
        switch (fetch->size == 0
                    ? REPROXY_HEAD_MORE
                    : reproxy_head_parse(&fetch->head, &used, (char *)fetch->data, fetch->size)) {
        case REPROXY_HEAD_DONE:
            fetch->data += used;
            fetch->size -= used;
            return REPROXY_FAILURE_NONE;
        case REPROXY_HEAD_BAD:
            return REPROXY_FAILURE_GARBAGE;
        default:
            break;
        }
        if (fetch->size >= REPROXY_BUFFERS_SIZE / 2)
            return REPROXY_FAILURE_GARBAGE;
        status = read_more(fetch, deadline - tier_clock_now());
        if (status != APR_SUCCESS)
            return failure_of(status);
    }
}

static void set_framing(reproxy_fetch_t *fetch)
{
    const reproxy_head_t *head = &fetch->head;

    if (fetch->ask->is_head || head->status == HTTP_NO_CONTENT || head->status == HTTP_NOT_MODIFIED)
        fetch->left = 0;
    else
        fetch->left = head->chunked ? -1 : head->length;
    /* Without framing the end of the connection is the end of the body. */
    if (fetch->left < 0 && !head->chunked)
        fetch->head.keeps = 0;
    fetch->is_framed = 1;
}

static reproxy_failure_e first_head(reproxy_fetch_t *fetch)
{
    apr_time_t deadline = fetch->asked_at + fetch->first;
    reproxy_failure_e failure;

    do
        failure = read_head(fetch, deadline);
    while (failure == REPROXY_FAILURE_NONE && fetch->head.status < 200 &&
           fetch->head.status != HTTP_SWITCHING_PROTOCOLS);
    return failure;
}

reproxy_failure_e reproxy_fetch_head(reproxy_fetch_t *fetch)
{
    reproxy_failure_e failure = first_head(fetch);

    /* The node closed a kept connection while the question was on its way. */
    if (failure == REPROXY_FAILURE_CUT && fetch->wire.is_reused && fetch->size == 0) {
        reproxy_wire_close(&fetch->wire, 0);
        failure = send_question(fetch, 1);
        if (failure == REPROXY_FAILURE_NONE)
            failure = first_head(fetch);
    }
    if (failure != REPROXY_FAILURE_NONE) {
        reproxy_fetch_fail(fetch, failure);
        return failure;
    }
    reproxy_node_answered(fetch->node, tier_clock_now() - fetch->asked_at);
    fetch->first = fetch->ask->first; /* what fails from now on is no lack of patience */
    set_framing(fetch);
    return REPROXY_FAILURE_NONE;
}

/* Makes a bucket of a run within the buffer. What is short is copied: held back for a slow client
 * it would keep the whole buffer. */
static apr_bucket *slice(reproxy_fetch_t *fetch, const char *data, apr_size_t size)
{
    apr_bucket *bucket;
    const char *base;
    apr_size_t whole;

    tier_counter_add(&fetch->node->bytes, size);
    if (size <= COPY_MAX)
        return apr_bucket_heap_create(data, size, NULL, fetch->r->connection->bucket_alloc);
    apr_bucket_read(fetch->buffer, &base, &whole, APR_BLOCK_READ);
    apr_bucket_copy(fetch->buffer, &bucket);
    bucket->start = data - base;
    bucket->length = size;
    return bucket;
}

static apr_status_t finish(reproxy_fetch_t *fetch)
{
    /* Bytes behind the end belong to no answer. */
    reproxy_wire_close(&fetch->wire, fetch->head.keeps && fetch->size == 0);
    drop_buffer(fetch);
    return APR_EOF;
}

/* Behind the little that was read with a head the rest has come most likely: it goes on together,
 * in one piece instead of two. */
static void take_rest(reproxy_fetch_t *fetch)
{
    apr_size_t room;
    char *memory;

    if (fetch->room >= REPROXY_BUFFERS_SIZE || fetch->left <= (apr_off_t)fetch->size)
        return;
    memory = make_room(fetch);
    room = fetch->room - fetch->size;
    if ((apr_off_t)room > fetch->left - (apr_off_t)fetch->size)
        room = (apr_size_t)(fetch->left - (apr_off_t)fetch->size);
    fetch->size += reproxy_wire_take(&fetch->wire, memory, room);
}

static apr_status_t plain_body(reproxy_fetch_t *fetch, apr_bucket **bucket)
{
    apr_size_t size;

    take_rest(fetch);
    size = fetch->size;

    if (fetch->left >= 0 && (apr_off_t)size > fetch->left)
        size = (apr_size_t)fetch->left;
    *bucket = slice(fetch, fetch->data, size);
    fetch->data += size;
    fetch->size -= size;
    if (fetch->left >= 0)
        fetch->left -= (apr_off_t)size;
    return APR_SUCCESS;
}

/* Returns APR_INCOMPLETE when more must be read first. */
static apr_status_t chunked_body(reproxy_fetch_t *fetch, apr_bucket **bucket)
{
    const char *run;
    apr_size_t size;

    switch (reproxy_chunk_next(&fetch->chunk, &fetch->data, &fetch->size, &run, &size)) {
    case REPROXY_CHUNK_BODY:
        *bucket = slice(fetch, run, size);
        return APR_SUCCESS;
    case REPROXY_CHUNK_END:
        return finish(fetch);
    case REPROXY_CHUNK_BAD:
        return APR_EGENERAL;
    default:
        return APR_INCOMPLETE;
    }
}

apr_status_t reproxy_fetch_body(reproxy_fetch_t *fetch, apr_bucket **bucket)
{
    apr_status_t status;

    for (;;) {
        if (fetch->left == 0)
            return finish(fetch);
        if (fetch->size > 0) {
            status = fetch->head.chunked ? chunked_body(fetch, bucket) : plain_body(fetch, bucket);
            if (status != APR_INCOMPLETE)
                return status;
        }
        status = read_more(fetch, fetch->ask->stall);
        if (APR_STATUS_IS_EOF(status) && fetch->left < 0 && !fetch->head.chunked)
            return finish(fetch);
        if (status != APR_SUCCESS)
            return APR_STATUS_IS_EOF(status) ? APR_ECONNRESET : status;
    }
}
