/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_delivery.h"

#include <http_protocol.h>

#include <string.h>

#include <apr_date.h>
#include <apr_general.h>
#include <apr_strings.h>

void reproxy_answer_dress(request_rec *r, const reproxy_order_t *order)
{
    if (order->etag)
        apr_table_setn(r->headers_out, "ETag", order->etag);
    if (order->content_type)
        ap_set_content_type(r, order->content_type);
    if (order->modified) {
        ap_update_mtime(r, order->modified);
        ap_set_last_modified(r);
    }
}

int reproxy_answer_conditions(request_rec *r)
{
    const char *modified = apr_table_get(r->headers_out, "Last-Modified");
    const char *etag = apr_table_get(r->headers_out, "ETag");

    if (r->status != HTTP_OK)
        return OK;
    if (modified) {
        r->mtime = apr_date_parse_http(modified);
        return ap_meets_conditions(r);
    }
    /* Without a date httpd would take now for it. */
    if (!etag)
        return OK;
    if (ap_condition_if_match(r, r->headers_out) == AP_CONDITION_NOMATCH)
        return HTTP_PRECONDITION_FAILED;
    switch (ap_condition_if_none_match(r, r->headers_out)) {
    case AP_CONDITION_WEAK:
    case AP_CONDITION_STRONG:
        return r->method_number == M_GET ? HTTP_NOT_MODIFIED : HTTP_PRECONDITION_FAILED;
    default:
        return OK;
    }
}

void reproxy_answer_ranges(reproxy_delivery_t *delivery)
{
    request_rec *r = delivery->r;
    const char *range = apr_table_get(r->headers_in, "Range");
    int max = 1;

    delivery->span_count = 0;
    if (!range || r->method_number != M_GET || r->header_only || r->status != HTTP_OK || r->main ||
        r->assbackwards)
        return;
    if (ap_condition_if_range(r, r->headers_out) == AP_CONDITION_NOMATCH)
        return;
    for (const char *comma = range; max < REPROXY_SPANS_MAX && (comma = strchr(comma, ','));
         comma++)
        max++;
    delivery->spans = apr_palloc(r->pool, (apr_size_t)max * sizeof(*delivery->spans));
    delivery->span_count = reproxy_range_parse(range, delivery->spans, max);
}

int reproxy_answer_unsatisfiable(request_rec *r, apr_off_t size)
{
    apr_table_setn(r->err_headers_out, "Content-Range",
                   apr_psprintf(r->pool, "bytes */%" APR_OFF_T_FMT, size));
    return HTTP_RANGE_NOT_SATISFIABLE;
}

int reproxy_answer_resolve(reproxy_delivery_t *delivery)
{
    apr_off_t sum = 0;
    int count = 0;

    if (delivery->span_count == 0)
        return OK;
    for (int i = 0; i < delivery->span_count; i++) {
        reproxy_span_t span = delivery->spans[i];

        if (!reproxy_range_resolve(&span, delivery->size))
            continue;
        sum += span.last - span.first + 1;
        delivery->spans[count++] = span;
    }
    if (count == 0)
        return reproxy_answer_unsatisfiable(delivery->r, delivery->size);
    /* Parts that overlap would make the answer longer than the file (RFC 9110, 14.2). */
    delivery->span_count = count > 1 && sum > delivery->size ? 0 : count;
    return OK;
}

const char *reproxy_answer_part(const reproxy_delivery_t *delivery, int i)
{
    request_rec *r = delivery->r;
    const char *type = delivery->part_type;

    if (i == delivery->span_count)
        return apr_pstrcat(r->pool, "\r\n--", delivery->boundary, "--\r\n", NULL);
    return apr_psprintf(r->pool,
                        "\r\n--%s\r\n%s%s%sContent-Range: bytes %" APR_OFF_T_FMT "-%" APR_OFF_T_FMT
                        "/%" APR_OFF_T_FMT "\r\n\r\n",
                        delivery->boundary, type ? "Content-Type: " : "", type ? type : "",
                        type ? "\r\n" : "", delivery->spans[i].first, delivery->spans[i].last,
                        delivery->size);
}

static void multipart_head(reproxy_delivery_t *delivery)
{
    request_rec *r = delivery->r;
    unsigned char random[12];
    char boundary[2 * sizeof(random) + 1];
    apr_off_t length = 0;

    apr_generate_random_bytes(random, sizeof(random));
    ap_bin2hex(random, sizeof(random), boundary);
    delivery->boundary = apr_pstrdup(r->pool, boundary);
    delivery->part_type = r->content_type;
    for (int i = 0; i <= delivery->span_count; i++) {
        length += (apr_off_t)strlen(reproxy_answer_part(delivery, i));
        if (i < delivery->span_count)
            length += delivery->spans[i].last - delivery->spans[i].first + 1;
    }
    delivery->is_multipart = 1;
    r->status = HTTP_PARTIAL_CONTENT;
    ap_set_content_length(r, length);
    ap_set_content_type(
        r, apr_pstrcat(r->pool, "multipart/byteranges; boundary=", delivery->boundary, NULL));
}

static void span_head(reproxy_delivery_t *delivery)
{
    request_rec *r = delivery->r;
    const reproxy_span_t *span = &delivery->spans[0];

    r->status = HTTP_PARTIAL_CONTENT;
    ap_set_content_length(r, span->last - span->first + 1);
    apr_table_setn(r->headers_out, "Content-Range",
                   apr_psprintf(r->pool,
                                "bytes %" APR_OFF_T_FMT "-%" APR_OFF_T_FMT "/%" APR_OFF_T_FMT,
                                span->first, span->last, delivery->size));
}

/* The fields of storage that the administrator lets through, where the application has none. */
static void storage_fields(reproxy_delivery_t *delivery)
{
    const apr_array_header_t *names = delivery->config->storage_fields;
    request_rec *r = delivery->r;

    for (int i = 0; names && i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        const char *value = reproxy_head_get(&delivery->fetch->head, name, r->pool);

        if (!value)
            continue;
        if (strcasecmp(name, "Content-Type") == 0) {
            if (!r->content_type)
                ap_set_content_type(r, value);
        } else if (!apr_table_get(r->headers_out, name)) {
            apr_table_setn(r->headers_out, name, value);
        }
    }
}

void reproxy_answer_head(reproxy_delivery_t *delivery)
{
    request_rec *r = delivery->r;
    const reproxy_head_t *head = &delivery->fetch->head;

    delivery->settled = 1;
    storage_fields(delivery);
    if (head->status == HTTP_PARTIAL_CONTENT ||
        (head->accept_ranges && strcasecmp(head->accept_ranges, "bytes") == 0))
        apr_table_setn(r->headers_out, "Accept-Ranges", "bytes");
    else if (head->accept_ranges)
        apr_table_set(r->headers_out, "Accept-Ranges", head->accept_ranges);
    if (delivery->span_count > 1)
        multipart_head(delivery);
    else if (delivery->span_count == 1)
        span_head(delivery);
    else if (delivery->size >= 0)
        ap_set_content_length(r, delivery->size);
}
