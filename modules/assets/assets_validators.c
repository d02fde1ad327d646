/* SPDX-License-Identifier: Apache-2.0 */
/* ETag, If-None-Match, If-Range and what else is about a page as the application made it. */
#include "assets_rewrite.h"

#include "assets_etag.h"

#include <string.h>

#define NOTE "tier-assets-etag"

static apr_uint64_t version_of(request_rec *r)
{
    return assets_map_version(assets_rewrite_version(r)->map);
}

/* A part of a rewritten page can only be had of the whole: httpd's range filter cuts it. */
static void restore_range(request_rec *r)
{
    const char *condition = apr_table_get(r->headers_in, "If-Range");
    int is_ours, is_other;

    if (!condition || !apr_table_get(r->headers_in, "Range"))
        return;
    assets_etag_restore(condition, version_of(r), &is_ours, &is_other, r->pool);
    if (is_ours || is_other) {
        apr_table_unset(r->headers_in, "Range");
        apr_table_unset(r->headers_in, "If-Range");
    }
}

static void restore_none_match(request_rec *r)
{
    const char *list = apr_table_getm(r->pool, r->headers_in, "If-None-Match");
    int is_ours, is_other;

    if (!list)
        return;
    list = assets_etag_restore(list, version_of(r), &is_ours, &is_other, r->pool);
    if (is_ours)
        apr_table_setn(r->notes, NOTE, "1");
    if (list) {
        apr_table_setn(r->headers_in, "If-None-Match", list);
    } else {
        /* A tag counts before a date: without it the date must not count either. */
        apr_table_unset(r->headers_in, "If-None-Match");
        apr_table_unset(r->headers_in, "If-Modified-Since");
    }
}

void assets_validators_restore(request_rec *r, int is_proxied)
{
    restore_none_match(r);
    if (!is_proxied)
        return;
    restore_range(r);
    /* What is encoded cannot be read; mod_deflate and mod_brotli encode behind this module. */
    apr_table_unset(r->headers_in, "Accept-Encoding");
}

static void change_etag(request_rec *r, apr_table_t *fields)
{
    const char *etag = apr_table_get(fields, "ETag");

    if (etag)
        apr_table_setn(fields, "ETag", assets_etag_make(etag, version_of(r), r->pool));
}

void assets_validators_set(request_rec *r)
{
    static const char *const gone[] = {"Content-Length", "Content-MD5", "Digest",
                                       "Content-Digest", "Repr-Digest", "Last-Modified",
                                       "Want-Digest"};

    for (apr_size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
        apr_table_unset(r->headers_out, gone[i]);
        apr_table_unset(r->err_headers_out, gone[i]);
    }
    change_etag(r, r->headers_out);
    change_etag(r, r->err_headers_out);
}

void assets_validators_confirm(request_rec *r)
{
    if (apr_table_get(r->notes, NOTE)) {
        change_etag(r, r->headers_out);
        change_etag(r, r->err_headers_out);
        apr_table_unset(r->headers_out, "Last-Modified");
    }
}
