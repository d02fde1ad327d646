/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_fetch.h"
#include "assets_rewrite.h"
#include "assets_serve.h"

#include "assets_index.h"

#include "clock.h"

#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>

#include <apr_portable.h>
#include <apr_strings.h>

#include <strings.h>
#include <unistd.h>

/* What is said of how long names with fingerprints may be kept: of the right content; of another
 * one that the name once had; of a style sheet whose references are rewritten. */
#define FOR_EVER  "public, max-age=31536000, immutable"
#define SHORT     "public, max-age=60"
#define REWRITTEN "public, max-age=60, stale-while-revalidate=86400"

/* To map a file of no more than that for a moment costs more than to copy it. */
#define LARGEST_READ ((apr_off_t)16 * 1024)

static const core_dir_config *core_of(const request_rec *r)
{
    return ap_get_core_module_config(r->per_dir_config);
}

/* As for httpd's own files, off where nothing is said. */
apr_int32_t assets_serve_flags(const request_rec *r)
{
    return core_of(r)->enable_sendfile == ENABLE_SENDFILE_ON ? APR_FOPEN_SENDFILE_ENABLED : 0;
}

/* Also what was fetched or confirmed since r came, even where each request is to be asked about. */
static int is_fresh(const assets_record_t *record, const request_rec *r)
{
    return assets_record_is_fresh(record, r->request_time) ||
           apr_time_sec(record->fetched) == apr_time_sec(r->request_time) ||
           (record->fetched > r->request_time && record->fetched <= apr_time_now());
}

static void judge_freshness(assets_request_t *state, request_rec *r)
{
    state->has_file = 1;
    state->is_fresh = (!state->file.has_record || is_fresh(&state->file.record, r)) &&
                      !((state->claimed || state->version) && assets_claim_is_newer(state, r));
}

void assets_serve_look(assets_request_t *state, request_rec *r)
{
    state->has_file = state->is_fresh = 0;
    if (assets_file_open(&state->file, state->path, assets_serve_flags(r), r->pool) == APR_SUCCESS)
        judge_freshness(state, r);
}

/* A file that is known only need not be opened where a variant may be sent in its place. */
static int may_wait(const request_rec *r)
{
    return assets_config_of(r->server)->codings > 0 &&
           apr_table_get(r->headers_in, "Accept-Encoding") != NULL;
}

static int is_open(assets_request_t *state, request_rec *r)
{
    return state->file.file || state->file.data ||
           assets_file_reopen(&state->file, state->path, assets_serve_flags(r), r->pool) ==
               APR_SUCCESS;
}

static int is_at_hand(assets_request_t *state, request_rec *r)
{
    if (!state->file.data && may_wait(r))
        return assets_file_is_at(&state->file, state->path, r->pool);
    return is_open(state, r);
}

/* What is in memory may be a moment old: where r wants something newer, the disk is asked. */
void assets_serve_find(assets_request_t *state, request_rec *r)
{
    assets_hot_t *hot = assets_runtime()->hot;
    apr_time_t now = tier_clock_now();
    int is_there;

    if (hot && assets_hot_get(hot, &state->file, &is_there, state->path, now, r->pool) &&
        is_there) {
        judge_freshness(state, r);
        if (state->is_fresh &&
            !(state->claimed && assets_claim_judge(state, r) != ASSETS_FINGERPRINT_RIGHT) &&
            is_at_hand(state, r))
            return;
    }
    assets_serve_look(state, r);
    if (hot && state->is_fresh)
        assets_hot_put(hot, &state->file, state->path, now);
}

static int set_field(void *data, const char *name, const char *value)
{
    request_rec *r = data;

    if (strcasecmp(name, "Content-Type") == 0) {
        ap_set_content_type(r, apr_pstrdup(r->pool, value));
    } else if (strcasecmp(name, "Last-Modified") != 0) { /* the file's own time says it */
        apr_table_addn(r->headers_out, name, value);
    }
    return 1;
}

static void set_lifetime(request_rec *r, const char *lifetime)
{
    apr_table_unset(r->headers_out, "Expires");
    apr_table_setn(r->headers_out, "Cache-Control", lifetime);
}

/* A manifest names it: another content would have another name. */
static int is_in_manifest(request_rec *r)
{
    const assets_server_t *config = assets_config_of(r->server);

    return config->sources && config->live &&
           apr_hash_get(assets_rewrite_version(r)->names, r->uri, APR_HASH_KEY_STRING);
}

/* The name is the content's; but what rewriting makes of a style sheet depends on other files. */
static const char *lifetime_of(const assets_request_t *state, request_rec *r, int is_right)
{
    const assets_print_t *print;

    if (!is_right)
        return SHORT;
    if (!assets_variant_is_rewritten(r))
        return FOR_EVER;
    print = apr_hash_get(assets_rewrite_version(r)->files, state->path, APR_HASH_KEY_STRING);
    return print && !print->refers ? FOR_EVER : REWRITTEN;
}

