/* SPDX-License-Identifier: Apache-2.0 */
#include "status_report.h"

#include <string.h>

#include "status_tree.h"

void status_report_begin(status_report_t *report, const char *version, const char *host,
                         apr_time_t now, apr_pool_t *pool)
{
    report->now = now;
    report->version = version;
    report->host = host;
    report->token = NULL;
    report->root = tier_status_root(NULL, pool);
    tier_status_string(report->root, "webtier", version, pool);
    tier_status_number(report->root, TIER_STATUS_TIME, "time", now, pool);
    report->server = tier_status_object(report->root, "server", pool);
    tier_status_string(report->server, "name", host, pool);
    report->modules = tier_status_object(report->root, "modules", pool);
}

void status_report_allow(status_report_t *report, const char *token, apr_pool_t *pool)
{
    report->token = token;
    tier_status_string(report->root, "token", token, pool);
}

tier_status_node_t *status_report_module(status_report_t *report, const char *name,
                                         apr_pool_t *pool)
{
    return tier_status_object(report->modules, name, pool);
}

void status_report_module_done(tier_status_node_t *module, apr_pool_t *pool)
{
    if (!module->first)
        tier_status_string(module, "state", "off", pool);
}

static int ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), wanted = strlen(end);

    return size >= wanted && strcmp(text + size - wanted, end) == 0;
}

int status_report_is_history(const tier_status_node_t *node)
{
    return node->kind == TIER_STATUS_ARRAY && node->name &&
           (strcmp(node->name, "history") == 0 || ends_with(node->name, "_history"));
}
