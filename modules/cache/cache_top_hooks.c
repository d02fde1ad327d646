/* SPDX-License-Identifier: Apache-2.0 */
/* What the application was asked for, what it took, and why it was not the cache that answered. */
#include "cache_hooks.h"

#include "clock.h"
#include "status_tree.h"

#include <apr_strings.h>

#include <string.h>

#define SHOWN 20

/* Without the query: what is asked for with a thousand of them is one page to the application. */
static const char *url_of(const cache_request_t *state, apr_pool_t *pool)
{
    const char *uri = state->parts.uri;
    apr_size_t host = uri[0] == '/' ? strlen(state->parts.host) : 0;
    apr_size_t path = strcspn(uri, "?#");
    char *url = apr_palloc(pool, host + path + 1);

    memcpy(url, state->parts.host, host);
    memcpy(url + host, uri, path);
    url[host + path] = '\0';
    return url;
}

static int reason_of(const cache_request_t *state, cache_verdict_e verdict)
{
    int is_bypassed = state->answer.fwd == CACHE_FWD_BYPASS && state->answer.detail &&
                      strcmp(state->answer.detail, "bypass") == 0;

    return verdict == CACHE_STORABLE || is_bypassed ? CACHE_TOP_FORWARDED(state->answer.fwd)
                                                    : (int)verdict;
}

void cache_top_note(const cache_request_t *state, const request_rec *r, cache_verdict_e verdict)
{
    apr_time_t now = tier_clock_now();

    if (state->runtime->top && state->requested_at)
        cache_top_add(state->runtime->top, url_of(state, r->pool), now - state->requested_at,
                      reason_of(state, verdict), now);
}

static void add_number(tier_status_node_t *node, const char *name, apr_uint64_t number,
                       apr_pool_t *pool)
{
    tier_status_number(node, TIER_STATUS_INTEGER, name, (apr_int64_t)number, pool);
}

static void report_entry(const cache_top_entry_t *entry, apr_uint64_t weight,
                         tier_status_node_t *list, apr_pool_t *pool)
{
    tier_status_node_t *node = tier_status_object(list, NULL, pool);
    int reason = cache_top_reason(entry);

    tier_status_string(node, "url", apr_pstrdup(pool, entry->url), pool);
    add_number(node, "origin_ms", entry->weight / 1000, pool);
    add_number(node, "percent", weight ? entry->weight * 100 / weight : 0, pool);
    add_number(node, "excess_ms", entry->excess / 1000, pool);
    add_number(node, "requests", entry->count, pool);
    add_number(node, "mean_ms",
               entry->count ? (entry->weight - entry->excess) / entry->count / 1000 : 0, pool);
    tier_status_string(node, "why", cache_top_reason_name(reason), pool);
    tier_status_string(node, "remedy", cache_top_remedy(reason), pool);
}

void cache_top_report(cache_top_t *top, tier_status_node_t *root, apr_pool_t *pool)
{
    cache_top_entry_t *entries = apr_palloc(pool, CACHE_TOP_SIZE * sizeof(*entries));
    tier_status_node_t *list = tier_status_array(root, "hardest", pool);
    apr_uint64_t weight;
    int count = cache_top_read(top, entries, &weight);

    for (int i = 0; i < count && i < SHOWN; i++)
        report_entry(&entries[i], weight, list, pool);
}
