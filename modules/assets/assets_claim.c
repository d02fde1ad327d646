/* SPDX-License-Identifier: Apache-2.0 */
/* What a URL says of the content that it wants: a fingerprint in the name, a version in the query.
 */
#include "assets_rewrite.h"
#include "assets_serve.h"

#include "assets_index.h"
#include "assets_version.h"

#include "clock.h"
#include "received.h"

#include <apr_strings.h>

#include <string.h>

/* So much is read while a client waits, where the fingerprint is not known yet. */
#define LARGEST_AT_ONCE ((apr_off_t)64 * 1024)

/* A file that changed later may be changing still. */
#define QUIET apr_time_from_sec(2)

static int is_on(const request_rec *r)
{
    const assets_server_t *config = assets_config_of(r->server);

    return TIER_SETTING(config, fingerprint, 0) && config->live;
}

static void name_it(assets_request_t *state, const char *name, const request_rec *r)
{
    state->name = name;
    state->path = apr_pstrcat(r->pool, state->root->directory, "/", name, NULL);
}

static const assets_print_t *print_of(const char *path, request_rec *r)
{
    return apr_hash_get(assets_rewrite_version(r)->files, path, APR_HASH_KEY_STRING);
}

/* Returns 1 when base is known to have this fingerprint, and the very name not to be a file's. */
static int is_known(const assets_request_t *state, const char *base, apr_uint64_t claimed,
                    request_rec *r)
{
    const char *path = apr_pstrcat(r->pool, state->root->directory, "/", base, NULL);
    const assets_print_t *print = print_of(path, r);

    return print && print->fingerprint == claimed && !print_of(state->path, r);
}

/* What is there under that very name is no name of ours. */
static int is_there(assets_request_t *state, request_rec *r)
{
    assets_hot_t *hot = assets_runtime()->hot;
    assets_file_t file;
    apr_finfo_t info;
    int is_there;

    if (hot && assets_hot_get(hot, &file, &is_there, state->path, tier_clock_now(), r->pool))
        return is_there;
    state->looked_for = state->path;
    return apr_stat(&info, state->path, APR_FINFO_TYPE, r->pool) == APR_SUCCESS;
}

static void read_fingerprint(assets_request_t *state, request_rec *r)
{
    apr_uint64_t claimed;
    const char *base = assets_fingerprint_split(state->name, &claimed, r->pool);
    const char *uri = base ? assets_fingerprint_cut(r->unparsed_uri, claimed, r->pool) : NULL;

    if (!uri || (!is_known(state, base, claimed, r) && is_there(state, r)))
        return;
    state->claimed = claimed;
    name_it(state, base, r);
    r->uri = apr_pstrcat(r->pool, state->root->prefix, base, NULL);
    /* A query makes no difference. */
    tier_received_keep(r, apr_pstrmemdup(r->pool, r->unparsed_uri, strcspn(r->unparsed_uri, "?#")));
    r->unparsed_uri = (char *)uri;
    r->args = r->parsed_uri.query = NULL;
    r->parsed_uri.path = r->uri;
}

/* Only of names that are right: others are without number. */
void assets_claim_keep(const assets_request_t *state)
{
    assets_hot_t *hot = assets_runtime()->hot;

    if (hot && state->looked_for)
        assets_hot_put(hot, NULL, state->looked_for, tier_clock_now());
}

void assets_claim_read(assets_request_t *state, request_rec *r)
{
    name_it(state, r->uri + state->root->prefix_size, r);
    if (is_on(r))
        read_fingerprint(state, r);
    if (r->args)
        state->version =
            assets_version_of(assets_config_of(r->server)->versions, r->args, strlen(r->args));
}

/* Returns the fingerprint of the state's file; 0: it is not known, and it would take long. */
static apr_uint64_t fingerprint_of(const assets_request_t *state, const assets_print_t *print,
                                   const request_rec *r)
{
    const assets_file_t *file = &state->file;
    apr_interval_time_t age = r->request_time - file->info.mtime;

    if (file->has_record && file->record.fingerprint)
        return file->record.fingerprint;
    if (print && assets_index_is_of(print, &file->info))
        return print->fingerprint;
    if (file->info.size > LARGEST_AT_ONCE || (age >= 0 && age < QUIET))
        return 0;
    return file->data ? assets_fingerprint_data(file->data, (apr_size_t)file->info.size)
                      : assets_fingerprint_file(file->file, file->info.size);
}

static assets_fingerprint_e judge(const assets_request_t *state, request_rec *r)
{
    const assets_print_t *print = print_of(state->path, r);
    apr_uint64_t fingerprint = fingerprint_of(state, print, r);

    if (fingerprint == state->claimed)
        return ASSETS_FINGERPRINT_RIGHT;
    if (print && assets_index_knows(print, state->claimed))
        return ASSETS_FINGERPRINT_OLD;
    return fingerprint ? ASSETS_FINGERPRINT_WRONG : ASSETS_FINGERPRINT_UNKNOWN;
}

/* A name that this process does not know may be in a page that another one has sent: all that
 * pages have is written down before. */
assets_fingerprint_e assets_claim_judge(assets_request_t *state, request_rec *r)
{
    assets_fingerprint_e verdict = judge(state, r);

    if (verdict == ASSETS_FINGERPRINT_RIGHT || verdict == ASSETS_FINGERPRINT_OLD ||
        state->is_renewed)
        return verdict;
    state->is_renewed = 1;
    return assets_rewrite_renew(r) ? judge(state, r) : verdict;
}

int assets_claim_is_newer(assets_request_t *state, request_rec *r)
{
    const assets_record_t *record = &state->file.record;

    if (!state->file.has_record || (record->fetched <= apr_time_now() &&
                                    apr_time_sec(record->fetched) >= apr_time_sec(r->request_time)))
        return 0;
    if (state->claimed && assets_claim_judge(state, r) == ASSETS_FINGERPRINT_WRONG)
        return 1;
    return state->version && record->version != state->version;
}
