/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_ORDERS_H
#define HEALTH_ORDERS_H

#include "health_target.h"

/* Carries out what an administrator has asked of the member (health_action.h); costs one load when
 * there is nothing. now: tier_clock_now(). The watch thread only. */
void health_orders_take(health_target_t *target, apr_time_t now);

#endif
