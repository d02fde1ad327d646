/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_JOB_PRIVATE_H
#define ASSETS_JOB_PRIVATE_H

/* What the files of a fetch share: assets_job*.c. */

#include "assets_job.h"

#include <apr_sha1.h>

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

/* Wakes those who wait for the file. */
void assets_job_ring(assets_job_t *job);

/* Makes the record of an answer with these fields that came now. assets_job_answer.c */
void assets_job_record(assets_job_t *job, const apr_table_t *fields);

/* Returns the largest size of a file that is kept. */
apr_off_t assets_job_max_file(const assets_job_t *job);

/* The sink of the job's request (internal.h); baton: the job. assets_job_answer.c */
apr_status_t assets_job_take_answer(request_rec *r, const apr_table_t *fields, void *baton);
apr_status_t assets_job_take_body(apr_bucket_brigade *brigade, void *baton);

/* Publishes what came, or remembers why there is nothing, and ends the job, which is baton; for
 * tier_background_submit. assets_job_end.c */
void assets_job_end(void *baton, apr_status_t status, const tier_internal_result_t *result);

#endif