/* Returns OK, or the status of what has another fingerprint than the URL says. */
static int check_claim(assets_request_t *state, request_rec *r)
{
    assets_fingerprint_e verdict = assets_claim_judge(state, r);

    /* A fetch that r has waited for may have ended in the second before r came. */
    if (verdict == ASSETS_FINGERPRINT_WRONG)
        return !state->is_followed && assets_claim_is_newer(state, r) ? assets_fetch_unavailable(r)
                                                                      : HTTP_NOT_FOUND;
    set_lifetime(r, lifetime_of(state, r, verdict == ASSETS_FINGERPRINT_RIGHT));
    if (verdict == ASSETS_FINGERPRINT_RIGHT)
        assets_claim_keep(state);
    return OK;
}

static void set_age(request_rec *r, const assets_record_t *record)
{
    apr_interval_time_t age = r->request_time - record->fetched;

    apr_table_setn(
        r->headers_out, "Age",
        apr_psprintf(r->pool, "%" APR_INT64_T_FMT, age > 0 ? (apr_int64_t)apr_time_sec(age) : 0));
}

void assets_serve_fields(request_rec *r, const assets_file_t *file)
{
    if (file->has_record) {
        apr_table_do(set_field, r, file->record.fields, NULL);
        set_age(r, &file->record);
    }
    if (is_in_manifest(r))
        set_lifetime(r, FOR_EVER);
}

/* Those that httpd's conditions and byte ranges are about. */
static void set_validators(request_rec *r, const assets_file_t *file)
{
    r->finfo = file->info;
    assets_serve_set_modified(r, file);
    if (!apr_table_get(r->headers_out, "ETag")) {
        const char *etag = assets_serve_etag(file, r);

        if (etag && etag[0])
            apr_table_setn(r->headers_out, "ETag", etag);
    }
    ap_set_accept_ranges(r);
    ap_set_content_length(r, file->info.size);
}

void assets_serve_add_file(apr_bucket_brigade *brigade, apr_file_t *file, apr_off_t start,
                           apr_off_t length, const request_rec *r)
{
    apr_bucket *bucket = apr_brigade_insert_file(brigade, file, start, length, r->pool);

    if (core_of(r)->enable_mmap == ENABLE_MMAP_OFF)
        apr_bucket_file_enable_mmap(bucket, 0);
}

/* Adds the bytes of a small file. Returns 0 where it is for sendfile(2), is no small one, or not as
 * long as it was. */
static int add_small(apr_bucket_brigade *brigade, const assets_file_t *file, const request_rec *r)
{
    apr_size_t size = (apr_size_t)file->info.size;
    apr_os_file_t fd;
    char *data;

    if (file->info.size == 0 || file->info.size > LARGEST_READ || assets_serve_flags(r) ||
        apr_os_file_get(&fd, file->file) != APR_SUCCESS)
        return 0;
    data = apr_bucket_alloc(size, brigade->bucket_alloc);
    if (pread(fd, data, size, 0) != (ssize_t)size) {
        apr_bucket_free(data);
        return 0;
    }
    APR_BRIGADE_INSERT_TAIL(
        brigade, apr_bucket_heap_create(data, size, apr_bucket_free, brigade->bucket_alloc));
    return 1;
}

static void add_body(apr_bucket_brigade *brigade, const assets_file_t *file, const request_rec *r)
{
    if (file->data) {
        apr_bucket *bucket;

        bucket = apr_bucket_pool_create(file->data, (apr_size_t)file->info.size, r->pool,
                                        brigade->bucket_alloc);
        APR_BRIGADE_INSERT_TAIL(brigade, bucket);
        return;
    }
    if (!add_small(brigade, file, r))
        assets_serve_add_file(brigade, file->file, 0, file->info.size, r);
}

/* Most requests have none: If-Match and the like. */
static int has_conditions(const request_rec *r)
{
    const apr_array_header_t *fields = apr_table_elts(r->headers_in);

    for (int i = 0; i < fields->nelts; i++) {
        const char *name = APR_ARRAY_IDX(fields, i, apr_table_entry_t).key;

        if ((name[0] | 0x20) == 'i' && (name[1] | 0x20) == 'f' && name[2] == '-')
            return 1;
    }
    return 0;
}

int assets_serve(assets_request_t *state, request_rec *r)
{
    assets_counters_t *counters = &assets_runtime()->shared->counters;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    int status;

    assets_serve_fields(r, &state->file);
    if (state->claimed && (status = check_claim(state, r)) != OK)
        return status;
    tier_counter_add(state->is_followed ? &counters->followed : &counters->served, 1);
    if (!state->is_fresh)
        tier_counter_add(&counters->stale, 1);
    if (state->file.file)
        assets_file_touch(&state->file, r->request_time);
    assets_serve_keep(&state->file, state->path, state->type, r);
    assets_variant_choose(state, r);
    if (!is_open(state, r)) {
        assets_serve_look(state, r); /* it was replaced a moment ago */
        if (!state->has_file || state->file.has_record)
            return assets_fetch_unavailable(r);
    }
    set_validators(r, &state->file);
    status = has_conditions(r) ? ap_meets_conditions(r) : OK;
    if (status != OK) {
        r->status = status;
    } else {
        add_body(brigade, &state->file, r);
    }
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(r->connection->bucket_alloc));
    if (ap_pass_brigade(r->output_filters, brigade) != APR_SUCCESS && !r->connection->aborted)
        return AP_FILTER_ERROR;
    return OK;
}
