/* SPDX-License-Identifier: Apache-2.0 */
/* A fetch: a request without a client, whose answer is written to a file. */
#include "assets_hooks.h"
#include "assets_private.h"

#include "assets_name.h"
#include "assets_pool.h"

#include "clock.h"

#include <apr_date.h>
#include <apr_portable.h>
#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* How long what came of a fetch is remembered. */
#define UNSTORABLE_KEEPS apr_time_from_sec(30)
#define FAILED_KEEPS     apr_time_from_sec(2)

/* Of no more listeners than that, each is told before the application is waited for. */
#define FEW 16

#define COMPLAIN_EVERY apr_time_from_sec(60)

struct assets_job_t {
    apr_pool_t *pool; /* its own, of no thread */
    server_rec *server;
    const assets_server_t *config;
    assets_shared_t *shared;
    const char *path, *work;
    apr_uint64_t id;
    apr_file_t *file;
    int is_leader;
    assets_record_t old; /* with has_old: of the file that is to be validated */
    int has_old;

    /* What comes. */
    int status;
    assets_verdict_e verdict;
    assets_record_t record;
    int has_record;
    apr_off_t written;
    apr_uint64_t version, claimed; /* that the URL names */
    apr_time_t until;
    int is_from_peer; /* the file is whole already */
    apr_sha1_ctx_t content;
    apr_status_t disk; /* what went wrong with the disk */
    apr_time_t began, rang;
    apr_uint32_t heard; /* the bell's, when it rang */
    apr_off_t told;     /* written when it rang */
    apr_uint32_t crowd; /* how many heard the ring before */
};

void assets_job_complain(apr_status_t rv, const server_rec *s, const char *path)
{
    assets_shared_t *shared = assets_runtime()->shared;
    apr_time_t now = tier_clock_now();
    apr_int64_t before = tier_atomic_load64(&shared->complained);

    tier_counter_add(&shared->counters.disk_errors, 1);
    if (before && now - before < COMPLAIN_EVERY)
        return;
    if (tier_atomic_swap64(&shared->complained, before, now))
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

/* The answer. */

static void ring(assets_job_t *job)
{
    assets_bell_t *bell = assets_marks_bell(&job->shared->marks, job->id);
    apr_uint32_t heard = assets_bell_heard(bell);

    job->crowd = heard - job->heard;
    job->heard = heard;
    job->rang = tier_clock_now();
    job->told = job->written;
    assets_bell_ring(bell);
}

/* Returns when all will be there, if it goes on coming as it did. */
static apr_interval_time_t left_of(const assets_job_t *job, apr_time_t now)
{
    apr_off_t left = job->record.length - job->written;

    return job->record.length < 0 ? APR_INT64_MAX
                                  : (apr_interval_time_t)((double)(now - job->began) *
                                                          (double)left / (double)job->written);
}

/* Rings when it is time for those who wait, at the latest when all is there. */
static void ring_sometimes(assets_job_t *job, int is_flush)
{
    apr_time_t now = tier_clock_now();
    apr_uint32_t crowd =
        assets_bell_heard(assets_marks_bell(&job->shared->marks, job->id)) - job->heard;

    if (job->written == job->told)
        return;
    if (job->told == 0 || job->written == job->record.length ||
        (is_flush && job->crowd <= FEW && crowd <= FEW) ||
        assets_bell_is_due(crowd, now - job->rang, left_of(job, now)))
        ring(job);
}

static int keep_field(void *data, const char *name, const char *value)
{
    assets_job_t *job = data;

    if (assets_policy_keeps(name))
        apr_table_add(job->record.fields, name, value);
    return 1;
}

static void make_record(assets_job_t *job, const apr_table_t *fields)
{
    const char *length = apr_table_get(fields, "Content-Length");
    apr_time_t now = apr_time_now();

    job->record.fetched = now;
    job->record.version = job->version;
    job->record.expires = assets_policy_expires(
        fields, now, TIER_SETTING(job->config, max_age, ASSETS_DEFAULT_MAX_AGE));
    job->record.length = length ? apr_atoi64(length) : -1;
    job->record.fields = apr_table_make(job->pool, 10);
    apr_table_do(keep_field, job, fields, NULL);
}

/* A disk that is full, or a limit of this process, is better known before the first byte than after
 * half of them. */
static apr_status_t reserve(assets_job_t *job)
{
    struct rlimit limit;
    apr_os_file_t fd;

    apr_os_file_get(&fd, job->file);
    if (job->record.length <= 0)
        return APR_SUCCESS;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        (apr_uint64_t)job->record.length > (apr_uint64_t)limit.rlim_cur)
        return EFBIG;
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)job->record.length) != 0 &&
        (errno == ENOSPC || errno == EDQUOT))
        return errno;
    return APR_SUCCESS;
}

static apr_off_t max_file(const assets_job_t *job)
{
    return TIER_SETTING(job->config, max_file, ASSETS_DEFAULT_MAX_FILE);
}

