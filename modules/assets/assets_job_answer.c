/* SPDX-License-Identifier: Apache-2.0 */
/* What the application answers to a fetch. */
#include "assets_job_private.h"

#include "clock.h"

#include <apr_portable.h>
#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

/* Of no more listeners than that, each is told before the application is waited for. */
#define FEW 16

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
        assets_job_ring(job);
}

static int keep_field(void *data, const char *name, const char *value)
{
    assets_job_t *job = data;

    if (assets_policy_keeps(name))
        apr_table_add(job->record.fields, name, value);
    return 1;
}

void assets_job_record(assets_job_t *job, const apr_table_t *fields)
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

apr_status_t assets_job_take_answer(request_rec *r, const apr_table_t *fields, void *baton)
{
    assets_job_t *job = baton;
    apr_status_t rv;

    job->status = r->status;
    if (job->is_from_peer)
        return APR_EGENERAL; /* of no use */
    if (r->status == HTTP_OK && !assets_policy_is_http(r->headers_out)) {
        job->status = HTTP_BAD_GATEWAY;
        return APR_EGENERAL;
    }
    if (job->has_old && r->status == HTTP_NOT_MODIFIED) {
        assets_job_record(job, fields);
        return APR_SUCCESS;
    }
    job->verdict = assets_policy_judge(r->status, fields);
    if (job->verdict != ASSETS_STORE)
        return APR_EGENERAL; /* the rest of it is of no use */
    assets_job_record(job, fields);
    if (job->record.length > assets_job_max_file(job)) {
        job->verdict = ASSETS_REFUSE_SIZE;
        return APR_EGENERAL;
    }
    rv = begin_file(job);
    job->has_record = rv == APR_SUCCESS;
    job->began = tier_clock_now();
    assets_job_ring(job);
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
    if (job->written > assets_job_max_file(job)) {
        job->verdict = ASSETS_REFUSE_SIZE;
        return APR_EGENERAL;
    }
    if (TIER_SETTING(job->config, fingerprint, 0))
        apr_sha1_update(&job->content, data, (unsigned)size);
    job->disk = apr_file_write_full(job->file, data, size, NULL);
    return job->disk;
}

apr_status_t assets_job_take_body(apr_bucket_brigade *brigade, void *baton)
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
