/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_hooks.h"

#include "cache_levels.h"
#include "cache_memcached.h"
#include "cache_refresh.h"
#include "cache_shm.h"

#include "flushes.h"
#include "leader.h"
#include "memcache.h"
#include "segment.h"
#include "status_tree.h"
#include "watch.h"

#include <ap_provider.h>
#include <http_connection.h>
#include <http_main.h>
#include <http_protocol.h>
#include <http_request.h>

#include <apr_general.h>
#include <apr_strings.h>

#include <string.h>

#define SERVERS_LAYOUT 2

/* Another layout: copies, which may have been removed elsewhere, must not become a whole cache. */
#define FIRST_LEVEL 0x80

/* What shared memory is cut for unless TierCacheMaxSize says something else: larger records are for
 * memcached. */
#define SHM_LARGEST ((apr_size_t)1024 * 1024)

/* Shared by the children of all generations whose configuration names the same servers. */
typedef struct servers_segment_t {
    tier_leader_t leader;
    tier_breaker_t breakers[TIER_MEMCACHE_MAX_SERVERS];
} servers_segment_t;

/*
 * Written by register_hooks (filters), post_config and child_init; read by requests of the process.
 */
static cache_runtime_t runtime;

/*
 * Written by post_config in the parent, inherited by children: the segment of the store, or NULL.
 */
static void *shm_base;

/*
 * Written by post_config in the parent, inherited by children: breakers and the watch's leader, or
 * NULL.
 */
static servers_segment_t *servers_segment;

/* Written by post_config in the parent, inherited by children: who asks the origin for what, or
 * NULL. */
static cache_herd_shared_t *herd_shared;

const cache_runtime_t *cache_runtime(void)
{
    return &runtime;
}

static int is_enabled_anywhere(const server_rec *main_server)
{
    for (const server_rec *server = main_server; server; server = server->next) {
        if (cache_config_of(server)->enabled == 1 || cache_config_of(server)->enabled_below)
            return 1;
    }
    return 0;
}

static void complain(server_rec *s, apr_status_t rv, const char *what)
{
    ap_log_error(APLOG_MARK, APLOG_ERR, rv, s,
                 WTNO(2000) "shared memory for %s could not be made; nothing is cached until the "
                            "next restart",
                 what);
}

static apr_status_t obtain_counters(server_rec *s)
{
    tier_segment_t segment;
    apr_status_t rv = tier_segment_obtain(&segment, "tier-cache", CACHE_COUNTERS_LAYOUT,
                                          sizeof(cache_counters_t), s->process->pool);

    if (rv == APR_SUCCESS)
        runtime.counters = segment.base;
    return rv;
}

static apr_status_t obtain_shm(server_rec *s)
{
    apr_size_t size = (apr_size_t)TIER_SETTING(cache_config_of(s), size, CACHE_DEFAULT_SIZE);
    apr_off_t configured = cache_config_largest(s);
    apr_size_t largest = configured ? (apr_size_t)configured : SHM_LARGEST;
    apr_uint32_t level = cache_config_of(s)->servers ? FIRST_LEVEL : 0;
    tier_segment_t segment;
    apr_status_t rv =
        tier_segment_obtain_file(&segment, "tier-cache-store",
                                 cache_shm_layout(size, largest) | level, size, s->process->pool);

    if (rv != APR_SUCCESS)
        return rv;
    if (segment.fresh) {
        rv = cache_shm_format(segment.base, segment.size, largest, segment.file);
        tier_segment_done(&segment, "tier-cache-store", s->process->pool);
    }
    if (rv == APR_SUCCESS)
        shm_base = segment.base;
    return rv;
}

static apr_status_t obtain_herd(server_rec *s)
{
    tier_segment_t segment;
    apr_status_t rv = tier_segment_obtain(&segment, "tier-cache-herd", CACHE_HERD_LAYOUT,
                                          sizeof(cache_herd_shared_t), s->process->pool);

    if (rv == APR_SUCCESS && segment.fresh)
        rv = cache_herd_init(segment.base);
    if (rv == APR_SUCCESS)
        herd_shared = segment.base;
    return rv;
}

