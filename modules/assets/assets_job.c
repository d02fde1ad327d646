/* SPDX-License-Identifier: Apache-2.0 */
/* A fetch: a request without a client, whose answer is written to a file. */
#include "assets_job_private.h"
#include "assets_private.h"

#include "assets_name.h"
#include "assets_pool.h"

#include "clock.h"

#include <apr_strings.h>

#include <string.h>
#include <unistd.h>

#define COMPLAIN_EVERY apr_time_from_sec(60)

void assets_job_complain(apr_status_t rv, const server_rec *s, const char *path)
{
    assets_shared_t *shared = assets_runtime()->shared;

    tier_counter_add(&shared->counters.disk_errors, 1);
    if (assets_runtime_is_due(&shared->complained, COMPLAIN_EVERY))
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s,
                     WTNO(4001) "%s cannot be stored; requests go to the application meanwhile",
                     path);
}

/* Making one. */

apr_status_t assets_job_enter(assets_job_t **made, int *is_leader, const assets_request_t *state,
                              request_rec *r)
{
    assets_job_t *job;
    apr_pool_t *pool = assets_pool_make();
    apr_status_t rv;

    if (!pool)
        return APR_ENOMEM;
    job = apr_pcalloc(pool, sizeof(*job));
    job->pool = pool;
    job->server = r->server;
    job->config = assets_config_of(r->server);
    job->shared = assets_runtime()->shared;
    job->path = apr_pstrdup(pool, state->path);
    job->work = assets_name_work(state->root->directory, state->name, pool);
    job->id = state->id;
    job->version = state->version;
    job->claimed = state->claimed;
    apr_sha1_init(&job->content);
    rv = assets_file_enter(&job->file, is_leader, job->work, pool);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(pool);
        return rv;
    }
    job->is_leader = *is_leader;
    *made = job;
    return APR_SUCCESS;
}

apr_status_t assets_job_watch(apr_file_t **file, const assets_job_t *job, request_rec *r)
{
    return assets_file_again(file, job->file, 0, r->pool);
}

void assets_job_drop(assets_job_t *job)
{
    if (job->is_leader)
        unlink(job->work);
    apr_pool_destroy(job->pool);
}

void assets_job_ring(assets_job_t *job)
{
    assets_bell_t *bell = assets_marks_bell(&job->shared->marks, job->id);
    apr_uint32_t heard = assets_bell_heard(bell);

    job->crowd = heard - job->heard;
    job->heard = heard;
    job->rang = tier_clock_now();
    job->told = job->written;
    assets_bell_ring(bell);
}

apr_off_t assets_job_max_file(const assets_job_t *job)
{
    return TIER_SETTING(job->config, max_file, ASSETS_DEFAULT_MAX_FILE);
}

/* Other web boxes. */

/* What a peer says of time is believed no longer than TierAssetsMaxAge; then the application is
 * asked. Returns 1 when its answer may be kept, and is what the URL asks for. */
static int take_from_peer(assets_job_t *job, const apr_table_t *fields, apr_off_t length)
{
    apr_time_t longest;

    if (assets_policy_judge(HTTP_OK, fields) != ASSETS_STORE)
        return 0;
    assets_job_record(job, fields);
    longest = job->record.fetched + TIER_SETTING(job->config, max_age, ASSETS_DEFAULT_MAX_AGE);
    if (job->record.expires > longest)
        job->record.expires = longest;
    if (TIER_SETTING(job->config, fingerprint, 0))
        job->record.fingerprint = assets_fingerprint_file(job->file, length);
    job->written = length;
    return !job->claimed || job->claimed == job->record.fingerprint;
}

/* A file that is there is validated by the application alone, unless another content is known. */
int assets_job_ask_peers(assets_job_t *job, request_rec *r)
{
    const apr_array_header_t *peers = job->config->peers;
    assets_peer_ask_t ask = {r->unparsed_uri, apr_table_get(r->headers_in, "Host")};

    ask.timeout = TIER_SETTING(job->config, peer_timeout, ASSETS_DEFAULT_PEER_TIMEOUT);
    ask.until = job->until;
    ask.largest = assets_job_max_file(job);
    for (int i = 0; peers && i < peers->nelts && (!job->has_old || job->claimed); i++) {
        apr_table_t *fields;
        apr_off_t length;

        if (assets_peer_get(APR_ARRAY_IDX(peers, i, assets_peer_t *), &ask, job->file, &fields,
                            &length, job->pool) == APR_SUCCESS &&
            take_from_peer(job, fields, length)) {
            job->is_from_peer = 1;
            tier_counter_add(&job->shared->counters.from_peers, 1);
            return HTTP_NO_CONTENT;
        }
        apr_file_trunc(job->file, 0);
    }
    job->written = 0;
    memset(&job->record, 0, sizeof(job->record));
    return DECLINED;
}

