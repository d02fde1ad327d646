/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_CROWD_H
#define HEALTH_CROWD_H

#include <apr_hash.h>

#include "health_target.h"

/*
 * Compares the members of each balancer with each other and ejects outliers (health_outlier.h), as
 * far as TierHealthEject's share and the panic threshold let. targets: health_target_t *, counted
 * by their groups already; now: tier_clock_now(); scratch is cleared. The watch thread only.
 */
void health_crowd_judge(apr_hash_t *targets, apr_time_t now, apr_pool_t *scratch);

#endif
