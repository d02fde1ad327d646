/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_REPORT_H
#define HEALTH_REPORT_H

#include <webtier/status_provider.h>

#include "health_table.h"
#include "leader.h"

/*
 * Fills root from pool with the balancers, their members and the members' history, as the table has
 * them now. Any thread of any process; does not block.
 */
void health_report(tier_status_node_t *root, const health_table_t *table,
                   const tier_leader_t *leader, apr_pool_t *pool);

/* Fills in what became of the events that a program was to be told. Any thread. */
void health_report_events(tier_status_node_t *root, health_table_t *table, apr_pool_t *pool);

#endif
