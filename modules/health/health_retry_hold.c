/* SPDX-License-Identifier: Apache-2.0 */
#include "health_retry_hold.h"

#include "health_retry_backend.h"
#include "health_retry_member.h"

#define FILTER_NAME "TIER_HEALTH_HOLD"

/* What a brigade says of the answer. */
typedef struct sight_t {
    int broken;
    int whole;
    apr_off_t size; /* -1: not known */
} sight_t;

static sight_t look(const apr_bucket_brigade *bb)
{
    sight_t sight = {0, 0, 0};

    for (apr_bucket *e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb);
         e = APR_BUCKET_NEXT(e)) {
        if (AP_BUCKET_IS_ERROR(e) || AP_BUCKET_IS_EOC(e))
            sight.broken = 1;
        else if (APR_BUCKET_IS_EOS(e))
            sight.whole = 1;
        else if (e->length == (apr_size_t)-1)
            sight.size = -1;
        else if (sight.size >= 0)
            sight.size += (apr_off_t)e->length;
    }
    return sight;
}

static health_attempt_e how_broken(const health_retry_t *retry)
{
    if (retry->timed_out)
        return HEALTH_ATTEMPT_TIMEOUT;
    if (retry->malformed)
        return HEALTH_ATTEMPT_MALFORMED;
    return retry->sent && !retry->heard ? HEALTH_ATTEMPT_EMPTY : HEALTH_ATTEMPT_TRUNCATED;
}

/* Returns what is bad of the answer as far as it is known, or HEALTH_ATTEMPT_PASSED. */
static health_attempt_e judge(const health_retry_t *retry, const sight_t *sight)
{
    int status = retry->r->status;

    if (sight->broken)
        return how_broken(retry);
    if (retry->answer != HEALTH_ANSWER_NONE)
        return HEALTH_ATTEMPT_PASSED;
    if (retry->malformed)
        return HEALTH_ATTEMPT_MALFORMED;
    if (retry->cut)
        return HEALTH_ATTEMPT_TRUNCATED;
    if (status >= HTTP_INTERNAL_SERVER_ERROR || health_retry_on_status(retry->config.on, status))
        return HEALTH_ATTEMPT_STATUS;
    return HEALTH_ATTEMPT_PASSED;
}

/* The member goes on with a bad answer: what is short is read to its end, so that the connection
 * can be kept, of the rest the end is not awaited. */
static apr_status_t drop(health_retry_t *retry, apr_bucket_brigade *bb, const sight_t *sight)
{
    apr_brigade_cleanup(retry->held);
    apr_brigade_cleanup(bb);
    retry->answer = HEALTH_ANSWER_DROPPED;
    retry->held_size += sight->size < 0 ? retry->config.hold_size + 1 : sight->size;
    if (retry->hold_until == 0)
        retry->hold_until = health_retry_about_now() + retry->config.hold_time;
    if (sight->whole || sight->broken)
        return APR_SUCCESS;
    return retry->held_size > retry->config.hold_size ||
                   health_retry_about_now() >= retry->hold_until
               ? APR_ECONNABORTED
               : APR_SUCCESS;
}

apr_status_t health_retry_hold_release(health_retry_t *retry, int flush)
{
    apr_bucket_brigade *held = retry->held;
    apr_status_t status;

    retry->answer = HEALTH_ANSWER_GIVEN;
    if (flush)
        APR_BRIGADE_INSERT_TAIL(held, apr_bucket_flush_create(held->bucket_alloc));
    if (APR_BRIGADE_EMPTY(held))
        return APR_SUCCESS;
    status = ap_pass_brigade(retry->hold->next, held);
    apr_brigade_cleanup(held);
    return status;
}

/* An answer that the hold cannot contain would only be late. */
static int is_too_long(const request_rec *r, apr_int64_t limit)
{
    const char *length = apr_table_get(r->headers_out, "Content-Length");

    return length && apr_atoi64(length) > limit && !r->header_only;
}

/* Whether another attempt could follow at all: if not, nothing is worth holding. */
static int may_hold(const health_retry_t *retry)
{
    return retry->idempotent && retry->config.hold_size > 0 && retry->config.hold_time > 0 &&
           (int)retry->made < retry->config.attempts && !retry->body_lost &&
           !is_too_long(retry->r, retry->config.hold_size);
}

/* What was held goes with the rest of it, so that the filters after this one run once. */
static apr_status_t pass_on(health_retry_t *retry, apr_bucket_brigade *bb)
{
    retry->answer = HEALTH_ANSWER_GIVEN;
    APR_BRIGADE_PREPEND(bb, retry->held);
    return ap_pass_brigade(retry->hold->next, bb);
}

static apr_status_t keep(health_retry_t *retry, apr_bucket_brigade *bb, const sight_t *sight)
{
    apr_status_t status;

    if (retry->answer == HEALTH_ANSWER_NONE)
        retry->hold_until = health_retry_about_now() + retry->config.hold_time;
    status = ap_save_brigade(retry->hold, &retry->held, &bb, retry->r->pool);
    if (status != APR_SUCCESS)
        return status;
    retry->answer = HEALTH_ANSWER_HELD;
    retry->held_size += sight->size;
    if (retry->held_size > retry->config.hold_size || health_retry_about_now() >= retry->hold_until)
        return health_retry_hold_release(retry, 0);
    return APR_SUCCESS;
}

/* mod_proxy_http takes for an answer of HTTP/0.9, status 200, what is no HTTP at all. */
static int is_rubbish(const health_retry_t *retry)
{
    return retry->malformed && retry->answer == HEALTH_ANSWER_NONE && retry->before &&
           (retry->config.on->kinds & 1u << HEALTH_ATTEMPT_MALFORMED) != 0;
}

static apr_status_t hold(ap_filter_t *f, apr_bucket_brigade *bb)
{
    health_retry_t *retry = f->ctx;
    sight_t sight = look(bb);
    health_attempt_e bad;

    retry->sent = 1; /* only mod_proxy_http tells before */
    if (retry->answer == HEALTH_ANSWER_DROPPED)
        return drop(retry, bb, &sight);
    if (!sight.broken)
        health_retry_member_answered(retry);
    bad = judge(retry, &sight);
    if (bad != HEALTH_ATTEMPT_PASSED) {
        retry->attempt = bad;
        retry->status = f->r->status;
        retry->refused = (unsigned)is_rubbish(retry);
        if (health_retry_grant(retry, bad, f->r->status) || retry->refused)
            return drop(retry, bb, &sight);
        if (sight.broken)
            apr_table_unset(f->r->headers_in, "Range"); /* ranges are of what is whole */
        return pass_on(retry, bb);
    }
    if (retry->answer == HEALTH_ANSWER_GIVEN)
        return ap_pass_brigade(f->next, bb);
    if (sight.whole || sight.size < 0 || !may_hold(retry))
        return pass_on(retry, bb);
    return keep(retry, bb, &sight);
}

ap_filter_rec_t *health_retry_hold_filter(void)
{
    return ap_get_output_filter_handle(FILTER_NAME);
}

void health_retry_hold_register(void)
{
    /* Before all filters of content, which must not see an answer that is dropped. */
    ap_register_output_filter(FILTER_NAME, hold, NULL, AP_FTYPE_RESOURCE - 1);
}

void health_retry_hold_insert(health_retry_t *retry)
{
    request_rec *r = retry->r;

    retry->hold = ap_add_output_filter_handle(retry->scene->holding, retry, r, r->connection);
}
