/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_HOOKS_H
#define MOGILE_HOOKS_H

#include <httpd.h>

#include <webtier/status_provider.h>

/* Registers the hooks of the MogileFS part; the module's register_hooks calls it. */
void mogile_hooks_register(apr_pool_t *pool);

/* Adds "mogile" to the module's page, where MogileFS is configured. */
void mogile_hooks_report(tier_status_node_t *root, apr_pool_t *pool);

#endif