static apr_status_t begin_file(assets_job_t *job)
{
    apr_status_t rv = reserve(job);

    if (rv == APR_SUCCESS)
        rv = assets_file_note(job->file, NULL, &job->record, job->pool);
    if (rv == APR_ENOSPC && !assets_record_write(&job->record, &(apr_size_t){0}, job->pool)) {
        job->verdict = ASSETS_REFUSE_FIELDS;
    } else {
        job->disk = rv;
    }
    return rv;
}

static apr_status_t take_answer(request_rec *r, const apr_table_t *fields, void *baton)
{
    assets_job_t *job = baton;
    apr_status_t rv;

    job->status = r->status;
    if (job->is_from_peer)
        return APR_EGENERAL; /* of no use */
    if (job->has_old && r->status == HTTP_NOT_MODIFIED) {
        make_record(job, fields);
        return APR_SUCCESS;
    }
    job->verdict = assets_policy_judge(r->status, fields);
    if (job->verdict != ASSETS_STORE)
        return APR_EGENERAL; /* the rest of it is of no use */
    make_record(job, fields);
    if (job->record.length > max_file(job)) {
        job->verdict = ASSETS_REFUSE_SIZE;
        return APR_EGENERAL;
    }
    rv = begin_file(job);
    job->has_record = rv == APR_SUCCESS;
    job->began = tier_clock_now();
    ring(job);
    return rv;
}

static apr_status_t write_bucket(assets_job_t *job, apr_bucket *bucket)
{
    const char *data;
    apr_size_t size;
    apr_status_t rv = apr_bucket_read(bucket, &data, &size, APR_BLOCK_READ);

    if (rv != APR_SUCCESS || size == 0)
        return rv;
    job->written += (apr_off_t)size;
    if (job->written > max_file(job)) {
        job->verdict = ASSETS_REFUSE_SIZE;
        return APR_EGENERAL;
    }
    if (TIER_SETTING(job->config, fingerprint, 0))
        apr_sha1_update(&job->content, data, (unsigned)size);
    job->disk = apr_file_write_full(job->file, data, size, NULL);
    return job->disk;
}

static apr_status_t take_body(apr_bucket_brigade *brigade, void *baton)
{
    assets_job_t *job = baton;
    int is_flush = 0;

    if (!job->has_record)
        return APR_SUCCESS;
    for (apr_bucket *bucket = APR_BRIGADE_FIRST(brigade); bucket != APR_BRIGADE_SENTINEL(brigade);
         bucket = APR_BUCKET_NEXT(bucket)) {
        apr_status_t rv = APR_BUCKET_IS_METADATA(bucket) ? APR_SUCCESS : write_bucket(job, bucket);

        is_flush |= APR_BUCKET_IS_FLUSH(bucket);
        if (rv != APR_SUCCESS)
            return rv;
    }
    ring_sometimes(job, is_flush);
    return APR_SUCCESS;
}

/* Other web boxes. */

/* What a peer says of time is believed no longer than TierAssetsMaxAge; then the application is
 * asked. Returns 1 when its answer may be kept, and is what the URL asks for. */
