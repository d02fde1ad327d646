/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_request.h"

#include <http_protocol.h>
#include <http_request.h>

#include <apr_strings.h>

#include "glue.h"
#include "reproxy_private.h"

#define RETRY_AFTER "5"
#define NAME_PREFIX "mogile:"

#define FRESH    apr_time_from_sec(10)
#define NEGATIVE apr_time_from_sec(1)

int mogile_request_unavailable(request_rec *r)
{
    apr_table_setn(r->err_headers_out, "Retry-After", RETRY_AFTER);
    return HTTP_SERVICE_UNAVAILABLE;
}

const char *mogile_request_etag(request_rec *r, apr_int64_t fid)
{
    return apr_psprintf(r->pool, "\"fid-%" APR_INT64_T_FMT "\"", fid);
}

/* The URL's name in the file system has the key's extension, so that mod_mime finds its type. */
int mogile_request_translate(request_rec *r)
{
    const mogile_config_t *config;
    const char *key;

    if (!mogile_config_settings(r->server))
        return DECLINED;
    ap_location_walk(r); /* mod_rewrite may have made another URL of it */
    config = mogile_config_of(r);
    if (!config || r->proxyreq)
        return DECLINED;
    key = mogile_config_key(config, r);
    if (!key)
        return DECLINED;
    r->filename = apr_pstrcat(r->pool, NAME_PREFIX, config->domain, "/", key, NULL);
    return OK;
}

static int is_translated(const request_rec *r)
{
    return r->filename && strncmp(r->filename, NAME_PREFIX, sizeof(NAME_PREFIX) - 1) == 0;
}

int mogile_request_map(request_rec *r)
{
    return is_translated(r) ? OK : DECLINED;
}

static void allow(request_rec *r, int methods)
{
    ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, M_OPTIONS, -1);
    if (methods & MOGILE_PUT)
        ap_allow_standard_methods(r, MERGE_ALLOW, M_PUT, -1);
    if (methods & MOGILE_DELETE)
        ap_allow_standard_methods(r, MERGE_ALLOW, M_DELETE, -1);
}

static int answer_options(request_rec *r, int methods)
{
    apr_table_setn(r->headers_out, "Allow",
                   apr_pstrcat(r->pool, "GET,HEAD,OPTIONS", methods & MOGILE_PUT ? ",PUT" : "",
                               methods & MOGILE_DELETE ? ",DELETE" : "", NULL));
    ap_set_content_length(r, 0);
    return OK;
}

static int dispatch(mogile_request_t *request)
{
    request_rec *r = request->r;
    int methods = request->config->methods == TIER_UNSET ? 0 : request->config->methods;

    allow(r, methods);
    if (r->method_number == M_OPTIONS)
        return answer_options(r, methods);
    if (r->method_number == M_GET)
        return mogile_get(request);
    if (r->method_number == M_PUT && methods & MOGILE_PUT)
        return mogile_put(request);
    if (r->method_number == M_DELETE && methods & MOGILE_DELETE)
        return mogile_delete(request);
    return HTTP_METHOD_NOT_ALLOWED;
}

int mogile_request_handler(request_rec *r)
{
    mogile_request_t request = {.r = r, .config = mogile_config_of(r)};
    const mogile_config_t *config = request.config;

    /* What is not translated is another module's (Alias, ProxyPass). */
    if (!config || r->proxyreq || !is_translated(r))
        return DECLINED;
    request.key.key = mogile_config_key(config, r);
    if (!request.key.key)
        return DECLINED;
    if (strlen(request.key.key) > MOGILE_KEY_LONGEST)
        return r->method_number == M_PUT ? HTTP_REQUEST_URI_TOO_LARGE : HTTP_NOT_FOUND;
    request.service = config->settings->service;
    if (!request.service)
        return mogile_request_unavailable(r);
    request.key.domain = config->domain;
    request.key.zone = config->zone;
    request.key.wants_length =
        TIER_SETTING(config, verify, MOGILE_VERIFY_SIZE) != MOGILE_VERIFY_OFF;
    request.key.fresh = TIER_SETTING(config, fresh, FRESH);
    request.key.negative = TIER_SETTING(config, negative, NEGATIVE);
    /* The relay may tell of copies after this has returned. */
    return dispatch(apr_pmemdup(r->pool, &request, sizeof(request)));
}
