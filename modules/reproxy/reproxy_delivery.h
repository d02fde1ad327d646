/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_DELIVERY_H
#define REPROXY_DELIVERY_H

#include <httpd.h>
#include <apr_md5.h>

#include "reproxy_config.h"
#include "reproxy_deliver.h"
#include "reproxy_fetch.h"
#include "reproxy_order.h"
#include "reproxy_plan.h"
#include "reproxy_range.h"

#define REPROXY_SPANS_MAX 64
/* How often each copy may break off within one body. */
#define REPROXY_ROUNDS 3

/*
 * One delivery under way: what reproxy_source.c (from which copy), reproxy_answer.c (what the
 * client is told) and reproxy_deliver.c (the bytes) share. One thread; lives as long as r->pool,
 * for as long as a slow client takes: what few requests need is allocated when it is needed.
 */
typedef struct reproxy_delivery_t {
    request_rec *r;
    const reproxy_order_t *order;
    const reproxy_config_t *config;
    reproxy_plan_t plan;
    reproxy_fetch_ask_t ask;
    reproxy_fetch_t *slots[2]; /* the second is NULL until it is needed */
    reproxy_fetch_t usual;     /* the first of them */
    reproxy_fetch_t *fetch;    /* the one that delivers; NULL: none */
    reproxy_fetch_t *given;    /* the one whose body the relay carries; NULL: none */
    reproxy_handover_t offer;  /* what the relay was offered */
    apr_bucket *pulled;        /* what a worker gives the client beside the relay; NULL: nothing */

    apr_off_t size;   /* of the whole file; -1: not known */
    const char *etag; /* what the storage said of the file the client gets */
    const char *modified;

    reproxy_span_t *spans; /* what the client gets */
    int span_count;        /* 0: the whole file */
    apr_off_t at;          /* position in the file of the next byte */
    apr_off_t skip;        /* bytes the fetch delivers before that */
    int settled;           /* what the client is told of the file cannot change any more */
    int started;           /* ... because it has been told */
    int is_multipart;
    const char *boundary;  /* ... between its parts */
    const char *part_type; /* ... and what they are; NULL: not said */
    int is_unsatisfiable;  /* the storage says so; size is set */
    apr_md5_ctx_t *md5;    /* of the bytes so far; NULL: none, or it is not verified */
} reproxy_delivery_t;

/* reproxy_source.c */

/*
 * Opens a copy that gives span (NULL: the whole file) in delivery->fetch, with size and validators
 * taken over. A node may answer with the whole file although it was asked for a part: before the
 * first byte was sent to the client that is its answer (span_count becomes 0), after that skip says
 * what is to be left out. Returns 1; 0 when no copy is left, or delivery->is_unsatisfiable.
 */
int reproxy_source_open(reproxy_delivery_t *delivery, const reproxy_span_t *span);

/* The copy that delivers has failed, or (_NONE) is not needed any more. */
void reproxy_source_done(reproxy_delivery_t *delivery, reproxy_failure_e failure);

/* Returns the HTTP status for a delivery that no copy could begin; logs why. */
int reproxy_source_status(reproxy_delivery_t *delivery);

/* reproxy_deliver.c */

/* Passes on what is in bb; the first time the head of the answer goes with it. Returns 0 when the
 * client is gone. */
int reproxy_deliver_pass(reproxy_delivery_t *delivery, apr_bucket_brigade *bb);

/* Counts and logs that the client does not get the whole body. */
void reproxy_deliver_tell_cut(const reproxy_delivery_t *delivery);

/* Returns the failure of a copy whose body ended with status. */
reproxy_failure_e reproxy_deliver_why(apr_status_t status);

/* The copy failed within the body. Returns 1 when another goes on with the bytes from at to last.
 */
int reproxy_deliver_resume(reproxy_delivery_t *delivery, reproxy_failure_e failure, apr_off_t last);

/* Leaves out what the client has got already. Returns 1 when something of the bucket is left. */
int reproxy_deliver_trim(reproxy_delivery_t *delivery, apr_bucket *bucket);

/* Returns 1 when the body is held against a checksum. */
int reproxy_deliver_is_verified(const reproxy_delivery_t *delivery);

/* reproxy_handover.c */

/* Offers the rest to the relay. Returns 1 when it has taken it. */
int reproxy_handover(reproxy_delivery_t *delivery);

/* reproxy_answer.c */

/* Puts what the order knows of the file into r's fields. */
void reproxy_answer_dress(request_rec *r, const reproxy_order_t *order);

/* Judges the client's conditions by r's fields. Returns OK, 304 or 412. */
int reproxy_answer_conditions(request_rec *r);

/* Reads what part of the file the client wants into spans, count of them: as asked, not resolved.
 */
void reproxy_answer_ranges(reproxy_delivery_t *delivery);

/*
 * Resolves the spans by delivery->size. Returns OK, with span_count 0 where the whole file is the
 * answer; HTTP_RANGE_NOT_SATISFIABLE, with Content-Range set.
 */
int reproxy_answer_resolve(reproxy_delivery_t *delivery);

/* Sets r->status and the fields of the answer, when a copy is open. */
void reproxy_answer_head(reproxy_delivery_t *delivery);

/* Returns what comes before part i of a multipart answer; i == span_count: what ends it. */
const char *reproxy_answer_part(const reproxy_delivery_t *delivery, int i);

/* Sets r's fields for a file whose range cannot be had. Returns HTTP_RANGE_NOT_SATISFIABLE. */
int reproxy_answer_unsatisfiable(request_rec *r, apr_off_t size);

#endif
