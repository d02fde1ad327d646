/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_counters.h"

#include "status_tree.h"

void cache_counters_error(cache_counters_t *counters, apr_status_t status)
{
    cache_error_e error = CACHE_ERROR_OTHER;

    if (status == APR_SUCCESS || status == APR_NOTFOUND || status == APR_INCOMPLETE)
        return;
    if (APR_STATUS_IS_TIMEUP(status)) {
        error = CACHE_ERROR_TIMEOUT;
    } else if (APR_STATUS_IS_EAGAIN(status)) {
        error = CACHE_ERROR_BREAKER;
    } else if (APR_STATUS_IS_ENOSPC(status)) {
        error = CACHE_ERROR_SPACE;
    }
    tier_counter_add(&counters->errors[error], 1);
}

static void add(tier_status_node_t *node, const char *name, const tier_counter_t *counter,
                const char *help, apr_pool_t *pool)
{
    tier_status_metric(node, TIER_STATUS_COUNTER, name, (apr_int64_t)tier_counter_get(counter),
                       help, pool);
}

static void report_forwarded(const cache_counters_t *counters, tier_status_node_t *root,
                             apr_pool_t *pool)
{
    static const char *const names[CACHE_FWDS] = {NULL,        "bypass",  "method", "uri_miss",
                                                  "vary_miss", "request", "stale",  "partial"};
    tier_status_node_t *node = tier_status_object(root, "forwarded", pool);

    for (int i = 1; i < CACHE_FWDS; i++)
        add(node, names[i], &counters->forwarded[i], "Requests sent to the origin, by reason.",
            pool);
}

static void report_refused(const cache_counters_t *counters, tier_status_node_t *root,
                           apr_pool_t *pool)
{
    static const char *const names[CACHE_VERDICTS] = {
        NULL,      "method",        "request",    "status", "no_store",
        "private", "authorization", "set_cookie", "vary",   "no_freshness",
        "expired", "too_large",     "incomplete", "store",  "rule",
        "tags",    "purged",        "cookie"};
    tier_status_node_t *node = tier_status_object(root, "not_stored", pool);

    for (int i = 1; i < CACHE_VERDICTS; i++)
        add(node, names[i], &counters->refused[i],
            "Answers of the origin that were not stored, by reason.", pool);
}

static void report_errors(const cache_counters_t *counters, tier_status_node_t *root,
                          apr_pool_t *pool)
{
    static const char *const names[CACHE_ERRORS] = {"timeout", "breaker_open", "corrupt",
                                                    "no_space", "other"};
    tier_status_node_t *node = tier_status_object(root, "store_errors", pool);

    for (int i = 0; i < CACHE_ERRORS; i++)
        add(node, names[i], &counters->errors[i],
            "Calls of the store that failed, by kind; each was a miss.", pool);
}

static const struct {
    apr_interval_time_t up_to;
    const char *name;
} latencies[CACHE_LATENCIES] = {{100, "to_100us"},    {250, "to_250us"},   {500, "to_500us"},
                                {1000, "to_1ms"},     {2500, "to_2500us"}, {5000, "to_5ms"},
                                {10000, "to_10ms"},   {25000, "to_25ms"},  {50000, "to_50ms"},
                                {100000, "to_100ms"}, {0, "over_100ms"}};

void cache_counters_latency(cache_counters_t *counters, apr_interval_time_t took)
{
    int at = 0;

    while (at < CACHE_LATENCIES - 1 && took > latencies[at].up_to)
        at++;
    tier_counter_add(&counters->latency[at], 1);
}

static void report_latency(const cache_counters_t *counters, tier_status_node_t *root,
                           apr_pool_t *pool)
{
    tier_status_node_t *node = tier_status_object(root, "memcached_calls", pool);

    for (int i = 0; i < CACHE_LATENCIES; i++)
        add(node, latencies[i].name, &counters->latency[i],
            "Look-ups, storings and removals in memcached, by how long they took; each is in one.",
            pool);
}

void cache_counters_report(const cache_counters_t *counters, tier_status_node_t *root,
                           apr_pool_t *pool)
{
    add(root, "hits", &counters->hits, "Requests answered from the cache.", pool);
    add(root, "hits_stale", &counters->hits_stale,
        "Hits that were stale, which the request allowed.", pool);
    add(root, "hits_not_modified", &counters->not_modified, "Hits answered with 304 to the client.",
        pool);
    add(root, "hit_bytes", &counters->hit_bytes, "Bytes of body answered from the cache.", pool);
    add(root, "finished", &counters->finished,
        "Answers stored although their client had gone before the end.", pool);
    add(root, "hits_local", &counters->hits_local,
        "Look-ups that found their response in shared memory, of two levels.", pool);
    add(root, "hits_remote", &counters->hits_remote,
        "Look-ups that found their response in memcached, of two levels.", pool);
    add(root, "hits_local_only", &counters->hits_local_only,
        "Look-ups answered from shared memory because memcached did not answer.", pool);
    add(root, "collapsed", &counters->collapsed,
        "Requests that waited for another one's answer from the origin, and were answered with it.",
        pool);
    add(root, "not_waited", &counters->not_waited,
        "Requests sent to the origin because TierCacheWaiters others waited in their process.",
        pool);
    add(root, "stale_if_error", &counters->stale_if_error,
        "Stale answers in the place of an error of the origin.", pool);
    add(root, "revalidations", &counters->revalidations, "Revalidations in the background.", pool);
    add(root, "revalidations_dropped", &counters->not_revalidated,
        "Revalidations that were not begun because too many waited.", pool);
    report_forwarded(counters, root, pool);
    add(root, "revalidated", &counters->revalidated,
        "Stored answers that the origin confirmed with 304.", pool);
    add(root, "stored", &counters->stored, "Answers stored.", pool);
    add(root, "stored_bytes", &counters->stored_bytes, "Bytes of body stored.", pool);
    add(root, "invalidated", &counters->invalidated, "URIs invalidated by unsafe requests.", pool);
    report_refused(counters, root, pool);
    report_errors(counters, root, pool);
    report_latency(counters, root, pool);
}
