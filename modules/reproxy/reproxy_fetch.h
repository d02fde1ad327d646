/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_FETCH_H
#define REPROXY_FETCH_H

#include <httpd.h>

#include "reproxy_chunk.h"
#include "reproxy_head.h"
#include "reproxy_node.h"
#include "reproxy_range.h"
#include "reproxy_wire.h"

/* What a storage node is asked, and how patiently. */
typedef struct reproxy_fetch_ask_t {
    const apr_array_header_t *allow;
    int trusted;
    int is_head;
    int may_relay;     /* little of the body is to be read with the head */
    const char *range; /* the Range field; NULL: the whole file */
    apr_interval_time_t connect, first, stall;
} reproxy_fetch_ask_t;

/*
 * One question to one storage node and its answer. Zeroed: not begun. One thread. What it
 * allocates lives in r->pool, its buffers in buckets of the client connection.
 */
typedef struct reproxy_fetch_t {
    request_rec *r;
    const reproxy_fetch_ask_t *ask;
    reproxy_url_t url;
    reproxy_node_t *node;
    int copy; /* the caller's name for it */
    reproxy_wire_t wire;
    apr_time_t asked_at;       /* monotonic */
    apr_interval_time_t first; /* how long its first byte is waited for: ask's, or less */
    reproxy_head_t head;       /* its strings last until the first byte of the body is asked for */
    reproxy_chunk_t chunk;
    apr_bucket *buffer; /* what was read, as one bucket of `room` bytes; NULL: nothing */
    apr_size_t room;    /* REPROXY_BUFFERS_SIZE at most */
    const char *data;   /* within it: not yet used */
    apr_size_t size;
    int is_framed;  /* head and left are those of the answer */
    apr_off_t left; /* bytes of body that the framing still promises; -1: not known */
} reproxy_fetch_t;

/*
 * Connects and sends the question. Returns _NONE, or why not: reproxy_fetch_fail was called then.
 */
reproxy_failure_e reproxy_fetch_begin(reproxy_fetch_t *fetch, request_rec *r,
                                      const reproxy_fetch_ask_t *ask, const char *url, int copy);

/*
 * Reads the head of the answer, by ask->first after the question at the latest, and its Location
 * aside decides nothing. A kept connection that ends without a byte is replaced once. Returns _NONE
 * with fetch->head filled, or why not: reproxy_fetch_fail was called then.
 */
reproxy_failure_e reproxy_fetch_head(reproxy_fetch_t *fetch);

/*
 * Returns the next bytes of the body as a bucket in *bucket (the caller's), waiting for up to
 * ask->stall. APR_SUCCESS; APR_EOF at the end of a whole body: the connection has been given back;
 * APR_TIMEUP; any other: the body is cut (APR_EGENERAL: its framing is wrong).
 */
apr_status_t reproxy_fetch_body(reproxy_fetch_t *fetch, apr_bucket **bucket);

/* Ends it: counts a failure (logged at info), or _NONE: what is left of the answer is not
 * wanted. */
void reproxy_fetch_fail(reproxy_fetch_t *fetch, reproxy_failure_e failure);

#endif