/* Another list of servers is another layout: no server inherits another's breaker. */
static apr_uint32_t servers_layout(const apr_array_header_t *servers)
{
    const char *names = "";
    apr_pool_t *pool = servers->pool;
    cache_id_t id;
    apr_uint32_t layout;

    names = apr_array_pstrcat(pool, servers, ' ');
    cache_key_id(&id, names);
    memcpy(&layout, id.bytes, sizeof(layout));
    return layout + SERVERS_LAYOUT;
}

static apr_status_t obtain_servers(server_rec *s)
{
    tier_segment_t segment;
    apr_status_t rv = tier_segment_obtain(&segment, "tier-cache-servers",
                                          servers_layout(cache_config_of(s)->servers),
                                          sizeof(servers_segment_t), s->process->pool);

    if (rv == APR_SUCCESS && segment.fresh)
        rv = tier_leader_init(&((servers_segment_t *)segment.base)->leader);
    if (rv == APR_SUCCESS)
        servers_segment = segment.base;
    return rv;
}

/* A number of the box for what it tells others of its purges. */
static apr_status_t name_box(cache_purge_t *purge)
{
    unsigned char number = 0;
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && number == 0)
        rv = apr_generate_random_bytes(&number, 1);
    purge->box = number;
    return rv;
}

static apr_status_t obtain_top(server_rec *s)
{
    tier_segment_t segment;
    apr_status_t rv = tier_segment_obtain(&segment, "tier-cache-top", CACHE_TOP_LAYOUT,
                                          sizeof(cache_top_t), s->process->pool);

    if (rv == APR_SUCCESS && segment.fresh)
        rv = cache_top_init(segment.base);
    runtime.top = rv == APR_SUCCESS ? segment.base : NULL;
    return rv;
}

static apr_status_t obtain_purge(server_rec *s)
{
    tier_segment_t segment;
    apr_status_t rv = tier_segment_obtain(&segment, "tier-cache-purge", CACHE_PURGE_LAYOUT,
                                          sizeof(cache_purge_t), s->process->pool);

    if (rv == APR_SUCCESS && segment.fresh)
        rv = name_box(segment.base);
    runtime.purge = rv == APR_SUCCESS ? segment.base : NULL;
    return rv;
}

static apr_interval_time_t local_ttl(server_rec *s)
{
    return TIER_SETTING(cache_config_of(s), local_ttl, CACHE_DEFAULT_LOCAL_TTL);
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    apr_status_t rv;

    (void)plog;
    (void)ptemp;
    if (tier_glue_first_pass(s, "tier-cache") || !is_enabled_anywhere(s))
        return OK;
    cache_certain_decide(s, pconf);
    rv = obtain_counters(s);
    if (rv != APR_SUCCESS) {
        complain(s, rv, "the counters");
        return OK;
    }
    rv = obtain_herd(s);
    if (rv != APR_SUCCESS)
        complain(s, rv, "requests that wait for each other");
    rv = obtain_top(s);
    if (rv != APR_SUCCESS)
        complain(s, rv, "the list of the hardest requests");
    if (cache_purge_config_is_used(s)) {
        rv = obtain_purge(s);
        if (rv != APR_SUCCESS)
            complain(s, rv, "purges, which are refused,");
    }
    if (cache_config_of(s)->servers) {
        rv = obtain_servers(s);
        if (rv != APR_SUCCESS)
            complain(s, rv, "the state of the memcached servers");
        if (local_ttl(s) == 0)
            return OK;
    }
    rv = obtain_shm(s);
    if (rv != APR_SUCCESS)
        complain(s, rv, "cached answers");
    return OK;
}

static tier_memcache_options_t options_of(server_rec *s, apr_pool_t *pool)
{
    tier_memcache_options_t options = {cache_config_of(s)->servers};

    options.deadline = TIER_SETTING(cache_config_of(s), timeout, CACHE_DEFAULT_TIMEOUT);
    options.breakers = servers_segment->breakers;
    options.log = tier_glue_log(s, tier_cache_module.module_index, pool);
    return options;
}

/* The watch's work: asking servers that do not answer whether they do again. */
static apr_status_t lead(tier_loop_t *loop, void *baton, apr_pool_t *pool)
{
    return tier_memcache_probe_on(loop, baton, pool);
}