static int take_from_peer(assets_job_t *job, const apr_table_t *fields, apr_off_t length)
{
    apr_time_t longest;

    if (assets_policy_judge(HTTP_OK, fields) != ASSETS_STORE)
        return 0;
    make_record(job, fields);
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
    ask.largest = max_file(job);
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

/* The end. */

static void mark(assets_job_t *job, assets_mark_e what, apr_interval_time_t keep)
{
    if (keep > 0)
        assets_marks_set(&job->shared->marks, job->id, what, tier_clock_now(), keep);
}

static void publish(assets_job_t *job)
{
    const char *modified = apr_table_get(job->record.fields, "Last-Modified");
    apr_time_t time = modified ? apr_date_parse_http(modified) : APR_DATE_BAD;
    apr_status_t rv;

    job->record.is_complete = 1;
    if (TIER_SETTING(job->config, fingerprint, 0) && !job->is_from_peer)
        job->record.fingerprint = assets_fingerprint_final(&job->content);
    rv = assets_file_note(job->file, NULL, &job->record, job->pool);
    ring(job); /* who waits need not wait for the disk */
    if (rv == APR_SUCCESS)
        rv = assets_file_publish(job->file, job->work, job->path, time, job->pool);
    job->disk = rv;
    if (rv == APR_SUCCESS) {
        tier_counter_add(&job->shared->counters.fetched, 1);
        tier_counter_add(&job->shared->counters.fetched_bytes, (apr_uint64_t)job->written);
    }
}

static int set_newer(void *data, const char *name, const char *value)
{
    apr_table_set(data, name, value);
    return 1;
}

/* 304: its fields take the places of those kept (RFC 9111 section 4.3.4). */
static void confirm(assets_job_t *job)
{
    apr_time_t now = apr_time_now();

    apr_table_do(set_newer, job->old.fields, job->record.fields, NULL);
    job->old.fetched = now;
    job->old.version = job->version ? job->version : job->old.version;
    job->old.expires = assets_policy_expires(
        job->old.fields, now, TIER_SETTING(job->config, max_age, ASSETS_DEFAULT_MAX_AGE));
    if (assets_policy_judge(HTTP_OK, job->old.fields) != ASSETS_STORE) {
        unlink(job->path);
        mark(job, ASSETS_MARK_UNSTORABLE, UNSTORABLE_KEEPS);
        return;
    }
    tier_counter_add(&job->shared->counters.revalidated, 1);
    job->disk = assets_file_note(NULL, job->path, &job->old, job->pool);
}

static int is_failure(const assets_job_t *job)
{
    return job->status == 0 || job->status == HTTP_BAD_GATEWAY ||
           job->status == HTTP_SERVICE_UNAVAILABLE || job->status == HTTP_GATEWAY_TIME_OUT ||
           (job->status >= 500 && job->has_old);
}

/* Nothing came that can be kept. */
static void give_up(assets_job_t *job)
{
    if (job->disk != APR_SUCCESS) {
        mark(job, ASSETS_MARK_UNSTORABLE, UNSTORABLE_KEEPS);
    } else if (job->status == HTTP_NOT_FOUND || job->status == HTTP_GONE) {
        unlink(job->path);
        mark(job, ASSETS_MARK_NOT_FOUND,
             TIER_SETTING(job->config, not_found, ASSETS_DEFAULT_NOT_FOUND));
    } else if (is_failure(job) || job->verdict == ASSETS_STORE) {
        tier_counter_add(&job->shared->counters.failed, 1);
        mark(job, ASSETS_MARK_FAILED, FAILED_KEEPS);
    } else {
        if (job->status == HTTP_OK)
            unlink(job->path); /* it is not for everybody any more */
        tier_counter_add(&job->shared->counters.refused[job->verdict], 1);
        mark(job, ASSETS_MARK_UNSTORABLE, UNSTORABLE_KEEPS);
    }
}

static int is_whole(const assets_job_t *job)
{
    return job->has_record && job->verdict == ASSETS_STORE && job->disk == APR_SUCCESS &&
           (job->record.length < 0 || job->record.length == job->written);
}

static void end_job(void *baton, apr_status_t status, const tier_internal_result_t *result)
{
    assets_job_t *job = baton;

    if (job->is_from_peer) {
        publish(job);
    } else if (status == APR_SUCCESS && job->has_old && job->status == HTTP_NOT_MODIFIED) {
        confirm(job);
    } else if (status == APR_SUCCESS && result->is_complete && is_whole(job)) {
        publish(job);
    } else if (status != ECANCELED) {
        give_up(job);
    }
    if (job->disk != APR_SUCCESS)
        assets_job_complain(job->disk, job->server, job->path);
    if (!job->record.is_complete || job->disk != APR_SUCCESS)
        unlink(job->work);
    apr_file_close(job->file); /* gives the lock back */
    ring(job);
    apr_pool_destroy(job->pool);
}

/* The request. */

/* The client's fields but for what makes its answer another one than everybody's. */
static apr_table_t *fields_for(const assets_job_t *job, const request_rec *r)
{
    static const char *const dropped[] = {
        "Cookie",        "Cookie2",        "Authorization", "Range",
        "If-Range",      "If-Match",       "If-None-Match", "If-Modified-Since",
        "Cache-Control", "Pragma",         "Origin",        "If-Unmodified-Since",
        "Referer",       "Accept-Language"};
    apr_table_t *fields = apr_table_copy(r->pool, r->headers_in);
    const char *etag = job->has_old ? apr_table_get(job->old.fields, "ETag") : NULL;
    const char *modified = job->has_old ? apr_table_get(job->old.fields, "Last-Modified") : NULL;

    for (apr_size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++)
        apr_table_unset(fields, dropped[i]);
    apr_table_setn(fields, "Accept-Encoding", "identity");
    if (etag)
        apr_table_setn(fields, "If-None-Match", etag);
    if (modified)
        apr_table_setn(fields, "If-Modified-Since", modified);
    return fields;
}

static void run_here(assets_job_t *job, const tier_internal_spec_t *spec, request_rec *r)
{
    tier_internal_result_t result = {0, 0, 0};
    tier_internal_t *internal;
    apr_status_t rv = tier_internal_create(&internal, spec, r->pool);

    if (rv == APR_SUCCESS)
        rv = tier_internal_run(internal, r->connection->current_thread, &result);
    end_job(job, rv, &result);
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
    spec.uri = r->unparsed_uri;
    spec.host = apr_table_get(r->headers_in, "Host");
    spec.headers = fields_for(job, r);
    spec.deadline = tier_clock_now() + TIER_SETTING(job->config, timeout, ASSETS_DEFAULT_TIMEOUT);
    job->until = spec.deadline;
    spec.sink.answer = take_answer;
    spec.sink.body = take_body;
    spec.owner = &tier_assets_module;
    spec.baton = job;
    if (background && !tier_background_is_deferred(background))
        rv = tier_background_submit(background, &spec, end_job);
    if (rv != APR_SUCCESS)
        run_here(job, &spec, r);
}
