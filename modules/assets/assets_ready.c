/* SPDX-License-Identifier: Apache-2.0 */
/* assets_ready_t: making it, and answering with it. */
#include "assets_serve.h"

#include <http_protocol.h>
#include <http_request.h>

#include <apr_strings.h>

#include <string.h>

/* A longer type is looked for each time. */
#define LONGEST_TYPE 128

/* Returns 1 where no section says anything of r: its configuration is there as long as the process.
 */
static int has_server_config(const request_rec *r)
{
    return r->per_dir_config == r->server->lookup_defaults;
}

const assets_ready_t *assets_serve_ready(const assets_file_t *file, const request_rec *r)
{
    return file->ready && file->ready->config == r->per_dir_config ? file->ready : NULL;
}

/* Returns 1 when what looks for types does nothing but that, and finds the same each time. */
int assets_serve_types_are_known(void)
{
    static const char *const known[] = {"core.c", "mod_mime.c", "mod_negotiation.c",
                                        "mod_rewrite.c", "mod_tier_assets.c"};
    const apr_array_header_t *hooks = ap_hook_get_type_checker();

    for (int i = 0; hooks && i < hooks->nelts; i++) {
        const char *name = APR_ARRAY_IDX(hooks, i, ap_LINK_type_checker_t).szName;
        apr_size_t at = 0;

        while (at < sizeof(known) / sizeof(known[0]) && name && strcmp(name, known[at]) != 0)
            at++;
        if (!name || at == sizeof(known) / sizeof(known[0]))
            return 0;
    }
    return 1;
}

/* As mod_mime does. */
static void set_type(request_rec *r, const char *type)
{
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 132)
    ap_set_content_type_ex(r, type, 1);
#else
    ap_set_content_type(r, type);
#endif
}

int assets_serve_type(assets_request_t *state, request_rec *r)
{
    const assets_ready_t *ready = assets_serve_ready(&state->file, r);

    if (ready && ready->type) {
        set_type(r, ready->type);
        return OK;
    }
    state->output_filters = r->output_filters;
    state->input_filters = r->input_filters;
    return DECLINED;
}

/* A language, an encoding or filters would be left out the next time. */
void assets_serve_note_type(assets_request_t *state, const request_rec *r)
{
    if (state->file.data && !state->file.ready && has_server_config(r) &&
        assets_runtime()->are_types_known && r->content_type &&
        strlen(r->content_type) <= LONGEST_TYPE && !r->handler && !r->content_encoding &&
        (!r->content_languages || r->content_languages->nelts == 0) &&
        r->output_filters == state->output_filters && r->input_filters == state->input_filters)
        state->type = r->content_type;
}

/* httpd's tag of a file that has just changed is a weak one, for now. */
void assets_serve_keep(assets_file_t *file, const char *path, const char *type, request_rec *r)
{
    assets_ready_t ready = {r->per_dir_config, type, NULL, NULL};
    char *modified;

    if (!file->data || file->ready || !has_server_config(r))
        return;
    r->finfo = file->info;
    ready.etag = ap_make_etag(r, 0);
    if (!ready.etag || ready.etag[0] == 'W')
        return;
    modified = apr_palloc(r->pool, APR_RFC822_DATE_LEN);
    apr_rfc822_date(modified, file->info.mtime);
    ready.modified = modified;
    assets_hot_tell(assets_runtime()->hot, file, path, &ready);
    file->ready = apr_pmemdup(r->pool, &ready, sizeof(ready));
}

const char *assets_serve_etag(const assets_file_t *file, request_rec *r)
{
    const assets_ready_t *ready = assets_serve_ready(file, r);

    if (ready)
        return ready->etag;
    r->finfo = file->info;
    return ap_make_etag(r, 0);
}

/* httpd takes a time to come for the present. */
void assets_serve_set_modified(request_rec *r, const assets_file_t *file)
{
    const assets_ready_t *ready = assets_serve_ready(file, r);

    ap_update_mtime(r, file->info.mtime);
    if (ready && r->mtime == file->info.mtime && r->mtime <= r->request_time) {
        apr_table_setn(r->headers_out, "Last-Modified", ready->modified);
    } else {
        ap_set_last_modified(r);
    }
}
