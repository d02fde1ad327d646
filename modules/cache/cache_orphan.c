/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer whose client has gone: what the application has begun is not thrown away where little
 * of it is to come. It is read to its end and stored, which others may be waiting for.
 */
#include "cache_filter.h"

#include "clock.h"

static int may_go_on(const cache_request_t *state, apr_interval_time_t alone)
{
    return cache_stale_is_finished_alone(state->announced, cache_vault_body_size(state->saving),
                                         alone);
}

/*
 * mod_proxy stops when the connection is aborted; nothing is written to it from now on. A stream of
 * HTTP/2 ends with its session, which waits for it: that is not to take so long.
 */
int cache_orphan_adopt(cache_request_t *state, request_rec *r)
{
    if (TIER_SETTING(cache_config_of(r->server), finish, 1) != 1 || r->connection->master ||
        !may_go_on(state, 0))
        return 0;
    state->orphan_since = tier_clock_now();
    r->connection->aborted = 0;
    return 1;
}

/* Whoever made the answer is told, as it would have been at first. */
static apr_status_t leave(cache_request_t *state, request_rec *r)
{
    state->orphan_since = 0;
    state->is_replaced = 1;
    r->connection->aborted = 1;
    return APR_ECONNABORTED;
}

apr_status_t cache_orphan_take(cache_request_t *state, ap_filter_t *f, apr_bucket_brigade *brigade)
{
    int is_complete = cache_filter_collect(state, f->r, brigade);

    apr_brigade_cleanup(brigade);
    if (is_complete) {
        cache_filter_finish(state, f->r);
        tier_counter_add(&state->runtime->counters->finished, 1);
    } else if (state->saving && !may_go_on(state, tier_clock_now() - state->orphan_since)) {
        cache_filter_refuse(state, CACHE_REFUSED_INCOMPLETE);
    }
    return state->saving ? APR_SUCCESS : leave(state, f->r);
}
