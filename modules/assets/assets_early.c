/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_early.h"
#include "assets_rewrite.h"

#include "internal.h"

#include <apr_strings.h>
#include <http_protocol.h>

#include <string.h>

static assets_early_e mode_of(const request_rec *r)
{
    const assets_directory_t *directory =
        ap_get_module_config(r->per_dir_config, &tier_assets_module);

    return (assets_early_e)TIER_SETTING(directory, early, ASSETS_EARLY_OFF);
}

/* Another Host may be another customer's site; other rules make other names. A query is left out:
 * pages that differ by it have the same head as a rule. */
static apr_uint64_t id_of(request_rec *r)
{
    const char *host = apr_table_get(r->headers_in, "Host");

    return assets_marks_id(&assets_runtime()->shared->marks,
                           apr_psprintf(r->pool, "hints %s %s %" APR_UINT64_T_HEX_FMT,
                                        host ? host : "", r->uri,
                                        assets_map_version(assets_rewrite_version(r)->map)));
}

/* Learning. */

static int is_asset(const void *baton, const char *path)
{
    return assets_config_root(baton, path) != NULL;
}

void assets_early_gather(assets_page_t *page, request_rec *r)
{
    if (mode_of(r) == ASSETS_EARLY_OFF || r->method_number != M_GET || r->header_only ||
        r->status != HTTP_OK || r->prev)
        return;
    page->hints = apr_pcalloc(r->pool, sizeof(*page->hints));
    page->is_asset = is_asset;
    page->is_asset_baton = assets_config_of(r->server);
}

void assets_early_remember(const assets_page_t *page, request_rec *r)
{
    if (page->hints)
        assets_hint_pages_put(&assets_runtime()->shared->hints, id_of(r), page->hints);
}

/* Sending. */

static int has_field(const request_rec *r, const char *name)
{
    return apr_table_get(r->headers_in, name) != NULL;
}

/* A page that somebody opens. One who has it already also has what it needs. */
static int is_navigation(const request_rec *r)
{
    const char *destination = apr_table_get(r->headers_in, "Sec-Fetch-Dest");
    const char *accept = apr_table_get(r->headers_in, "Accept");

    if (r->method_number != M_GET || r->header_only || r->prev || has_field(r, "Range") ||
        has_field(r, "Expect") || has_field(r, "If-None-Match") ||
        has_field(r, "If-Modified-Since"))
        return 0;
    if (destination)
        return strcmp(destination, "document") == 0 || strcmp(destination, "iframe") == 0;
    return accept && strstr(accept, "text/html");
}

static void send_link(request_rec *r, const assets_hints_t *hints)
{
    apr_table_t *fields = r->headers_out;
    const char *line = r->status_line;
    int status = r->status;

    r->headers_out = apr_table_make(r->pool, 1);
    apr_table_setn(r->headers_out, "Link", apr_pstrmemdup(r->pool, hints->text, hints->size));
    r->status = 103;
    r->status_line = "103 Early Hints";
    ap_send_interim_response(r, 1);
    r->status = status;
    r->status_line = line;
    r->headers_out = fields;
    tier_counter_add(&assets_runtime()->shared->counters.early_hints, 1);
}

void assets_early_send(request_rec *r)
{
    assets_early_e mode = mode_of(r);
    assets_hints_t hints;

    if (mode == ASSETS_EARLY_OFF || tier_internal_of(r))
        return;
    if (mode == ASSETS_EARLY_HTTP2 && r->proto_num < HTTP_VERSION(2, 0)) {
        /* mod_proxy_http sends them on by itself. */
        if (!has_field(r, "Expect") && !apr_table_get(r->subprocess_env, "proxy-interim-response"))
            apr_table_setn(r->subprocess_env, "proxy-interim-response", "Suppress");
        return;
    }
    if (is_navigation(r) &&
        assets_hint_pages_get(&assets_runtime()->shared->hints, id_of(r), &hints))
        send_link(r, &hints);
}
