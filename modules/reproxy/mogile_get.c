/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_request.h"

#include <http_protocol.h>

#include "clock.h"
#include "glue.h"
#include "reproxy_deliver.h"
#include "reproxy_private.h"
#include "reproxy_scene.h"

/* One delivery: the copies as they were asked for. */
typedef struct delivery_t {
    mogile_request_t *request;
    const mogile_file_t *file;
} delivery_t;

static const mogile_copy_t *copy_at(const mogile_file_t *file, int i)
{
    return &APR_ARRAY_IDX(file->copies, i, mogile_copy_t);
}

static void copy_failed(void *baton, int url, reproxy_failure_e failure, int status)
{
    delivery_t *delivery = baton;

    (void)status;
    mogile_devices_failed(&delivery->request->service->shared->devices,
                          copy_at(delivery->file, url), failure, tier_clock_now());
}

static void copy_served(void *baton, int url)
{
    delivery_t *delivery = baton;

    mogile_devices_worked(&delivery->request->service->shared->devices,
                          copy_at(delivery->file, url));
}

static int deliver(mogile_request_t *request, mogile_file_t *file)
{
    request_rec *r = request->r;
    delivery_t *delivery = apr_palloc(r->pool, sizeof(*delivery));
    reproxy_order_t *order = apr_pcalloc(r->pool, sizeof(*order));
    const char **urls;

    delivery->request = request;
    delivery->file = file;
    mogile_devices_sort(&request->service->shared->devices, file, tier_clock_now());
    urls = apr_palloc(r->pool, (apr_size_t)file->copies->nelts * sizeof(*urls));
    for (int i = 0; i < file->copies->nelts; i++)
        urls[i] = copy_at(file, i)->url;
    order->trusted = 1;
    order->absent_status = HTTP_SERVICE_UNAVAILABLE;
    order->urls = urls;
    order->url_count = file->copies->nelts;
    order->size = file->length;
    order->etag = mogile_request_etag(r, file->fid);
    order->content_type = r->content_type ? NULL : "application/octet-stream";
    if (TIER_SETTING(request->config, verify, MOGILE_VERIFY_SIZE) == MOGILE_VERIFY_CHECKSUM)
        order->md5 = file->md5;
    order->failed = copy_failed;
    order->served = copy_served;
    order->baton = delivery;
    return reproxy_deliver(r, order);
}

/* Nothing was sent, and no copy could be read. */
static int is_failure(int result)
{
    return result == HTTP_BAD_GATEWAY || result == HTTP_GATEWAY_TIME_OUT ||
           result == HTTP_SERVICE_UNAVAILABLE;
}

static int has_url(const mogile_file_t *file, const char *url)
{
    for (int i = 0; i < file->copies->nelts; i++) {
        if (strcmp(copy_at(file, i)->url, url) == 0)
            return 1;
    }
    return 0;
}

/* Takes those copies out of file that were tried already; returns how many are left. */
static int forget_tried(mogile_file_t *file, const mogile_file_t *tried)
{
    mogile_copy_t *copies = (mogile_copy_t *)file->copies->elts;
    int left = 0;

    for (int i = 0; i < file->copies->nelts; i++) {
        if (!has_url(tried, copies[i].url))
            copies[left++] = copies[i];
    }
    return file->copies->nelts = left;
}

static int answer_missing(mogile_request_t *request, mogile_found_e found)
{
    request_rec *r = request->r;

    if (found == MOGILE_NO_KEY)
        return HTTP_NOT_FOUND;
    if (found == MOGILE_NO_DOMAIN)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      WTNO(3510) "TierMogileDomain %s: the trackers know no such domain",
                      request->key.domain);
    else
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      WTNO(3511) "key %s: neither a tracker nor the database answers",
                      request->key.key);
    return mogile_request_unavailable(r);
}

static int no_copy(mogile_request_t *request, const mogile_file_t *file)
{
    const char *tail = reproxy_quiet_tail(&reproxy_scene()->table->quiet[REPROXY_QUIET_NOCOPY],
                                          tier_clock_now(), request->r->pool);

    if (tail)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, request->r,
                      WTNO(3512) "key %s, fid %" APR_INT64_T_FMT ": no copy can be read%s",
                      request->key.key, file->fid, tail);
    return mogile_request_unavailable(request->r);
}

/*
 * Paths may be those of a while ago: the file was moved, or overwritten. What a tracker says now
 * and was not tried yet is tried.
 */
static int try_anew(mogile_request_t *request, const mogile_file_t *tried)
{
    mogile_lookup_t *lookup = &request->service->lookup;
    mogile_file_t *file;
    mogile_from_e from;
    mogile_found_e found;
    int result;

    mogile_lookup_drop(lookup, &request->key, request->r->pool);
    tier_counter_add(&lookup->totals->dropped, 1);
    found = mogile_lookup_find(lookup, &request->key, 1, &file, &from, request->r->pool);
    if (found == MOGILE_NO_KEY)
        return HTTP_NOT_FOUND;
    if (found != MOGILE_FOUND || forget_tried(file, tried) == 0)
        return no_copy(request, tried);
    result = deliver(request, file);
    if (!is_failure(result))
        return result;
    mogile_lookup_drop(lookup, &request->key, request->r->pool);
    return no_copy(request, file);
}

int mogile_get(mogile_request_t *request)
{
    request_rec *r = request->r;
    mogile_file_t *file;
    mogile_from_e from;
    mogile_found_e found;
    int result = ap_discard_request_body(r);

    if (result != OK)
        return result;
    found = mogile_lookup_find(&request->service->lookup, &request->key, 0, &file, &from, r->pool);
    if (found != MOGILE_FOUND)
        return answer_missing(request, found);
    apr_table_setn(r->notes, "tier-mogile-source", mogile_lookup_source(from));
    if (file->copies->nelts == 0)
        return try_anew(request, file);
    result = deliver(request, file);
    return is_failure(result) ? try_anew(request, file) : result;
}
