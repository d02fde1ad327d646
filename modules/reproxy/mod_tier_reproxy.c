/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_tier_reproxy: the application's answer names a file, httpd delivers it. This file is hooks
 * only: reproxy_config.c reads the directives, reproxy_obey.c the answers, reproxy_deliver.c sends
 * files.
 */
#include <httpd.h>
#include <ap_provider.h>
#include <http_config.h>
#include <http_log.h>

#include <glue.h>
#include <segment.h>
#include <webtier/status_provider.h>

#include "mogile_hooks.h"
#include "reproxy_config.h"
#include "reproxy_obey.h"
#include "reproxy_relay_hooks.h"
#include "reproxy_report.h"
#include "reproxy_scene.h"

#define TABLE_NAME "tier-reproxy"

module AP_MODULE_DECLARE_DATA tier_reproxy_module;

/* Written in post_config and child_init, before there are threads. */
static reproxy_scene_t scene;

reproxy_scene_t *reproxy_scene(void)
{
    return &scene;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *main_server)
{
    apr_pool_t *pool = main_server->process->pool;
    tier_segment_t segment;
    apr_status_t status;

    (void)pconf;
    (void)plog;
    (void)ptemp;
    if (tier_glue_first_pass(main_server, "mod_tier_reproxy"))
        return OK;
    status = tier_segment_obtain(&segment, TABLE_NAME, REPROXY_TABLE_LAYOUT,
                                 sizeof(reproxy_table_t), pool);
    if (status == APR_SUCCESS) {
        tier_segment_done(&segment, TABLE_NAME, pool);
        scene.table = segment.base;
    } else {
        ap_log_error(APLOG_MARK, APLOG_ERR, status, main_server,
                     WTNO(3007) "no shared memory for mod_tier_reproxy: each child learns and "
                                "counts on its own until the next restart");
        scene.table = NULL;
    }
    reproxy_relay_hooks_post_config(main_server);
    return OK;
}

static void child_init(apr_pool_t *pchild, server_rec *main_server)
{
    apr_status_t status = reproxy_workers_create(&scene.workers, pchild);
    int remembered = reproxy_config_cache(main_server);

    if (!scene.table)
        scene.table = apr_pcalloc(pchild, sizeof(*scene.table));
    scene.remember =
        remembered > 0 ? reproxy_remember_create((apr_uint32_t)remembered, pchild) : NULL;
    if (status != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_ERR, status, main_server,
                     WTNO(3008) "this child cannot ask storage nodes");
}

static void report(tier_status_node_t *root, void *vhost, apr_pool_t *pool)
{
    (void)vhost;
    if (scene.table)
        reproxy_report(root, scene.table, pool);
    mogile_hooks_report(root, pool);
    reproxy_relay_hooks_report(root, pool);
}

static void register_hooks(apr_pool_t *pool)
{
    static const char *const after[] = {"mod_proxy.c", NULL};
    static const tier_status_provider_t provider = {report};

    ap_hook_post_config(post_config, after, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, after, NULL, APR_HOOK_MIDDLE);
    reproxy_obey_register(pool);
    mogile_hooks_register(pool);
    reproxy_relay_hooks_register();
    ap_register_provider(pool, TIER_STATUS_GROUP, "reproxy", TIER_STATUS_VERSION, &provider);
}

AP_DECLARE_MODULE(tier_reproxy) = {STANDARD20_MODULE_STUFF,
                                   reproxy_config_create,
                                   reproxy_config_merge,
                                   reproxy_config_server_create,
                                   reproxy_config_server_merge,
                                   reproxy_config_commands,
                                   register_hooks};
