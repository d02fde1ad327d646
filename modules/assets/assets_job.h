/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_JOB_H
#define ASSETS_JOB_H

/* A fetch, as who begins it sees it. */

#include "assets_hooks.h"

/* A fetch that is begun by its leader. */
typedef struct assets_job_t assets_job_t;

/* Makes a job, with a pool of its own, for state's file: enters it. *is_leader 0: another process
 * or thread fetches. Errors: as of assets_file_enter. */
apr_status_t assets_job_enter(assets_job_t **job, int *is_leader, const assets_request_t *state,
                              request_rec *r);

/* Returns a file of r's own on what the job writes or another one does. */
apr_status_t assets_job_watch(apr_file_t **file, const assets_job_t *job, request_rec *r);

/* Fetches: in the background, or before it returns where that cannot be. The job is not the
 * caller's any more. state has the stale file that is to be validated, or none. */
void assets_job_start(assets_job_t *job, const assets_request_t *state, request_rec *r);

/* Asks the peers, in the request r that job makes for itself. Returns a handler's result; DECLINED:
 * the application is to be asked. */
int assets_job_ask_peers(assets_job_t *job, request_rec *r);

/* Gives the job up before it was started; what it entered is free for others. */
void assets_job_drop(assets_job_t *job);

/* Logs, at most once a minute, that something could not be stored. */
void assets_job_complain(apr_status_t rv, const server_rec *s, const char *path);

#endif
