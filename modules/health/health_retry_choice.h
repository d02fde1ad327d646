/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_RETRY_CHOICE_H
#define HEALTH_RETRY_CHOICE_H

#include "health_retry.h"

/* Which member has the next attempt of a request, where the balancer alone would choose badly. All
 * in the request's thread; the functions that choose take the balancer's lock of this process. */

/* Returns 1 when member has had an attempt of this request already. */
int health_choice_is_tried(const health_retry_t *retry, const proxy_worker_shared *member);

/* Returns the member for the first attempt while some member is suspect (health_suspect.h): one
 * that is not, or now and then the suspect itself. NULL: the balancer is to choose. */
proxy_worker *health_choice_first(const health_retry_t *retry, proxy_balancer *balancer,
                                  proxy_server_conf *conf);

/* Returns the member for a further attempt: the least busy one that this request has not met, a
 * suspect only where there is no other; NULL when none is left. */
proxy_worker *health_choice_next(const health_retry_t *retry, proxy_balancer *balancer,
                                 proxy_server_conf *conf);

/* Returns the member for an attempt beside the one at first: as above, but none that is suspect,
 * stands by, or is only for when others of a better set are down. NULL: there is none. */
proxy_worker *health_choice_second(const health_retry_t *retry, const proxy_worker *first,
                                   proxy_server_conf *conf);

/* Returns 1 when the balancer has chosen worker for a session's request, which can be tried again,
 * and worker is suspect because a request timed out: then the session is to move. */
int health_choice_should_move(const health_retry_t *retry, const proxy_worker *worker);

/*
 * Gives the request to worker: counts, environment, r->filename and *url, which was the balancer's,
 * from the request's pool. Returns OK or the status to answer with when the URL can't be one of it.
 */
int health_choice_take(health_retry_t *retry, proxy_balancer *balancer, proxy_worker *worker,
                       char **url);

/* Says in the environment who has the request of r. */
void health_choice_name(request_rec *r, const proxy_balancer *balancer, const proxy_worker *worker);

/* The member has one request more, or less; the first counts as elected for it. Any thread. */
void health_choice_raise_busy(proxy_worker_shared *member);
void health_choice_lower_busy(proxy_worker_shared *member);

/* The member that was taken is less busy by this one's failed attempt. */
void health_choice_release(health_retry_t *retry);

#endif
