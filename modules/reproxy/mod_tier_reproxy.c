/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_tier_reproxy: the application's answer names a file, httpd delivers it. This file is hooks
 * only: reproxy_config.c reads the directives, reproxy_deliver.c sends files.
 */
#include <httpd.h>
#include <http_config.h>

#include "reproxy_config.h"
#include "reproxy_scene.h"

module AP_MODULE_DECLARE_DATA tier_reproxy_module;

/* Written in post_config and child_init, before there are threads. */
static reproxy_scene_t scene;

reproxy_scene_t *reproxy_scene(void)
{
    return &scene;
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
}

AP_DECLARE_MODULE(tier_reproxy) = {
    STANDARD20_MODULE_STUFF, reproxy_config_create, reproxy_config_merge, NULL, NULL,
    reproxy_config_commands, register_hooks};
