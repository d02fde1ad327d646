/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_HEDGE_RACE_H
#define HEALTH_HEDGE_RACE_H

#include "health_retry.h"

/*
 * Hedged requests (health_hedge.h). mod_proxy_http sends a request and waits for the answer; a
 * filter on the connection to the member waits in its place, asks a second member when it is time,
 * and gives the bytes of whoever answers first. All in the request's thread.
 */
typedef struct health_hedge_t health_hedge_t;

/* Registers the filter. */
void health_hedge_register(void);

/* An attempt at worker begins, for url: sets retry->hedge when it may be hedged. */
void health_hedge_meet(health_retry_t *retry, proxy_worker *worker, proxy_server_conf *conf,
                       const char *url);

/* The request has been sent, rp is its answer: inserts the filter, below the one that watches the
 * time. */
void health_hedge_watch(health_hedge_t *hedge, request_rec *rp);

/* Returns who has answered the attempt that was made at worker. */
const proxy_worker *health_hedge_answerer(const health_retry_t *retry, const proxy_worker *worker);

#endif
