/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_service.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "mogile_probe.h"

#define PROBE_INTERVAL  apr_time_from_msec(250)
#define DATABASE_RETRY  apr_time_from_sec(2)
#define DATABASE_PORT   3306
#define DATABASE_SHARED 4

void mogile_settings_init(mogile_settings_t *settings)
{
    memset(settings, 0, sizeof(*settings));
    settings->timeout = MOGILE_TIMEOUT;
    settings->timeout_write = MOGILE_TIMEOUT_WRITE;
    settings->cache_size = (apr_off_t)MOGILE_CACHE_SIZE;
    settings->database_name = "mogilefs";
    settings->database_connections = DATABASE_SHARED;
}

static int has_port(const char *server)
{
    const char *colon = strrchr(server, ':');

    return colon && !strchr(colon, ']');
}

const char *mogile_service_check_server(const char *server, int with_port, apr_pool_t *pool)
{
    tier_memcache_server_t parsed;
    const char *problem = tier_memcache_server_parse(&parsed, server, pool);

    /* The parser's own words are about memcached. */
    if (problem && !with_port)
        return "allowed are host[:port], address[:port], [IPv6][:port] and the /path of a socket";
    if (with_port && (problem || parsed.path || !has_port(server)))
        return "allowed are host:port, address:port and [IPv6]:port";
    return NULL;
}

apr_uint32_t mogile_service_layout(const mogile_settings_t *settings, apr_pool_t *pool)
{
    apr_ssize_t size = APR_HASH_KEY_STRING;
    const char *names = settings->trackers ? apr_array_pstrcat(pool, settings->trackers, ' ') : "";

    if (settings->cache_servers)
        names = apr_pstrcat(pool, names, "|", apr_array_pstrcat(pool, settings->cache_servers, ' '),
                            NULL);
    if (settings->database)
        names = apr_pstrcat(pool, names, "|", settings->database, NULL);
    return apr_hashfunc_default(names, &size) + MOGILE_SHARED_LAYOUT;
}

static void name_server(mogile_service_t *service, int i, const char *kind, const char *name)
{
    mogile_server_t *server = &service->servers[i];

    server->kind = kind;
    server->name = name;
    server->breaker = &service->shared->breakers[i];
    server->counts = &service->shared->counts[i];
    server->log = service->log;
}

/* Trackers, and after them the database, as the resolver sees them. */
static apr_status_t name_servers(mogile_service_t *service, tier_memcache_server_t *servers,
                                 int *count, apr_pool_t *pool)
{
    const mogile_settings_t *settings = service->settings;
    int i;

    for (i = 0; i < service->tracker_count; i++) {
        const char *name = APR_ARRAY_IDX(settings->trackers, i, const char *);

        name_server(service, i, "tracker", name);
        if (tier_memcache_server_parse(&servers[i], name, pool) != NULL)
            return APR_EINVAL;
    }
    if (settings->database) {
        name_server(service, i, "database", settings->database);
        if (tier_memcache_server_parse(&servers[i], settings->database, pool) != NULL)
            return APR_EINVAL;
        i++;
    }
    *count = i;
    return APR_SUCCESS;
}

static apr_status_t make_database(mogile_service_t *service, const tier_memcache_server_t *server,
                                  apr_pool_t *pool)
{
    const mogile_settings_t *settings = service->settings;
    mogile_database_options_t options = {.host = server->host, .socket = server->path};

    /* The parser's default is another service's port. */
    options.port = has_port(settings->database) ? server->port : DATABASE_PORT;
    options.name = settings->database_name;
    options.user = settings->database_user;
    options.password = settings->database_password;
    options.deadline = settings->timeout;
    options.connections = settings->database_connections;
    options.server = &service->servers[service->tracker_count];
    options.resolver = service->resolver;
    options.resolver_index = service->tracker_count;
    options.retry = DATABASE_RETRY;
    return mogile_database_create(&service->lookup.database, &options, pool);
}

static apr_status_t make_memcache(mogile_service_t *service, apr_pool_t *pool)
{
    service->memcache.servers = service->settings->cache_servers;
    service->memcache.breakers = service->shared->cache_breakers;
    service->memcache.log = service->log;
    return tier_memcache_create(&service->lookup.memcache, &service->memcache, pool);
}

static apr_status_t make_clients(mogile_service_t *service, apr_pool_t *pool)
{
    tier_memcache_server_t *servers = apr_pcalloc(pool, MOGILE_SERVERS_MOST * sizeof(*servers));
    const mogile_settings_t *settings = service->settings;
    int count = 0;
    apr_status_t status = name_servers(service, servers, &count, pool);

    if (status == APR_SUCCESS)
        status = tier_memcache_resolver_create(&service->resolver, servers,
                                               service->shared->breakers, count, pool);
    if (status != APR_SUCCESS)
        return status;
    tier_memcache_resolver_wait(service->resolver, TIER_MEMCACHE_RESOLVE_WAIT);
    if (service->tracker_count > 0)
        status =
            mogile_client_create(&service->lookup.client, service->servers, service->tracker_count,
                                 service->resolver, settings->timeout, pool);
    if (status == APR_SUCCESS && settings->database)
        status = make_database(service, &servers[service->tracker_count], pool);
    if (status == APR_SUCCESS && settings->cache_servers)
        status = make_memcache(service, pool);
    return status;
}

apr_status_t mogile_service_create(mogile_service_t **made, const mogile_settings_t *settings,
                                   mogile_shared_t *shared, void *cache, const tier_log_t *log,
                                   apr_pool_t *pool)
{
    mogile_service_t *service = apr_pcalloc(pool, sizeof(*service));
    apr_status_t status;

    service->settings = settings;
    service->shared = shared;
    service->log = log;
    service->tracker_count = settings->trackers ? settings->trackers->nelts : 0;
    service->lookup.database_first = settings->database_first;
    service->lookup.local = cache ? mogile_cache_at(cache) : NULL;
    service->lookup.flights = &shared->flights;
    service->lookup.totals = &shared->totals;
    service->lookup.deadline = settings->timeout;
    service->lookup.stale = MOGILE_STALE;
    status = make_clients(service, pool);
    if (status == APR_SUCCESS)
        *made = service;
    return status;
}

apr_status_t mogile_service_lead(tier_loop_t *loop, void *baton, apr_pool_t *pool)
{
    const mogile_service_t *service = baton;
    const mogile_settings_t *settings = service->settings;
    const mogile_probe_options_t options = {
        .servers = service->servers,
        .count = service->tracker_count,
        .resolver = service->resolver,
        .question = mogile_lookup_question(settings->probe_domain, pool),
        .deadline = settings->timeout,
        .interval = PROBE_INTERVAL};
    apr_status_t status = mogile_probe_on(loop, &options, pool);

    if (status == APR_SUCCESS && settings->cache_servers)
        status = tier_memcache_probe_on(loop, &service->memcache, pool);
    return status;
}
