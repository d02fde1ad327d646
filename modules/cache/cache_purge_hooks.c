/* SPDX-License-Identifier: Apache-2.0 */
/* PURGE requests, and what purges mean for a request's look-up and for what it stores. */
#include "cache_hooks.h"
#include "cache_private.h"
#include "cache_purge_request.h"

#include "clock.h"
#include "status_tree.h"

#include <http_protocol.h>

#include <apr_strings.h>

#include <string.h>

/* How long an answer may be under way that is to be told of a removal, and how fine times of marks
 * are. */
#define REMOVED_KEEPS apr_time_from_sec(600)
#define MARK_GRAIN    apr_time_from_msec(1)

static const apr_array_header_t *tag_fields(const server_rec *server, apr_pool_t *pool)
{
    static const char *names[] = {"Surrogate-Key", "Cache-Tag"};
    const cache_server_t *config = cache_config_of(server);
    apr_array_header_t *usual;

    if (config->tag_fields)
        return config->tag_fields;
    usual = apr_array_make(pool, 2, sizeof(const char *));
    APR_ARRAY_PUSH(usual, const char *) = names[0];
    APR_ARRAY_PUSH(usual, const char *) = names[1];
    return usual;
}

/* For look-ups and storing. */

char *cache_purge_tags_of(const cache_request_t *state, const apr_table_t *response,
                          apr_pool_t *pool)
{
    const apr_array_header_t *names;
    apr_array_header_t *tags;

    if (!state->runtime->purge)
        return apr_pcalloc(pool, 1);
    names = tag_fields(state->server, pool);
    tags = apr_array_make(pool, 8, sizeof(cache_tag_t));
    APR_ARRAY_PUSH(tags, cache_tag_t) = cache_tags_site(state->parts.site);
    APR_ARRAY_PUSH(tags, cache_tag_t) = cache_tags_host(state->parts.site, state->parts.host);
    for (int i = 0; i < names->nelts; i++)
        cache_tags_add(tags, state->parts.site, response, APR_ARRAY_IDX(names, i, const char *));
    return tags->nelts > CACHE_TAGS_MOST ? NULL : cache_tags_text(tags, pool);
}

int cache_purge_spares(cache_request_t *state)
{
    cache_record_t *record = &state->found.record;
    apr_time_t at;
    int verdict;

    if (!state->runtime->purge)
        return 1;
    verdict = cache_purge_judge(state->runtime->purge, record->tags, state->found.blob.since, &at);
    if (verdict < 0) /* it is known by the clock that goes on evenly; lives go by the other */
        cache_stale_since(&record->life, apr_time_now() - (tier_clock_now() - at));
    return verdict <= 0;
}

/*
 * An unsafe request tells this box's answers under way by a mark: the table of purges has no room
 * for as many URLs as visitors may post to. Whatever takes longer is stored.
 */
static void mark_removed(const cache_runtime_t *runtime, const char *key)
{
    cache_id_t id;

    if (!runtime->herd)
        return;
    cache_key_id(&id, key);
    cache_marks_set(&runtime->herd->shared->marks, CACHE_MARK_REMOVED, &id, tier_clock_now(),
                    REMOVED_KEEPS);
}

/* Whether the mark was set at the time of the request or later: it has not ended so much later. */
static int is_removed(const cache_request_t *state)
{
    const cache_id_t *id = &state->found.id;
    cache_id_t made;

    if (!state->runtime->herd || !state->requested_at)
        return 0;
    if (state->found.id_of != state->key) {
        cache_key_id(&made, state->key);
        id = &made;
    }
    return cache_marks_has(&state->runtime->herd->shared->marks, CACHE_MARK_REMOVED, id,
                           state->requested_at + REMOVED_KEEPS - MARK_GRAIN);
}

int cache_purge_overtook(cache_request_t *state, apr_pool_t *pool)
{
    const cache_runtime_t *runtime = state->runtime;
    char *tags = state->saving->tags;

    if (is_removed(state))
        return 1;
    if (!runtime->purge)
        return 0;
    if (cache_purge_is_newer(runtime->purge, tags, cache_tags_url(state->key), state->requested_at))
        return 1;
    return runtime->epochs && cache_epochs_fill(runtime->epochs, tags, state->requested, pool);
}

