/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_RELAY_ENGINE_H
#define REPROXY_RELAY_ENGINE_H

#include <apr_pools.h>

#include <log.h>

#include "reproxy_relay_job.h"
#include "reproxy_relay_pipe.h"

/*
 * The relay: one thread that carries out many jobs at once, so that a slow client costs a few
 * hundred bytes and no thread of its own.
 */
typedef struct reproxy_relay_engine_t reproxy_relay_engine_t;

typedef struct reproxy_relay_engine_spec_t {
    apr_uint32_t max_jobs; /* at once; further ones are refused */
    apr_size_t max_pipes;  /* at once; jobs beyond copy through a buffer */
    const tier_log_t *log;
} reproxy_relay_engine_spec_t;

/*
 * Starts the thread, in child_init. A pre-cleanup of pool ends every job with
 * REPROXY_RELAY_STOPPED (their done() is called by it) and joins the thread. What spec points to
 * must live as long as pool. Errors: what creating loop, lock or thread gives.
 */
apr_status_t reproxy_relay_engine_start(reproxy_relay_engine_t **engine,
                                        const reproxy_relay_engine_spec_t *spec, apr_pool_t *pool);

/*
 * Hands job over. APR_EAGAIN: as many jobs as may be are on their way. APR_EOF: the relay has ended
 * or is about to. With an error job stays the caller's and done() is not called. Any thread.
 */
apr_status_t reproxy_relay_engine_submit(reproxy_relay_engine_t *engine, reproxy_relay_job_t *job);

/*
 * Ends job with REPROXY_RELAY_STOPPED if it is still on its way. When this returns, done() has been
 * called. job has been submitted at least once. Any thread but the relay's.
 */
void reproxy_relay_engine_cancel(reproxy_relay_engine_t *engine, reproxy_relay_job_t *job);

/* Returns 1 while job, submitted before, is on its way; 0 once done() has returned. Any thread. */
int reproxy_relay_engine_holds(reproxy_relay_engine_t *engine, const reproxy_relay_job_t *job);

/* Returns the pipes that a transfer which is handed over with its job has to be of. Any thread. */
reproxy_relay_pipes_t *reproxy_relay_engine_pipes(reproxy_relay_engine_t *engine);

/* Returns how many jobs are on their way. Any thread. */
apr_uint32_t reproxy_relay_engine_running(reproxy_relay_engine_t *engine);

#endif
