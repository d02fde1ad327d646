/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_BACKGROUND_H
#define TIER_BACKGROUND_H

#include "internal.h"
#include "log.h"

/*
 * Internal requests (internal.h) beside the requests of clients: a few threads in each child, and a
 * short queue before them. A request has memory of its own, which is given back when it is over.
 * One more thread ends requests that outlast their deadline.
 *
 * Under an MPM without threads (prefork) modules may not be thread-safe, and mod_proxy is not:
 * there a request waits until the connection of the client that it was made for is closed, and is
 * then run by the child itself, before it takes another connection. Its client is not kept waiting
 * there either.
 *
 * All functions: any thread of the child.
 */
typedef struct tier_background_t tier_background_t;

typedef struct tier_background_options_t {
    const char *name;          /* for ps: "tier-cache" */
    apr_uint32_t threads;      /* 1 or more */
    apr_uint32_t queue;        /* how many requests may wait */
    apr_interval_time_t grace; /* how long requests may go on when the child ends */
} tier_background_options_t;

typedef struct tier_background_figures_t {
    apr_uint64_t ran;     /* requests that are over */
    apr_uint64_t dropped; /* not taken: the queue was full */
    apr_uint32_t waiting;
    apr_uint32_t running;
} tier_background_figures_t;

/*
 * Tells what came of a request, once for each that was taken; baton is its spec's. status: what
 * tier_internal_run returned, or ECANCELED: it was not run, as the child ends. In the thread
 * that ran it.
 */
typedef void (*tier_background_done_t)(void *baton, apr_status_t status,
                                       const tier_internal_result_t *result);

/*
 * Call in child_init. A pre-cleanup of pchild stops it: what waits is not run, what runs may go on
 * for grace and is then aborted, and the threads are joined. That takes no longer than grace, but
 * for requests that are just being connected to a backend (tier_internal_run). Errors: what
 * creating threads gives.
 */
apr_status_t tier_background_start(tier_background_t **background,
                                   const tier_background_options_t *options, apr_pool_t *pchild);

/*
 * Takes a request, and copies it (a baton only where its baton_size says so). done may be NULL.
 * Returns at once. APR_EAGAIN: the queue is full; APR_EOF: this child is ending; APR_ENOTIMPL:
 * prefork, and spec->from is NULL; other errors as of tier_internal_create. done is called only
 * after APR_SUCCESS.
 */
apr_status_t tier_background_submit(tier_background_t *background, const tier_internal_spec_t *spec,
                                    tier_background_done_t done);

/* Returns 1 under prefork, where requests wait until their client's connection is closed. */
int tier_background_is_deferred(const tier_background_t *background);

/* Fills figures with those of this process. */
void tier_background_figures(tier_background_t *background, tier_background_figures_t *figures);

#endif
