/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a fetch: what came is published, or why there is nothing is remembered. */
#include "assets_job_private.h"

#include "clock.h"

#include <apr_date.h>

#include <errno.h>
#include <unistd.h>

/* How long what came of a fetch is remembered. */
#define UNSTORABLE_KEEPS apr_time_from_sec(30)
#define FAILED_KEEPS     apr_time_from_sec(2)

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
    assets_job_ring(job); /* who waits need not wait for the disk */
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

void assets_job_end(void *baton, apr_status_t status, const tier_internal_result_t *result)
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
    assets_job_ring(job);
    apr_pool_destroy(job->pool);
}