static apr_status_t start_watch(server_rec *s, tier_memcache_options_t *options, apr_pool_t *pchild)
{
    tier_watch_spec_t spec = {"tier-cache"};
    tier_watch_t *watch;

    (void)s;
    spec.leader = &servers_segment->leader;
    spec.max_sockets = 2 * (apr_uint32_t)options->servers->nelts;
    spec.log = options->log;
    spec.baton = options;
    spec.lead = lead;
    spec.retired = tier_glue_retired;
    return tier_watch_start(&watch, &spec, pchild);
}

static void settle(void *baton, apr_pool_t *pool)
{
    (void)baton;
    cache_epochs_settle(runtime.epochs, pool);
}

/*
 * Epochs are asked for anew early in the life of a local copy: a copy is known to be right as of
 * when they were.
 */
static cache_store_t *open_epochs(cache_store_t *memcached, tier_memcache_t *memcache,
                                  server_rec *s, apr_pool_t *pchild)
{
    apr_interval_time_t age = local_ttl(s) ? local_ttl(s) / 4 : apr_time_from_msec(250);

    if (!runtime.purge)
        return memcached;
    runtime.epochs =
        cache_epochs_open(memcache, cache_config_of(s)->servers->nelts, runtime.purge, age, pchild);
    return cache_epochs_store(runtime.epochs, memcached, pchild);
}

/* Shared memory in front of memcached. */
static cache_store_t *open_levels(cache_store_t *remote, server_rec *s, apr_pool_t *pchild)
{
    cache_store_t *levels = cache_levels_open(cache_shm_open(shm_base, pchild), remote,
                                              local_ttl(s), runtime.counters, pchild);
    cache_refresh_idle_t idle = {settle, NULL};
    apr_status_t rv = cache_refresh_start(levels, runtime.epochs ? &idle : NULL, pchild);

    if (rv != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s,
                     WTNO(2004) "no thread could be started; requests of this process wait for "
                                "memcached each time a copy in shared memory is due");
    return levels;
}

static tier_memcache_t *open_memcached(server_rec *s, apr_pool_t *pchild)
{
    tier_memcache_options_t *options = apr_palloc(pchild, sizeof(*options));
    tier_memcache_t *memcache;
    apr_status_t rv;

    *options = options_of(s, pchild);
    rv = tier_memcache_create(&memcache, options, pchild);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s,
                     WTNO(2001) "no memcached client could be made; this process caches nothing");
        return NULL;
    }
    runtime.store = cache_memcached_open(memcache, pchild);
    cache_memcached_count(runtime.store, runtime.counters);
    runtime.store = open_epochs(runtime.store, memcache, s, pchild);
    if (shm_base)
        runtime.store = open_levels(runtime.store, s, pchild);
    rv = start_watch(s, options, pchild);
    if (rv != APR_SUCCESS)
        ap_log_error(
            APLOG_MARK, APLOG_ERR, rv, s,
            WTNO(2002) "the watch could not be started; a memcached that was down may stay unused");
    return memcache;
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    tier_memcache_t *memcache = NULL;

    if (!runtime.counters)
        return;
    if (servers_segment) {
        memcache = open_memcached(s, pchild);
    } else if (shm_base) {
        runtime.store = cache_shm_open(shm_base, pchild);
    }
    if (runtime.store && herd_shared)
        runtime.herd = cache_herd_open(herd_shared, memcache, s, pchild);
}

static int pre_connection(conn_rec *c, void *socket)
{
    (void)socket;
    if (runtime.store && c->outgoing)
        ap_add_input_filter_handle(runtime.expires, NULL, NULL, c);
    return DECLINED;
}

static void report_shm(tier_status_node_t *root, apr_pool_t *pool)
{
    cache_shm_figures_t figures;
    tier_status_node_t *node = tier_status_object(root, "memory", pool);

    cache_shm_read_figures(shm_base, &figures);
    tier_status_metric(node, TIER_STATUS_GAUGE, "entries", (apr_int64_t)figures.entries,
                       "Records in shared memory.", pool);
    tier_status_metric(node, TIER_STATUS_GAUGE, "bytes", (apr_int64_t)figures.bytes,
                       "Bytes of shared memory in use by records.", pool);
    tier_status_metric(node, TIER_STATUS_GAUGE, "capacity_bytes", (apr_int64_t)figures.capacity,
                       "Bytes of shared memory that records can use.", pool);
    tier_status_metric(node, TIER_STATUS_COUNTER, "evicted", (apr_int64_t)figures.evicted,
                       "Records that left to make room for others.", pool);
    tier_status_metric(node, TIER_STATUS_COUNTER, "resets", (apr_int64_t)figures.resets,
                       "Parts of the memory emptied because a process died while changing them.",
                       pool);
}

