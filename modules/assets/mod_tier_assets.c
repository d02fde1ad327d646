/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_fetch.h"
#include "assets_job.h"
#include "assets_rewrite.h"
#include "assets_serve.h"

#include "assets_name.h"
#include "assets_pool.h"

#include "clock.h"
#include "segment.h"
#include "status_tree.h"

#include <http_core.h>
#include <http_log.h>
#include <http_request.h>

#include <ap_mpm.h>
#include <ap_provider.h>
#include <apr_strings.h>

#include <string.h>

#define SEGMENT_NAME "tier-assets"

/* Fetches of one process at a time: threads that wait for the application. */
#define FETCHES     8
#define FETCH_QUEUE 256
#define FETCH_GRACE apr_time_from_sec(2)

/* Written in post_config (shared) and child_init (background, hot). */
static assets_runtime_t runtime;

const assets_runtime_t *assets_runtime(void)
{
    return &runtime;
}

int assets_runtime_is_due(apr_int64_t *last, apr_interval_time_t every)
{
    apr_int64_t before = tier_atomic_load64(last);
    apr_time_t now = tier_clock_now();

    return (!before || now - before >= every) && tier_atomic_swap64(last, before, now);
}

static int is_used(const server_rec *s)
{
    for (; s; s = s->next) {
        const assets_server_t *config = assets_config_of(s);

        if (config->roots || config->rules || config->sources)
            return 1;
    }
    return 0;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    tier_segment_t segment;
    apr_status_t rv;

    (void)plog;
    (void)ptemp;
    runtime.shared = NULL;
    if (tier_glue_first_pass(s, "tier-assets") || !is_used(s))
        return OK;
    assets_config_read(s, pconf);
    rv = tier_segment_obtain(&segment, SEGMENT_NAME, ASSETS_SHARED_LAYOUT, sizeof(assets_shared_t),
                             s->process->pool);
    if (rv == APR_SUCCESS && segment.fresh) {
        tier_segment_done(&segment, SEGMENT_NAME, s->process->pool);
        rv = tier_leader_init(&((assets_shared_t *)segment.base)->leader);
        if (rv == APR_SUCCESS)
            rv = assets_marks_init(&((assets_shared_t *)segment.base)->marks);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s,
                     WTNO(4002) "no shared memory; TierAssets has no effect");
        return OK;
    }
    runtime.shared = segment.base;
    return OK;
}

/* Without it, files are opened each time. */
static void start_hot(const server_rec *s, apr_pool_t *pool)
{
    apr_off_t most = TIER_SETTING(assets_config_of(s), hot, ASSETS_DEFAULT_HOT);

    if (most > 0 && assets_hot_create(&runtime.hot, (apr_size_t)most, pool) != APR_SUCCESS)
        runtime.hot = NULL;
    runtime.are_types_known = assets_serve_types_are_known();
}

/* As many as half of the threads, unless it is said; a process of prefork has one worker, which
 * waits or not. */
static void start_waiters(const server_rec *s)
{
    static assets_waiters_t waiters; /* of this process; before its first request */
    const assets_server_t *config = assets_config_of(s);
    int threads = 1;

    runtime.waiters = NULL;
    if (ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads) != APR_SUCCESS || threads <= 1)
        return;
    memset(&waiters, 0, sizeof(waiters));
    waiters.most = (apr_uint32_t)TIER_SETTING(config, waiters, (threads + 1) / 2);
    waiters.patience = TIER_SETTING(config, patience, ASSETS_DEFAULT_PATIENCE);
    runtime.waiters = &waiters;
}

/* All processes count alike. For a moment after a restart with other peers, what was said of the
 * one before is believed of the one that has its number. */
static void share_peers(const server_rec *s)
{
    unsigned number = 0;

    for (; s; s = s->next) {
        const apr_array_header_t *peers = assets_config_of(s)->peers;

        for (int i = 0; peers && i < peers->nelts; i++)
            APR_ARRAY_IDX(peers, i, assets_peer_t *)->down =
                &runtime.shared->peers_down[number++ % ASSETS_PEERS_DOWN];
    }
}

/* What is made here ends with the process alone: requests that a child has not ended outlive
 * pchild, and the pool of the process ends when this module's code is gone (httpd -X). */
static void child_init(apr_pool_t *pchild, server_rec *s)
{
    tier_background_options_t options = {"tier-assets", FETCHES, FETCH_QUEUE, FETCH_GRACE};
    apr_pool_t *pool;
    apr_status_t rv;

    runtime.background = NULL;
    runtime.hot = NULL;
    if (!runtime.shared)
        return;
    pool = assets_pool_make();
    if (pool)
        start_hot(s, pool);
    start_waiters(s);
    share_peers(s);
    rv = pool ? assets_config_start(s, pool) : APR_ENOMEM;
    if (rv != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s,
                     WTNO(4007) "no memory; this process rewrites no references");
    rv = tier_background_start(&runtime.background, &options, pchild);
    if (rv != APR_SUCCESS) {
        runtime.background = NULL;
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s,
                     WTNO(4003) "no thread could be started; requests of this process wait for the "
                                "files that they fetch");
    }
    rv = assets_keeper_start(runtime.shared, s, pchild);
    if (rv != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s,
                     WTNO(4004) "the watch could not be started; unless another process does, "
                                "nothing keeps TierAssetsMaxSize");
}

