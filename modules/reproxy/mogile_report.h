/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_REPORT_H
#define MOGILE_REPORT_H

#include "mogile_service.h"

#include <webtier/status_provider.h>

/*
 * Adds the object "mogile" to root: each tracker and the database, look-ups, devices, uploads. Pure
 * but for reading shared memory. Any thread.
 */
void mogile_report(tier_status_node_t *root, const mogile_service_t *service, apr_pool_t *pool);

#endif
