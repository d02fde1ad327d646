/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed files: a.css.br beside a.css, from a build, or made in the background. */
#include "assets_rewrite.h"
#include "assets_serve.h"

#include "assets_press.h"
#include "assets_scan.h"

#include "clock.h"

#include <http_core.h>
#include <http_protocol.h>

#include <apr_portable.h>
#include <apr_strings.h>

#include <string.h>
#include <sys/xattr.h>

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

/* One that was made here says of which file it is; an empty one, that it is not worth it. */
static int is_made_of(const assets_file_t *variant, const assets_file_t *file)
{
    return variant->info.size > 0 && variant->made_of &&
           assets_press_is_of(variant->made_of, strlen(variant->made_of),
                              (apr_uint64_t)file->info.inode, file->info.size, file->info.mtime);
}

static void read_attribute(assets_file_t *variant, apr_pool_t *pool)
{
    char attribute[ASSETS_PRESS_LONGEST];
    apr_os_file_t fd;
    ssize_t size;

    apr_os_file_get(&fd, variant->file);
    size = fgetxattr(fd, ASSETS_PRESS_ATTRIBUTE, attribute, sizeof(attribute));
    if (size > 0)
        variant->made_of = apr_pstrmemdup(pool, attribute, (apr_size_t)size);
}

/* Finds a file, in memory or on the disk. Returns 0 where there is none. */
static int find(assets_file_t *file, const char *path, int is_made, request_rec *r)
{
    assets_hot_t *hot = assets_runtime()->hot;
    apr_time_t now = tier_clock_now();
    int is_there;

    if (hot && assets_hot_get(hot, file, &is_there, path, now, r->pool) &&
        (!is_there || file->data ||
         assets_file_reopen(file, path, assets_serve_flags(r), r->pool) == APR_SUCCESS)) {
        if (is_there)
            assets_serve_keep(file, path, NULL, r);
        return is_there;
    }
    is_there = assets_file_open(file, path, assets_serve_flags(r), r->pool) == APR_SUCCESS;
    if (is_there && is_made)
        read_attribute(file, r->pool);
    if (hot)
        assets_hot_put(hot, is_there ? file : NULL, path, now);
    return is_there;
}

static void close_file(assets_file_t *file)
{
    if (file->file)
        apr_file_close(file->file);
}

static int may_transform(const request_rec *r)
{
    const char *control = apr_table_get(r->headers_out, "Cache-Control");

    return !control || !ap_find_token(NULL, control, "no-transform");
}

/* One that was made in the background, where that is done. */
static int open_made(assets_file_t *variant, const assets_request_t *state, assets_coding_e coding,
                     request_rec *r)
{
    const assets_server_t *config = assets_config_of(r->server);
    const char *path;

    if (!TIER_SETTING(config, compress, 0) || !assets_press_can(coding) || !may_transform(r))
        return 0;
    path = assets_press_path(state->root->directory, state->name, coding, r->pool);
    if (!find(variant, path, 1, r))
        return 0;
    if (is_made_of(variant, &state->file))
        return 1;
    close_file(variant);
    return 0;
}

static int open_variant(assets_file_t *variant, const assets_request_t *state,
                        assets_coding_e coding, request_rec *r)
{
    const char *path = apr_pstrcat(r->pool, state->path, assets_accept_suffix(coding), NULL);

    if (!find(variant, path, 0, r))
        return open_made(variant, state, coding, r);
    if (is_of_file(variant, &state->file))
        return 1;
    close_file(variant);
    return open_made(variant, state, coding, r);
}

/* Its own tag: the bytes are others than those of the file and of the other variants. */
static void set_tag(request_rec *r, const assets_file_t *variant, assets_coding_e coding)
{
    const char *etag = assets_serve_etag(variant, r);
    apr_size_t size = etag ? strlen(etag) : 0;

    if (size > 1)
        apr_table_setn(r->headers_out, "ETag",
                       apr_pstrcat(r->pool, apr_pstrmemdup(r->pool, etag, size - 1), "-",
                                   assets_accept_name(coding), "\"", NULL));
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
    state->file.data = variant->data;
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
