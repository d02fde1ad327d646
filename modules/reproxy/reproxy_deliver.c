/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_deliver.h"

#include <http_protocol.h>

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include <clock.h>
#include <flushes.h>

#include "reproxy_delivery.h"
#include "reproxy_file.h"
#include "reproxy_private.h"
#include "reproxy_scene.h"

#define LAST_CHUNK_TIME apr_time_from_msec(50)

/* How a body ended. */
typedef enum { WHOLE, CUT, CLIENT_GONE } body_end_e;

static void count(reproxy_count_e what)
{
    tier_counter_add(&reproxy_scene()->table->counts[what], 1);
}

int reproxy_deliver_pass(reproxy_delivery_t *delivery, apr_bucket_brigade *bb)
{
    request_rec *r = delivery->r;
    apr_status_t status;

    delivery->started = 1;
    status = ap_pass_brigade(r->output_filters, bb);
    apr_brigade_cleanup(bb);
    return status == APR_SUCCESS && !r->connection->aborted;
}

static void add_text(reproxy_delivery_t *delivery, apr_bucket_brigade *bb, const char *text)
{
    APR_BRIGADE_INSERT_TAIL(
        bb, apr_bucket_pool_create(text, strlen(text), delivery->r->pool, bb->bucket_alloc));
}

void reproxy_deliver_tell_cut(const reproxy_delivery_t *delivery)
{
    const char *tail = reproxy_quiet_tail(&reproxy_scene()->table->quiet[REPROXY_QUIET_CUT],
                                          tier_clock_now(), delivery->r->pool);

    count(REPROXY_COUNT_CUT);
    if (tail)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, delivery->r,
                      WTNO(3012) "the body broke off at byte %" APR_OFF_T_FMT
                                 " and no copy can continue it: the client's connection is cut%s",
                      delivery->at, tail);
}

