/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a build has compressed: a.css.br beside a.css. */
#include "assets_rewrite.h"

#include "assets_scan.h"

#include <http_core.h>
#include <http_protocol.h>

#include <apr_strings.h>

#include <string.h>

/* What is smaller when it is compressed, by its type: images, videos and archives are not. */
static int is_compressible(const char *type)
{
    static const char *const parts[] = {"javascript", "json",     "xml",     "wasm",
                                        "font/ttf",   "font/otf", "manifest"};

    if (!type)
        return 0;
    if (strncasecmp(type, "text/", 5) == 0)
        return 1;
    for (apr_size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (ap_strcasestr(type, parts[i]))
            return 1;
    }
    return 0;
}

/* What is encoded cannot be rewritten. */
int assets_variant_is_rewritten(request_rec *r)
{
    int is_unreadable;

    return assets_rewrite_is_on(r) &&
           assets_scan_kind(r->content_type, &is_unreadable) != ASSETS_SCAN_NONE;
}

/* One that was fetched is the application's answer to another URL; one that is older is of what the
 * file was before. */
static int is_of_file(const assets_file_t *variant, const assets_file_t *file)
{
    return !variant->has_record && variant->info.mtime >= file->info.mtime;
}

static int open_variant(assets_file_t *variant, const assets_request_t *state,
                        assets_coding_e coding, request_rec *r)
{
    const char *path = apr_pstrcat(r->pool, state->path, assets_accept_suffix(coding), NULL);

    if (assets_file_open(variant, path, assets_serve_flags(r), r->pool) != APR_SUCCESS)
        return 0;
    if (is_of_file(variant, &state->file))
        return 1;
    apr_file_close(variant->file);
    return 0;
}

/* Its own tag: the bytes are others than those of the file and of the other variants. */
static void set_tag(request_rec *r, const assets_file_t *variant, assets_coding_e coding)
{
    apr_time_t mtime = r->mtime;
    const char *etag;

    r->finfo = variant->info;
    r->mtime = variant->info.mtime;
    ap_set_etag(r);
    r->mtime = mtime;
    etag = apr_table_get(r->headers_out, "ETag");
    if (etag && strlen(etag) > 1)
        apr_table_setn(r->headers_out, "ETag",
                       apr_psprintf(r->pool, "%.*s-%s\"", (int)(strlen(etag) - 1), etag,
                                    assets_accept_name(coding)));
}

static void use(assets_request_t *state, request_rec *r, const assets_file_t *variant,
                assets_coding_e coding)
{
    apr_time_t modified = state->file.info.mtime;

    apr_table_unset(r->headers_out, "ETag");
    set_tag(r, variant, coding);
    apr_table_setn(r->headers_out, "Content-Encoding", assets_accept_name(coding));
    r->content_encoding = assets_accept_name(coding);
    state->file.file = variant->file;
    state->file.info = variant->info;
    state->file.info.mtime = modified; /* of the resource, whatever it is sent as */
    tier_counter_add(&assets_runtime()->shared->counters.variants, 1);
}

void assets_variant_choose(assets_request_t *state, request_rec *r)
{
    const assets_server_t *config = assets_config_of(r->server);
    unsigned not_yet = (1u << ASSETS_CODINGS) - 1;
    int weights[ASSETS_CODINGS + 1];
    assets_file_t variant;
    assets_coding_e coding;

    if (config->codings <= 0 || !is_compressible(r->content_type) || assets_variant_is_rewritten(r))
        return;
    apr_table_mergen(r->headers_out, "Vary", "Accept-Encoding");
    assets_accept_read(weights, apr_table_getm(r->pool, r->headers_in, "Accept-Encoding"));
    while ((coding = assets_accept_best(weights, config->coding, config->codings, not_yet)) !=
           ASSETS_CODING_NONE) {
        if (open_variant(&variant, state, coding, r)) {
            use(state, r, &variant, coding);
            return;
        }
        not_yet &= ~(1u << coding);
    }
}