/* The request. */

/* The client's fields but for what makes its answer another one than everybody's. */
static apr_table_t *fields_for(const assets_job_t *job, const request_rec *r)
{
    static const char *const dropped[] = {
        "Cookie",        "Cookie2",         "Authorization", "Range",
        "If-Range",      "If-Match",        "If-None-Match", "If-Modified-Since",
        "Cache-Control", "Pragma",          "Origin",        "If-Unmodified-Since",
        "Referer",       "Accept-Language", "Forwarded",     "X-Forwarded-Host",
        "X-Host"};
    apr_table_t *fields = apr_table_copy(r->pool, r->headers_in);
    const char *etag = job->has_old ? apr_table_get(job->old.fields, "ETag") : NULL;
    const char *modified = job->has_old ? apr_table_get(job->old.fields, "Last-Modified") : NULL;

    for (apr_size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++)
        apr_table_unset(fields, dropped[i]);
    apr_table_setn(fields, "Accept", "*/*");
    apr_table_setn(fields, "Accept-Encoding", "identity");
    if (etag)
        apr_table_setn(fields, "If-None-Match", etag);
    if (modified)
        apr_table_setn(fields, "If-Modified-Since", modified);
    return fields;
}

/*
 * Returns the URL to ask for. What is stored is everybody's under the plain path: an application
 * that gets URLs as they are written (ProxyPass ... nocanon), and has another answer to
 * "/assets//a.css", is asked for "/assets/a.css".
 */
static const char *uri_of(const request_rec *r)
{
    char *path = apr_pstrmemdup(r->pool, r->unparsed_uri, strcspn(r->unparsed_uri, "?#"));

    if (ap_unescape_url(path) == OK && strcmp(path, r->uri) == 0)
        return r->unparsed_uri;
    return apr_pstrcat(r->pool, ap_escape_uri(r->pool, r->uri), r->args ? "?" : NULL, r->args,
                       NULL);
}

static void run_here(assets_job_t *job, const tier_internal_spec_t *spec, request_rec *r)
{
    tier_internal_result_t result = {0, 0, 0};
    tier_internal_t *internal;
    apr_status_t rv = tier_internal_create(&internal, spec, r->pool);

    if (rv == APR_SUCCESS)
        rv = tier_internal_run(internal, r->connection->current_thread, &result);
    assets_job_end(job, rv, &result);
}

/* The strings of what state has are the request's. */
static void take_old(assets_job_t *job, const assets_request_t *state)
{
    if (!state->has_file || !state->file.has_record)
        return;
    job->old = state->file.record;
    job->old.fields = apr_table_clone(job->pool, state->file.record.fields);
    job->has_old = 1;
}

void assets_job_start(assets_job_t *job, const assets_request_t *state, request_rec *r)
{
    tier_background_t *background = assets_runtime()->background;
    tier_internal_spec_t spec = {r->server, r};
    apr_status_t rv = APR_ENOTIMPL;

    take_old(job, state);
    spec.uri = uri_of(r);
    spec.host = apr_table_get(r->headers_in, "Host");
    spec.headers = fields_for(job, r);
    spec.deadline = tier_clock_now() + TIER_SETTING(job->config, timeout, ASSETS_DEFAULT_TIMEOUT);
    job->until = spec.deadline;
    spec.sink.answer = assets_job_take_answer;
    spec.sink.body = assets_job_take_body;
    spec.owner = &tier_assets_module;
    spec.baton = job;
    if (background && !tier_background_is_deferred(background))
        rv = tier_background_submit(background, &spec, assets_job_end);
    if (rv != APR_SUCCESS)
        run_here(job, &spec, r);
}