void cache_purge_announce(const cache_runtime_t *runtime, const char *key)
{
    mark_removed(runtime, key);
    if (runtime->epochs)
        cache_epochs_announce(runtime->epochs, key, 0);
}

int cache_purge_undid(const cache_request_t *state, apr_pool_t *pool)
{
    const cache_runtime_t *runtime = state->runtime;
    int purged = runtime->epochs
                     ? cache_epochs_was_purged(runtime->epochs, state->key, state->requested, pool)
                     : 0;

    if (is_removed(state))
        purged = 1;
    if (purged > 0)
        cache_vault_remove(runtime->store, state->key);
    if (purged < 0)
        cache_vault_soften(runtime->store, state->key, apr_time_now(), pool);
    return purged != 0;
}

static int drop_field(void *baton, const char *name)
{
    request_rec *r = baton;

    apr_table_unset(r->headers_out, name);
    apr_table_unset(r->err_headers_out, name);
    return 1;
}

void cache_purge_strip_tags(request_rec *r)
{
    const apr_array_header_t *names;

    if (TIER_SETTING(cache_config_of(r->server), strip_tags, 0) != 1)
        return;
    names = tag_fields(r->server, r->pool);
    for (int i = 0; i < names->nelts; i++)
        drop_field(r, APR_ARRAY_IDX(names, i, const char *));
}

/* PURGE. */

static apr_status_t worse(apr_status_t one, apr_status_t other)
{
    if (one == APR_SUCCESS)
        return other;
    return one == APR_INCOMPLETE && other != APR_SUCCESS ? other : one;
}

/* Before the stores are told, so that nothing asked for meanwhile is kept, and after, so that
 * nothing read from them meanwhile is. */
static void mark(cache_purge_t *purge, const apr_array_header_t *tags, int is_soft)
{
    for (int i = 0; i < tags->nelts; i++)
        cache_purge_mark(purge, APR_ARRAY_IDX(tags, i, cache_tag_t), is_soft, tier_clock_now());
}

static apr_status_t purge_tags(const cache_request_t *state, const cache_purge_request_t *wanted,
                               apr_pool_t *pool)
{
    const cache_runtime_t *runtime = state->runtime;
    apr_status_t rv = APR_SUCCESS;

    mark(runtime->purge, wanted->tags, wanted->is_soft);
    for (int i = 0; runtime->epochs && i < wanted->tags->nelts; i++)
        rv = worse(rv,
                   cache_epochs_purge(runtime->epochs, APR_ARRAY_IDX(wanted->tags, i, cache_tag_t),
                                      wanted->is_soft, pool));
    if (runtime->epochs)
        mark(runtime->purge, wanted->tags, wanted->is_soft);
    return rv;
}

/* The application that purges may not come by the scheme that its visitors do. */
static apr_status_t purge_url(const cache_request_t *state, const cache_purge_request_t *wanted,
                              apr_pool_t *pool)
{
    static const char *const schemes[] = {"http", "https"};
    const cache_runtime_t *runtime = state->runtime;
    cache_key_parts_t parts = state->parts;
    apr_status_t rv = APR_SUCCESS;

    for (int i = 0; i < 2; i++) {
        const char *key;

        parts.scheme = schemes[i];
        key = cache_key_make(&parts, pool);
        cache_purge_mark(runtime->purge, cache_tags_url(key), wanted->is_soft, tier_clock_now());
        rv = worse(rv, cache_epochs_purge_url(runtime->epochs, runtime->store, key, wanted->is_soft,
                                              pool));
    }
    return rv;
}

static int answer(request_rec *r, int status, const char *text)
{
    r->status = status;
    r->status_line = NULL;
    ap_set_content_type(r, "application/json");
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    ap_set_content_length(r, (apr_off_t)strlen(text));
    ap_rputs(text, r);
    return OK;
}

static int complain(request_rec *r, int status, const char *problem)
{
    return answer(r, status, apr_pstrcat(r->pool, "{\"error\": \"", problem, "\"}\n", NULL));
}

