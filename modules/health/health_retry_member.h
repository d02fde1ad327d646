/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_RETRY_MEMBER_H
#define HEALTH_RETRY_MEMBER_H

#include "health_retry.h"

/* mod_proxy's members, as one request meets them. Its thread. */

/* Registers the hooks of mod_proxy; does nothing where that is not loaded. */
void health_retry_member_register(void);

/* Returns 1 when mod_proxy is there, loaded before this module. */
int health_retry_member_possible(void);

/* Returns 1 when mod_proxy_http asks the member, which tells when it has sent something; the other
 * protocols' 503 can mean both. */
int health_retry_member_is_http(const proxy_worker *worker);

/* The member has begun to answer: it is not suspect any more. */
void health_retry_member_answered(health_retry_t *retry);

/* Leaves the member that this attempt was made at out of the further ones, and nothing more. */
void health_retry_member_leave(health_retry_t *retry);

/* Leaves the member that this attempt was made at out of the further ones, lowers its busy count
 * and counts what came of it. */
void health_retry_member_done(health_retry_t *retry);

/* Returns 1 when a member is left that can be asked; a budget that is not spent is asked for next.
 */
int health_retry_member_left(const health_retry_t *retry);

/* Returns 1 when the waiting room still has time for this request. */
int health_retry_member_may_wait(const health_retry_t *retry);

/* Returns the shared entry of the balancer, or NULL. */
health_passive_t *health_retry_balancer_entry(const health_retry_t *retry);

#endif
