/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_REVIEW_H
#define HEALTH_REVIEW_H

#include "health_target.h"

/*
 * What the watch does about ejections at each tick: requests have begun them, the watch writes them
 * into the member's history and ends them. The watch thread only.
 */

/* Notes a new ejection of the member, ends one whose time is over where the checks pass, and
 * forgets old ones. now: tier_clock_now(). */
void health_review(health_target_t *target, apr_time_t now);

/* Ends the ejection of a member whose checks pass, as no other member is left. */
void health_review_lift(health_target_t *target, apr_time_t now);

/* Says in the log that the watch has ejected the member, for so long. */
void health_review_tell(const health_target_t *target, apr_interval_time_t time);

/* Ends the member's ejection for that reason. now: tier_clock_now(). */
void health_review_end(health_target_t *target, const char *reason, apr_time_t now);

#endif