/* Once a minute: the sender of each is told. */
static void log_failure(request_rec *r, cache_purge_t *purge, apr_status_t rv)
{
    apr_time_t now = tier_clock_now();
    apr_time_t told = tier_atomic_load64(&purge->told);

    if ((told == 0 || now - told > apr_time_from_sec(60)) &&
        tier_atomic_swap64(&purge->told, told, now))
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, rv, r,
                      WTNO(2005) "a purge could not be carried out; its sender was told");
}

static int tell(request_rec *r, cache_purge_t *purge, const cache_purge_request_t *wanted,
                apr_status_t rv)
{
    if (rv != APR_SUCCESS && rv != APR_INCOMPLETE) {
        tier_counter_add(&purge->failed, 1);
        log_failure(r, purge, rv);
        return complain(r, HTTP_SERVICE_UNAVAILABLE, "the store cannot be reached");
    }
    tier_counter_add(&purge->purged[wanted->scope], 1);
    tier_counter_add(&purge->soft_ones, wanted->is_soft ? 1 : 0);
    tier_counter_add(&purge->remembered, rv == APR_INCOMPLETE ? 1 : 0);
    return answer(r, rv == APR_SUCCESS ? HTTP_OK : HTTP_ACCEPTED,
                  apr_psprintf(r->pool, "{\"purged\": \"%s\", \"soft\": %s, \"remembered\": %s}\n",
                               cache_purge_scope_name(wanted->scope),
                               wanted->is_soft ? "true" : "false",
                               rv == APR_SUCCESS ? "false" : "true"));
}

int cache_purge_is_wanted(const request_rec *r)
{
    return strcmp(r->method, "PURGE") == 0;
}

int cache_purge_handle(request_rec *r)
{
    const cache_runtime_t *runtime = cache_runtime();
    cache_purge_request_t wanted;
    cache_request_t *state;
    const char *problem;
    int rv = ap_discard_request_body(r);

    if (rv != OK)
        return rv;
    if (!cache_purge_config_admits(r)) {
        if (runtime->purge)
            tier_counter_add(&runtime->purge->forbidden, 1);
        return HTTP_FORBIDDEN;
    }
    if (!runtime->store || !runtime->purge)
        return complain(r, HTTP_SERVICE_UNAVAILABLE, "this server has no cache");
    state = cache_request_make(r, runtime, 0);
    state->is_answered = 1;
    if (!state->key)
        return complain(r, HTTP_BAD_REQUEST, "no answer can be stored under this URL");
    problem = cache_purge_request_read(&wanted, r->headers_in, tag_fields(r->server, r->pool),
                                       state->parts.site, state->parts.host, r->pool);
    if (problem)
        return complain(r, HTTP_BAD_REQUEST, problem);
    return tell(r, runtime->purge, &wanted,
                wanted.scope == CACHE_PURGE_URL ? purge_url(state, &wanted, r->pool)
                                                : purge_tags(state, &wanted, r->pool));
}

/* The status page. */

static void add(tier_status_node_t *node, const char *name, const tier_counter_t *counter,
                const char *help, apr_pool_t *pool)
{
    tier_status_metric(node, TIER_STATUS_COUNTER, name, (apr_int64_t)tier_counter_get(counter),
                       help, pool);
}

void cache_purge_report(const cache_purge_t *purge, tier_status_node_t *root, apr_pool_t *pool)
{
    tier_status_node_t *node = tier_status_object(root, "purges", pool);

    for (int i = 0; i < CACHE_PURGE_SCOPES; i++)
        add(node, cache_purge_scope_name((cache_purge_scope_e)i), &purge->purged[i],
            "Purges carried out, by what they were of.", pool);
    add(node, "soft", &purge->soft_ones, "Purges that made stale instead of removing.", pool);
    add(node, "remembered", &purge->remembered, "Purges that memcached could not be told at once.",
        pool);
    add(node, "failed", &purge->failed, "Purges that could not be carried out.", pool);
    add(node, "forbidden", &purge->forbidden, "Purges by those who may not.", pool);
    tier_status_metric(node, TIER_STATUS_GAUGE, "owed",
                       (apr_int64_t)__atomic_load_n(&purge->owed_count, __ATOMIC_RELAXED),
                       "Purges of tags that memcached has still to be told.", pool);
}