static void report_server(tier_status_node_t *list, const char *name, const tier_breaker_t *breaker,
                          apr_pool_t *pool)
{
    int is_open = tier_atomic_load(&breaker->state) == TIER_BREAKER_OPEN;
    tier_status_node_t *node = tier_status_object(list, NULL, pool);

    tier_status_string(node, "server", name, pool);
    tier_status_mood(tier_status_string(node, "state", is_open ? "down" : "up", pool),
                     is_open ? TIER_STATUS_DEGRADED : TIER_STATUS_GOOD);
    tier_status_metric(node, TIER_STATUS_COUNTER, "failures",
                       (apr_int64_t)tier_counter_get(&breaker->opened),
                       "How often the server was given up.", pool);
    tier_status_metric(node, TIER_STATUS_COUNTER, "not_asked",
                       (apr_int64_t)tier_counter_get(&breaker->refused),
                       "Calls that were not made because the server was down.", pool);
}

static void report_servers(tier_status_node_t *root, const apr_array_header_t *servers,
                           apr_pool_t *pool)
{
    tier_status_node_t *list = tier_status_array(root, "servers", pool);

    for (int i = 0; i < servers->nelts; i++)
        report_server(list, APR_ARRAY_IDX(servers, i, const char *), &servers_segment->breakers[i],
                      pool);
}

/* The servers are those of the main server, which is the first of ap_server_conf's list. */
static void report(tier_status_node_t *root, void *vhost, apr_pool_t *pool)
{
    (void)vhost;
    if (!runtime.counters)
        return; /* nothing is to be cached */
    if (!runtime.store) {
        tier_status_mood(tier_status_string(root, "store", "none", pool), TIER_STATUS_BAD);
        return;
    }
    tier_status_string(root, "store", runtime.store->name, pool);
    if (servers_segment) {
        report_servers(root, cache_config_of(ap_server_conf)->servers, pool);
    }
    if (shm_base)
        report_shm(root, pool);
    if (herd_shared)
        tier_status_metric(root, TIER_STATUS_GAUGE, "waiting",
                           cache_roster_all_waiting(&herd_shared->roster),
                           "Requests that wait now for the answer to another one.", pool);
    cache_counters_report(runtime.counters, root, pool);
    if (runtime.top)
        cache_top_report(runtime.top, root, pool);
    if (runtime.purge)
        cache_purge_report(runtime.purge, root, pool);
}

static const tier_status_provider_t provider = {report};

static void register_hooks(apr_pool_t *pool)
{
    tier_internal_register_hooks(pool);
    tier_flushes_register_hooks();
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_connection(pre_connection, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_quick_handler(cache_hooks_quick_handler, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_fixups(cache_key_fixup, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(cache_hooks_handler, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_insert_error_filter(cache_hooks_insert_error_filter, NULL, NULL, APR_HOOK_MIDDLE);
    runtime.filter =
        ap_register_output_filter("TIER_CACHE", cache_filter, NULL, AP_FTYPE_CONTENT_SET + 1);
    runtime.raw_filter =
        ap_register_output_filter("TIER_CACHE_RAW", cache_filter, NULL, AP_FTYPE_RESOURCE - 1);
    runtime.expires = ap_register_input_filter("TIER_CACHE_EXPIRES", cache_expires_filter, NULL,
                                               AP_FTYPE_CONNECTION);
    ap_register_provider(pool, TIER_STATUS_GROUP, "cache", TIER_STATUS_VERSION, &provider);
}

AP_DECLARE_MODULE(tier_cache) = {STANDARD20_MODULE_STUFF,
                                 cache_directory_create,
                                 cache_directory_merge,
                                 cache_config_create_server,
                                 cache_config_merge_server,
                                 cache_config_commands,
                                 register_hooks,
                                 AP_MODULE_FLAG_NONE};
