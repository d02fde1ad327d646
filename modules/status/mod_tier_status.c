/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_tier_status: what the modules of webtier know, as a page, as JSON and as Prometheus metrics.
 * Each module reports through its provider (webtier/status_provider.h); this one decides who may
 * read, asks, and renders.
 */
#include <httpd.h>
#include <ap_provider.h>
#include <apr_general.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <webtier/version.h>

#include <stdlib.h>

#include "glue.h"
#include "log.h"
#include "status_config.h"
#include "status_html.h"
#include "status_json.h"
#include "status_post.h"
#include "status_prometheus.h"
#include "status_route.h"
#include "status_server.h"
#include "status_site.h"

/* What a client sends with an action: made anew by each start and restart. Written in post_config
 * by the parent, read by its children. */
static char token[2 * STATUS_TOKEN_BYTES + 1];

/* Whether some module can be asked to do anything. Written in post_config by the parent, read by
 * its children. */
static int has_actors;

static int compare_names(const void *left, const void *right)
{
    const ap_list_provider_names_t *a = left, *b = right;

    return strcmp(a->provider_name, b->provider_name);
}

/* httpd lists them in the order of a hash table. */
static apr_array_header_t *sorted_providers(apr_pool_t *pool)
{
    apr_array_header_t *names =
        ap_list_provider_names(pool, TIER_STATUS_GROUP, TIER_STATUS_VERSION);

    qsort(names->elts, (size_t)names->nelts, (size_t)names->elt_size, compare_names);
    return names;
}

static int find_actor(apr_pool_t *pool)
{
    const apr_array_header_t *names =
        ap_list_provider_names(pool, TIER_STATUS_GROUP, TIER_STATUS_VERSION);

    for (int i = 0; i < names->nelts; i++) {
        const tier_status_provider_t *provider = ap_lookup_provider(
            TIER_STATUS_GROUP, APR_ARRAY_IDX(names, i, ap_list_provider_names_t).provider_name,
            TIER_STATUS_VERSION);

        if (provider && provider->act)
            return 1;
    }
    return 0;
}

static void make_report(status_report_t *report, request_rec *r)
{
    apr_array_header_t *names = sorted_providers(r->pool);
    const char *host = r->server->server_hostname;

    status_report_begin(report, WEBTIER_VERSION, host ? host : "", apr_time_now(), r->pool);
    if (has_actors && status_post_is_allowed(r))
        status_report_allow(report, token, r->pool);
    status_server_report(report->server, report->now, r->pool);
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, ap_list_provider_names_t).provider_name;
        const tier_status_provider_t *provider =
            ap_lookup_provider(TIER_STATUS_GROUP, name, TIER_STATUS_VERSION);
        tier_status_node_t *module = status_report_module(report, name, r->pool);

        if (provider && provider->report)
            provider->report(module, r->server, r->pool);
        status_report_module_done(module, r->pool);
    }
}

/* err_headers_out: an answer of 403 must not be kept or framed either. */
static void set_headers(request_rec *r, int can_act)
{
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->err_headers_out, "X-Content-Type-Options", "nosniff");
    /* With "no-referrer" browsers would send our own forms with "Origin: null" (Fetch, 3.2). */
    apr_table_setn(r->err_headers_out, "Referrer-Policy", can_act ? "same-origin" : "no-referrer");
    apr_table_setn(r->err_headers_out, "Content-Security-Policy",
                   can_act ? STATUS_HTML_POLICY_FORMS : STATUS_HTML_POLICY);
}

static int refuse(request_rec *r)
{
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  WTNO(8001) "%s is refused to this client, see TierStatusAllow", r->uri);
    return HTTP_FORBIDDEN;
}

static void render(status_buffer_t *buffer, request_rec *r, status_route_e route)
{
    status_report_t report;
    const char *page = status_route_page(r->uri, route, r->pool);

    make_report(&report, r);
    switch (route) {
    case STATUS_ROUTE_JSON:
        ap_set_content_type(r, "application/json");
        status_json_render(buffer, report.root);
        break;
    case STATUS_ROUTE_METRICS:
        ap_set_content_type(r, STATUS_PROMETHEUS_TYPE);
        status_prometheus_render(buffer, &report);
        break;
    default:
        ap_set_content_type(r, "text/html; charset=utf-8");
        status_html_render(buffer, &report, ap_os_escape_path(r->pool, page, 1),
                           status_route_refresh(r->args));
        break;
    }
}

static int answer(request_rec *r, status_route_e route)
{
    status_buffer_t buffer;
    int status = ap_discard_request_body(r);

    if (status != OK)
        return status;
    status_buffer_init(&buffer, r->pool);
    render(&buffer, r, route);
    ap_set_content_length(r, (apr_off_t)buffer.size);
    ap_rwrite(buffer.data, (int)buffer.size, r);
    return OK;
}

static int handle_request(request_rec *r)
{
    status_route_e route;

    if (!r->handler || strcmp(r->handler, STATUS_HANDLER) != 0)
        return DECLINED;
    set_headers(r, has_actors && status_post_is_allowed(r));
    if (!tier_glue_admits(r, status_config_access(r)))
        return refuse(r);
    route = status_route_find(r->uri, status_config_base(r));
    if (r->method_number == M_POST && has_actors &&
        (route == STATUS_ROUTE_PAGE || route == STATUS_ROUTE_JSON))
        return status_post_answer(r, route, token);
    ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, -1);
    if (r->method_number != M_GET)
        return HTTP_METHOD_NOT_ALLOWED;
    return route == STATUS_ROUTE_NONE ? HTTP_NOT_FOUND : answer(r, route);
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *main_server)
{
    unsigned char bytes[STATUS_TOKEN_BYTES];
    apr_status_t status = apr_generate_random_bytes(bytes, sizeof(bytes));

    (void)pconf;
    (void)plog;
    token[0] = '\0';
    has_actors = find_actor(ptemp);
    if (status == APR_SUCCESS)
        ap_bin2hex(bytes, sizeof(bytes), token);
    else
        ap_log_error(APLOG_MARK, APLOG_ERR, status, main_server,
                     WTNO(8004) "no random bytes for the token of actions: all are refused");
    return OK;
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    /* Before mod_proxy's handler, so that the status of a server that forwards "/" needs no
     * exception there. */
    ap_hook_handler(handle_request, NULL, NULL, APR_HOOK_REALLY_FIRST);
}

AP_DECLARE_MODULE(tier_status) = {
    STANDARD20_MODULE_STUFF,  status_config_create, status_config_merge, NULL, NULL,
    status_config_directives, register_hooks,       AP_MODULE_FLAG_NONE,
};
