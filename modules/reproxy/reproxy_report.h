/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_REPORT_H
#define REPROXY_REPORT_H

#include <status_tree.h>

#include "reproxy_node.h"

/* Fills root with what the table counts: the orders, and each storage node. Any thread. */
void reproxy_report(tier_status_node_t *root, reproxy_table_t *table, apr_pool_t *pool);

#endif
