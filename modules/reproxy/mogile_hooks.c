/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_hooks.h"

#include <http_config.h>
#include <http_log.h>
#include <http_main.h>
#include <http_request.h>

#include "glue.h"
#include "mogile_report.h"
#include "mogile_request.h"
#include "reproxy_private.h"
#include "segment.h"
#include "watch.h"

#define SHARED_NAME "tier-mogile"
#define CACHE_NAME  "tier-mogile-cache"
#define STATE_KEY   "tier-mogile-state"

/* What post_config has made, for the children: in the configuration's pool. */
typedef struct state_t {
    mogile_shared_t *shared;
    void *cache; /* NULL: none */
} state_t;

static apr_status_t obtain_shared(state_t *state, const mogile_settings_t *settings, server_rec *s,
                                  apr_pool_t *pool)
{
    tier_segment_t segment;
    apr_status_t status =
        tier_segment_obtain(&segment, SHARED_NAME, mogile_service_layout(settings, pool),
                            sizeof(mogile_shared_t), s->process->pool);

    if (status != APR_SUCCESS)
        return status;
    tier_segment_done(&segment, SHARED_NAME, s->process->pool);
    if (segment.fresh)
        status = tier_leader_init(&((mogile_shared_t *)segment.base)->leader);
    if (status == APR_SUCCESS)
        state->shared = segment.base;
    return status;
}

/* What a child has instead, where there was no memory to share. */
static apr_status_t make_own(state_t *state, apr_pool_t *pchild)
{
    mogile_shared_t *own = apr_pcalloc(pchild, sizeof(*own));
    apr_status_t status = tier_leader_init(&own->leader);

    if (status == APR_SUCCESS)
        state->shared = own;
    return status;
}

static apr_status_t obtain_cache(state_t *state, const mogile_settings_t *settings, server_rec *s)
{
    apr_size_t size = (apr_size_t)settings->cache_size;
    tier_segment_t segment;
    apr_status_t status;

    if (size == 0)
        return APR_SUCCESS;
    status = tier_segment_obtain(&segment, CACHE_NAME, mogile_cache_layout(size), size,
                                 s->process->pool);
    if (status == APR_SUCCESS && segment.fresh)
        status = mogile_cache_format(segment.base, segment.size);
    if (status != APR_SUCCESS)
        return status;
    tier_segment_done(&segment, CACHE_NAME, s->process->pool);
    state->cache = segment.base;
    return APR_SUCCESS;
}

static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    const char *problem = mogile_config_check(s, pconf, ptemp);

    (void)plog;
    if (!problem)
        return OK;
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, s, WTNO(3505) "%s", problem);
    return HTTP_INTERNAL_SERVER_ERROR;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    const mogile_settings_t *settings = mogile_config_settings(s);
    state_t *state;
    apr_status_t status;

    (void)plog;
    if (!settings || tier_glue_first_pass(s, "tier-mogile"))
        return OK;
    state = apr_pcalloc(pconf, sizeof(*state));
    status = obtain_shared(state, settings, s, ptemp);
    if (status == APR_SUCCESS)
        status = obtain_cache(state, settings, s);
    if (status != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_ERR, status, s,
                     WTNO(3506) "no shared memory for what is known of MogileFS: no paths are "
                                "kept%s until the next restart",
                     state->shared ? "" : ", and each child learns on its own,");
    apr_pool_userdata_setn(state, STATE_KEY, NULL, pconf);
    return OK;
}

static apr_status_t start_watch(mogile_service_t *service, apr_pool_t *pchild)
{
    tier_watch_spec_t spec = {.name = "tier-mogile",
                              .leader = &service->shared->leader,
                              .max_sockets = MOGILE_SERVERS_MOST + 2 * TIER_MEMCACHE_MAX_SERVERS,
                              .log = service->log,
                              .baton = service,
                              .lead = mogile_service_lead,
                              .retired = tier_glue_retired};
    tier_watch_t *watch;

    return tier_watch_start(&watch, &spec, pchild);
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    mogile_settings_t *settings = mogile_config_settings(s);
    void *found = NULL;
    state_t *state;
    apr_status_t status = APR_SUCCESS;

    apr_pool_userdata_get(&found, STATE_KEY, s->process->pconf);
    state = found;
    if (!settings || !state)
        return;
    if (!state->shared)
        status = make_own(state, pchild);
    if (status == APR_SUCCESS)
        status = mogile_service_create(&settings->service, settings, state->shared, state->cache,
                                       tier_glue_log(s, tier_reproxy_module.module_index, pchild),
                                       pchild);
    if (status == APR_SUCCESS)
        status = start_watch(settings->service, pchild);
    if (status != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_ERR, status, s,
                     WTNO(3507) "this child cannot ask MogileFS, or learn that what did not answer "
                                "does again");
}

void mogile_hooks_register(apr_pool_t *pool)
{
    static const char *const proxy[] = {"mod_proxy.c", NULL};

    (void)pool;
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_translate_name(mogile_request_translate, NULL, NULL, APR_HOOK_LAST);
    ap_hook_map_to_storage(mogile_request_map, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(mogile_request_handler, NULL, proxy, APR_HOOK_FIRST);
}

void mogile_hooks_report(tier_status_node_t *root, apr_pool_t *pool)
{
    const mogile_settings_t *settings = mogile_config_settings(ap_server_conf);

    if (settings && settings->service)
        mogile_report(root, settings->service, pool);
}