static assets_request_t *request_of(const request_rec *r)
{
    return ap_get_module_config(r->request_config, &tier_assets_module);
}

/* A query makes it another resource of the application, but of a file that somebody put there it
 * says nothing. */
static int is_for_file(const assets_request_t *state, const request_rec *r)
{
    return state->has_file && (!r->args || state->version || !state->file.has_record);
}

static int is_failing(const assets_request_t *state)
{
    return assets_marks_get(&runtime.shared->marks, state->id, tier_clock_now()) ==
           ASSETS_MARK_FAILED;
}

static int translate_name(request_rec *r)
{
    assets_request_t *state;
    const assets_root_t *root;

    if (!runtime.shared || r->method_number != M_GET || r->proxyreq ||
        tier_internal_baton(r, &tier_assets_module))
        return DECLINED;
    root = assets_config_root(assets_config_of(r->server), r->uri);
    if (!root || !assets_name_is_good(r->uri + root->prefix_size))
        return DECLINED;
    state = apr_pcalloc(r->pool, sizeof(*state));
    state->root = root;
    ap_set_module_config(r->request_config, &tier_assets_module, state);
    assets_claim_read(state, r);
    assets_serve_find(state, r);
    if (state->has_file && !is_for_file(state, r)) {
        ap_set_module_config(r->request_config, &tier_assets_module, NULL);
        return DECLINED;
    }
    if (!state->is_fresh)
        state->id = assets_marks_id(&runtime.shared->marks, state->path);
    if (!state->has_file || (!state->is_fresh && !is_failing(state)))
        return DECLINED;
    r->filename = (char *)state->path;
    r->finfo = state->file.info;
    state->is_mapped = 1;
    return OK;
}

/* <Location> and <Files> say what holds for it; the directory was named by the administrator. */
static int map_to_storage(request_rec *r)
{
    assets_request_t *state = request_of(r);

    return state && state->is_mapped ? ap_file_walk(r) : DECLINED;
}

static int type_checker(request_rec *r)
{
    assets_request_t *state = request_of(r);

    return state && state->is_mapped ? assets_serve_type(state, r) : DECLINED;
}

static int fixups(request_rec *r)
{
    assets_request_t *state = request_of(r);

    if (state && state->is_mapped)
        assets_serve_note_type(state, r);
    return DECLINED;
}

static int goes_to_proxy(const request_rec *r)
{
    return r->handler &&
           (strcmp(r->handler, "proxy-server") == 0 || strncmp(r->handler, "proxy:", 6) == 0);
}

/* Before all handlers but the cache's: whatever a name ends with, a file here is never run. */
static int handler(request_rec *r)
{
    assets_request_t *state = request_of(r);
    assets_job_t *job = tier_internal_baton(r, &tier_assets_module);

    if (job && !r->main && !r->prev)
        return assets_job_ask_peers(job, r);
    if (!state || r->method_number != M_GET)
        return DECLINED;
    if (assets_rewrite_is_on(r) && !goes_to_proxy(r))
        assets_validators_restore(r, 0);
    if (state->is_mapped)
        return assets_serve(state, r);
    if (goes_to_proxy(r))
        return assets_fetch(state, r);
    return state->has_file ? assets_serve(state, r) : DECLINED;
}

static void report(tier_status_node_t *root, void *vhost, apr_pool_t *pool)
{
    (void)vhost;
    if (runtime.shared)
        assets_counters_report(&runtime.shared->counters, root, pool);
}

static const tier_status_provider_t provider = {report};

static void register_hooks(apr_pool_t *pool)
{
    static const char *const before_proxy[] = {"mod_proxy.c", "mod_alias.c", "mod_rewrite.c", NULL};

    tier_internal_register_hooks(pool);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_translate_name(translate_name, NULL, before_proxy, APR_HOOK_FIRST);
    ap_hook_map_to_storage(map_to_storage, NULL, before_proxy, APR_HOOK_FIRST);
    ap_hook_type_checker(type_checker, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(fixups, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_REALLY_FIRST + 1);
    assets_rewrite_register(pool);
    ap_register_provider(pool, TIER_STATUS_GROUP, "assets", TIER_STATUS_VERSION, &provider);
}

AP_DECLARE_MODULE(tier_assets) = {STANDARD20_MODULE_STUFF,
                                  assets_config_create_directory,
                                  assets_config_merge_directory,
                                  assets_config_create_server,
                                  assets_config_merge_server,
                                  assets_config_commands,
                                  register_hooks,
                                  AP_MODULE_FLAG_NONE};
