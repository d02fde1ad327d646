/* SPDX-License-Identifier: Apache-2.0 */
/* Where an internal request's body comes from and its answer goes to. */
#include "internal.h"
#include "internal_private.h"

#include <http_connection.h>
#include <http_protocol.h>
#include <http_request.h>

static int has_eos(apr_bucket_brigade *brigade)
{
    for (apr_bucket *b = APR_BRIGADE_FIRST(brigade); b != APR_BRIGADE_SENTINEL(brigade);
         b = APR_BUCKET_NEXT(b)) {
        if (APR_BUCKET_IS_EOS(b))
            return 1;
    }
    return 0;
}

/*
 * mod_proxy gives the backend's connection to others just before it passes the end of the answer.
 * Between the two, for some microseconds, an abort would cut off another request; one that needs a
 * second look at the clock is not worth it.
 */
static apr_status_t top_filter(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    ap_filter_t *next = f->next;
    tier_internal_t *internal = tier_internal_of(f->r);

    if (has_eos(brigade)) {
        tier_internal_forget_backend(internal);
        ap_remove_output_filter(f);
    }
    return ap_pass_brigade(next, brigade);
}

static apr_status_t give_answer(tier_internal_t *internal, request_rec *r)
{
    const tier_internal_sink_t *sink = &internal->spec.sink;
    apr_table_t *fields;
    const char *type;

    internal->has_answer = 1;
    internal->result.status = r->status;
    if (!sink->answer)
        return APR_SUCCESS;
    fields = apr_table_overlay(r->pool, r->err_headers_out, r->headers_out);
    type = ap_make_content_type(r, r->content_type); /* NULL of an empty one, too */
    if (type)
        apr_table_setn(fields, "Content-Type", type);
    return sink->answer(r, fields, internal->spec.baton);
}

static apr_status_t give_body(tier_internal_t *internal, apr_bucket_brigade *brigade)
{
    const tier_internal_sink_t *sink = &internal->spec.sink;
    apr_off_t size;
    apr_status_t rv = apr_brigade_length(brigade, 1, &size);

    if (rv == APR_SUCCESS && sink->body)
        rv = sink->body(brigade, internal->spec.baton);
    if (rv == APR_SUCCESS)
        internal->result.body_size += size;
    return rv;
}

static int has_error(apr_bucket_brigade *brigade)
{
    for (apr_bucket *b = APR_BRIGADE_FIRST(brigade); b != APR_BRIGADE_SENTINEL(brigade);
         b = APR_BUCKET_NEXT(b)) {
        if (AP_BUCKET_IS_ERROR(b) || AP_BUCKET_IS_EOC(b))
            return 1;
    }
    return 0;
}

static apr_status_t sink_filter(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    tier_internal_t *internal = tier_internal_of(f->r);
    int ends = has_eos(brigade);
    apr_status_t rv = APR_SUCCESS;

    if (has_error(brigade) || tier_internal_is_over(internal) || f->r->connection->aborted) {
        rv = APR_ECONNABORTED;
    } else if (!internal->has_answer) {
        rv = give_answer(internal, f->r);
    }
    if (rv == APR_SUCCESS)
        rv = give_body(internal, brigade);
    apr_brigade_cleanup(brigade);
    if (rv != APR_SUCCESS) {
        f->r->connection->aborted = 1;
        return APR_ECONNABORTED;
    }
    internal->result.is_complete |= ends;
    return APR_SUCCESS;
}

/* Interim answers, flushes: nobody wants them. */
static apr_status_t end_filter(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    (void)f;
    apr_brigade_cleanup(brigade);
    return APR_SUCCESS;
}

static apr_status_t source_filter(ap_filter_t *f, apr_bucket_brigade *brigade, ap_input_mode_t mode,
                                  apr_read_type_e block, apr_off_t wanted)
{
    tier_internal_t *internal = f->ctx;
    apr_bucket_alloc_t *alloc = f->c->bucket_alloc;
    apr_size_t size = internal->spec.body_size - internal->body_sent;

    (void)block;
    if (mode != AP_MODE_READBYTES && mode != AP_MODE_EXHAUSTIVE)
        return APR_EOF;
    if (mode == AP_MODE_READBYTES && (apr_off_t)size > wanted)
        size = (apr_size_t)wanted;
    if (size > 0)
        APR_BRIGADE_INSERT_TAIL(
            brigade,
            apr_bucket_immortal_create(internal->spec.body + internal->body_sent, size, alloc));
    internal->body_sent += size;
    if (internal->body_sent == internal->spec.body_size)
        APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(alloc));
    return APR_SUCCESS;
}

void tier_internal_register_filters(void)
{
    ap_register_output_filter(TIER_INTERNAL_TOP, top_filter, NULL, AP_FTYPE_RESOURCE - 1);
    ap_register_output_filter(TIER_INTERNAL_SINK, sink_filter, NULL, AP_FTYPE_PROTOCOL);
    ap_register_output_filter(TIER_INTERNAL_END, end_filter, NULL, AP_FTYPE_NETWORK);
    ap_register_input_filter(TIER_INTERNAL_SOURCE, source_filter, NULL, AP_FTYPE_NETWORK);
}