/* The client must not take what it has got for the whole: no final chunk, no further request. */
static void cut_client(reproxy_delivery_t *delivery, apr_bucket_brigade *bb)
{
    request_rec *r = delivery->r;

    reproxy_deliver_tell_cut(delivery);
    r->no_cache = 1;
    r->connection->keepalive = AP_CONN_CLOSE;
    APR_BRIGADE_INSERT_TAIL(
        bb, ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, r->pool, bb->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(bb, ap_bucket_eoc_create(bb->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    ap_pass_brigade(r->output_filters, bb);
    apr_brigade_cleanup(bb);
}

reproxy_failure_e reproxy_deliver_why(apr_status_t status)
{
    if (APR_STATUS_IS_TIMEUP(status))
        return REPROXY_FAILURE_STALL;
    return status == APR_EGENERAL ? REPROXY_FAILURE_GARBAGE : REPROXY_FAILURE_CUT;
}

int reproxy_deliver_resume(reproxy_delivery_t *delivery, reproxy_failure_e failure, apr_off_t last)
{
    const reproxy_span_t rest = {delivery->at, last};

    reproxy_source_done(delivery, failure);
    if (delivery->size < 0 || reproxy_config_resume(delivery->config) == REPROXY_RESUME_OFF)
        return 0;
    if (!reproxy_source_open(delivery, &rest))
        return 0;
    count(REPROXY_COUNT_RESUMED);
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, delivery->r,
                  WTNO(3013) "the body is continued at byte %" APR_OFF_T_FMT " from %s",
                  delivery->at, delivery->fetch->url.node);
    return 1;
}

int reproxy_deliver_trim(reproxy_delivery_t *delivery, apr_bucket *bucket)
{
    if (delivery->skip >= (apr_off_t)bucket->length) {
        delivery->skip -= (apr_off_t)bucket->length;
        apr_bucket_destroy(bucket);
        return 0;
    }
    bucket->start += delivery->skip;
    bucket->length -= (apr_size_t)delivery->skip;
    delivery->skip = 0;
    return 1;
}

int reproxy_deliver_is_verified(const reproxy_delivery_t *delivery)
{
    return delivery->order->md5 && delivery->span_count == 0;
}

/* Returns 1 unless this is the file's last byte and it is not the file of the checksum. */
static int verify(reproxy_delivery_t *delivery, apr_bucket *bucket, int is_last)
{
    unsigned char digest[APR_MD5_DIGESTSIZE];
    char text[2 * APR_MD5_DIGESTSIZE + 1];
    const char *data;
    apr_size_t size;

    if (!reproxy_deliver_is_verified(delivery))
        return 1;
    if (!delivery->md5)
        delivery->md5 = apr_palloc(delivery->r->pool, sizeof(*delivery->md5));
    if (delivery->at == 0)
        apr_md5_init(delivery->md5);
    if (bucket) {
        apr_bucket_read(bucket, &data, &size, APR_BLOCK_READ);
        apr_md5_update(delivery->md5, data, size);
    }
    if (!is_last)
        return 1;
    apr_md5_final(digest, delivery->md5);
    ap_bin2hex(digest, sizeof(digest), text);
    return strcasecmp(text, delivery->order->md5) == 0;
}

/* The last byte that is wanted is read. Gives the connection back before the client has taken it.
 * Returns 0 when the file goes on (known already, or seen now) although its size is known. */
static int finish_source(reproxy_delivery_t *delivery, int goes_on)
{
    reproxy_fetch_t *fetch = delivery->fetch;
    reproxy_failure_e failure = goes_on ? REPROXY_FAILURE_SIZE : REPROXY_FAILURE_NONE;
    apr_bucket *more;

    if (fetch->left == 0) {
        reproxy_fetch_body(fetch, &more);
    } else if (!goes_on && fetch->head.chunked && delivery->at == delivery->size) {
        /* The last chunk is not worth making the client wait. */
        delivery->ask.stall = LAST_CHUNK_TIME;
        if (reproxy_fetch_body(fetch, &more) == APR_SUCCESS) {
            apr_bucket_destroy(more);
            failure = REPROXY_FAILURE_SIZE;
        }
        delivery->ask.stall = reproxy_config_stall(delivery->config);
    }
    reproxy_source_done(delivery, failure);
    return failure == REPROXY_FAILURE_NONE;
}

/* Not the bytes the checksum was made of. Returns 1 when another copy begins anew, which only goes
 * as long as the client has got none of them. */
static int begin_anew(reproxy_delivery_t *delivery)
{
    reproxy_source_done(delivery, REPROXY_FAILURE_CHECKSUM);
    if (delivery->started)
        return 0;
    delivery->at = 0;
    delivery->etag = delivery->modified = NULL;
    return reproxy_source_open(delivery, NULL);
}

/* Puts a piece of the file into bb, cut to what is wanted up to last. Returns 1; 0 when there is
 * nothing of it to send now. *end is set when it was the last, or nothing goes on from here. */
static int take_piece(reproxy_delivery_t *delivery, apr_bucket_brigade *bb, apr_bucket *bucket,
                      apr_off_t last, int *end)
{
    int is_last, goes_on = 0;

    if (!reproxy_deliver_trim(delivery, bucket))
        return 0;
    if (last >= 0 && (apr_off_t)bucket->length > last - delivery->at + 1) {
        bucket->length = (apr_size_t)(last - delivery->at + 1);
        goes_on = last + 1 == delivery->size;
    }
    is_last = last >= 0 && delivery->at + (apr_off_t)bucket->length > last;
    APR_BRIGADE_INSERT_TAIL(bb, bucket);
    if (!verify(delivery, bucket, is_last)) {
        apr_brigade_cleanup(bb);
        *end = !begin_anew(delivery);
        return 0;
    }
    delivery->at += (apr_off_t)bucket->length;
    *end = is_last;
    if (is_last && !finish_source(delivery, goes_on)) {
        apr_brigade_cleanup(bb);
        return 0;
    }
    return 1;
}

/* Sends the bytes up to last; -1: to the end of a file of unknown size. with_eos: the answer ends
 * with them. */
static body_end_e send_span(reproxy_delivery_t *delivery, apr_bucket_brigade *bb, apr_off_t last,
                            int with_eos)
{
    int end = 0;

    for (;;) {
        apr_bucket *bucket;
        apr_status_t status = reproxy_fetch_body(delivery->fetch, &bucket);

        if (APR_STATUS_IS_EOF(status) && last < 0) {
            int is_right = verify(delivery, NULL, 1);

            reproxy_source_done(delivery,
                                is_right ? REPROXY_FAILURE_NONE : REPROXY_FAILURE_CHECKSUM);
            return is_right ? WHOLE : CUT;
        }
        if (status != APR_SUCCESS) {
            if (!reproxy_deliver_resume(delivery, reproxy_deliver_why(status), last))
                return CUT;
            continue;
        }
        if (!take_piece(delivery, bb, bucket, last, &end)) {
            if (end)
                return CUT;
            continue;
        }
        if (end && with_eos)
            APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
        if (!reproxy_deliver_pass(delivery, bb))
            return CLIENT_GONE;
        if (end)
            return WHOLE;
    }
}

static body_end_e send_parts(reproxy_delivery_t *delivery, apr_bucket_brigade *bb)
{
    for (int i = 0; i < delivery->span_count; i++) {
        const reproxy_span_t *span = &delivery->spans[i];
        body_end_e end;

        add_text(delivery, bb, reproxy_answer_part(delivery, i));
        delivery->at = span->first;
        if (!delivery->fetch && !reproxy_source_open(delivery, span))
            return CUT;
        end = send_span(delivery, bb, span->last, 0);
        if (end != WHOLE)
            return end;
    }
    add_text(delivery, bb, reproxy_answer_part(delivery, delivery->span_count));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    return reproxy_deliver_pass(delivery, bb) ? WHOLE : CLIENT_GONE;
}

static body_end_e send_whole(reproxy_delivery_t *delivery, apr_bucket_brigade *bb)
{
    const reproxy_span_t *span = delivery->span_count ? &delivery->spans[0] : NULL;
    apr_off_t last = span ? span->last : delivery->size - 1;
    body_end_e end = WHOLE;

    delivery->at = span ? span->first : 0;
    if (!delivery->r->header_only && delivery->size != 0)
        end = send_span(delivery, bb, delivery->size < 0 ? -1 : last, 1);
    if (end != WHOLE || delivery->r->eos_sent)
        return end;
    if (delivery->fetch && delivery->fetch->left == 0)
        finish_source(delivery, 0);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    return reproxy_deliver_pass(delivery, bb) ? WHOLE : CLIENT_GONE;
}

static int send_body(reproxy_delivery_t *delivery)
{
    request_rec *r = delivery->r;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    body_end_e end = delivery->is_multipart ? send_parts(delivery, bb) : send_whole(delivery, bb);

    if (end == CUT && delivery->started)
        cut_client(delivery, bb);
    reproxy_source_done(delivery, REPROXY_FAILURE_NONE);
    return end != CUT || delivery->started ? OK : reproxy_source_status(delivery);
}

/* The first answer of a copy tells the size, and with it what the client's ranges mean. Returns OK
 * with the right bytes under way, or a status. */
static int settle_ranges(reproxy_delivery_t *delivery)
{
    const reproxy_span_t *span;
    reproxy_span_t asked;
    int status;

    if (delivery->span_count == 0)
        return OK;
    asked = delivery->spans[0];
    status = reproxy_answer_resolve(delivery);
    if (status != OK)
        return status;
    span = delivery->span_count ? &delivery->spans[0] : NULL;
    if (reproxy_range_resolve(&asked, delivery->size) && span && asked.first == span->first &&
        asked.last == span->last)
        return OK;
    /* The first range cannot be had, or they are too many bytes: other bytes are wanted. */
    reproxy_source_done(delivery, REPROXY_FAILURE_NONE);
    delivery->is_unsatisfiable = 0;
    return reproxy_source_open(delivery, span) ? OK : reproxy_source_status(delivery);
}

static int open_first(reproxy_delivery_t *delivery)
{
    int status = delivery->size >= 0 ? reproxy_answer_resolve(delivery) : OK;

    if (status != OK)
        return status;
    if (reproxy_source_open(delivery, delivery->span_count ? &delivery->spans[0] : NULL) ||
        delivery->is_unsatisfiable)
        return settle_ranges(delivery);
    return delivery->r->connection->aborted ? OK : reproxy_source_status(delivery);
}

static void set_up(reproxy_delivery_t *delivery, request_rec *r, const reproxy_order_t *order)
{
    const reproxy_config_t *config = reproxy_config_of(r);

    delivery->r = r;
    delivery->order = order;
    delivery->config = config;
    delivery->size = order->size;
    delivery->plan.count =
        order->url_count < REPROXY_PLAN_MAX ? order->url_count : REPROXY_PLAN_MAX;
    delivery->ask.allow = config->allow;
    delivery->ask.trusted = (int)order->trusted;
    delivery->ask.is_head = r->header_only;
    /* What is verified is read in large pieces: a bad one that is small costs nothing. */
    delivery->ask.may_relay = reproxy_scene()->relay && !order->md5;
    delivery->ask.connect = reproxy_config_connect(config);
    delivery->ask.first = reproxy_config_first(config);
    delivery->ask.stall = reproxy_config_stall(config);
}

static apr_status_t free_memory(void *memory)
{
    free(memory);
    return APR_SUCCESS;
}

/* Of the heap, where what many slow clients hold lies close together: pools take whole pages. */
static reproxy_delivery_t *make_delivery(apr_pool_t *pool)
{
    reproxy_delivery_t *delivery = calloc(1, sizeof(*delivery));

    if (!delivery)
        return apr_pcalloc(pool, sizeof(*delivery));
    apr_pool_cleanup_register(pool, delivery, free_memory, apr_pool_cleanup_null);
    return delivery;
}

int reproxy_deliver(request_rec *r, const reproxy_order_t *order)
{
    reproxy_delivery_t *delivery;
    int status;

    tier_flushes_no_more(r);
    if (order->path)
        return reproxy_file_deliver(r, order);
    reproxy_answer_dress(r, order);
    status = reproxy_answer_conditions(r);
    if (status != OK)
        return status;
    delivery = make_delivery(r->pool);
    set_up(delivery, r, order);
    reproxy_answer_ranges(delivery);
    status = open_first(delivery);
    if (status != OK) {
        reproxy_source_done(delivery, REPROXY_FAILURE_NONE);
        if (status >= HTTP_INTERNAL_SERVER_ERROR)
            count(REPROXY_COUNT_FAILED);
        return status;
    }
    if (!delivery->fetch) /* the client is gone */
        return OK;
    reproxy_answer_head(delivery);
    return reproxy_handover(delivery) ? DONE : send_body(delivery);
}
