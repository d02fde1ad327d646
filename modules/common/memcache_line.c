/* SPDX-License-Identifier: Apache-2.0 */
#include "memcache_line.h"

#include <apr_strings.h>

#include "clock.h"

/* A connection that nobody needed for so long is closed. */
#define IDLE_TIME apr_time_from_sec(60)

static apr_status_t close_idle(void *data)
{
    tier_memcache_wire_t *wire;
    tier_memcache_line_t *line = data;

    while (!APR_RING_EMPTY(&line->idle, tier_memcache_wire_t, link)) {
        wire = APR_RING_FIRST(&line->idle);
        APR_RING_REMOVE(wire, link);
        tier_memcache_wire_close(wire);
    }
    return APR_SUCCESS;
}

apr_status_t tier_memcache_line_init(tier_memcache_line_t *line,
                                     const tier_memcache_server_t *server, tier_breaker_t *breaker,
                                     const tier_memcache_options_t *options, apr_pool_t *pool)
{
    apr_status_t status;

    line->server = *server;
    line->breaker = breaker;
    line->options = options;
    APR_RING_INIT(&line->idle, tier_memcache_wire_t, link);
    status = apr_thread_mutex_create(&line->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    apr_pool_cleanup_register(pool, line, close_idle, apr_pool_cleanup_null);
    return status;
}

apr_uint64_t tier_memcache_line_epoch(const tier_memcache_line_t *line)
{
    return tier_counter_get(&line->breaker->opened);
}

tier_memcache_wire_t *tier_memcache_line_take(tier_memcache_line_t *line)
{
    tier_memcache_wire_t *wire;

    for (;;) {
        wire = NULL;
        apr_thread_mutex_lock(line->lock);
        if (!APR_RING_EMPTY(&line->idle, tier_memcache_wire_t, link)) {
            wire = APR_RING_FIRST(&line->idle);
            APR_RING_REMOVE(wire, link);
        }
        apr_thread_mutex_unlock(line->lock);
        if (!wire ||
            (wire->epoch == tier_memcache_line_epoch(line) && tier_memcache_wire_usable(wire)))
            return wire;
        tier_memcache_wire_close(wire);
    }
}

void tier_memcache_line_keep(tier_memcache_line_t *line, tier_memcache_wire_t *wire, apr_time_t now)
{
    tier_memcache_wire_t *oldest;

    wire->released = now;
    apr_thread_mutex_lock(line->lock);
    APR_RING_INSERT_HEAD(&line->idle, wire, tier_memcache_wire_t, link);
    oldest = APR_RING_LAST(&line->idle);
    if (now - oldest->released > IDLE_TIME)
        APR_RING_REMOVE(oldest, link);
    else
        oldest = NULL;
    apr_thread_mutex_unlock(line->lock);
    if (oldest)
        tier_memcache_wire_close(oldest);
}

static const char *problem_of(char *buffer, apr_size_t size, apr_status_t status,
                              const tier_memcache_exchange_t *exchange,
                              apr_interval_time_t deadline)
{
    if (status == APR_TIMEUP) {
        apr_snprintf(buffer, size, "no whole answer within %" APR_TIME_T_FMT " ms",
                     apr_time_as_msec(deadline));
        return buffer;
    }
    if (status == APR_EGENERAL) {
        apr_snprintf(buffer, size, "sent \"%s\" in answer to \"%s\"", exchange->said,
                     exchange->verb);
        return buffer;
    }
    return status == APR_EOF ? "closed the connection in the middle of a call"
                             : "cannot be reached";
}

/* Many calls at once may take longer than one. */
static void account_success(tier_memcache_line_t *line, int is_one, apr_time_t began,
                            apr_time_t now)
{
    const tier_memcache_options_t *options = line->options;
    int is_slow = now - began > options->deadline / 2;

    if (tier_breaker_success(line->breaker, began, now))
        tier_memcache_server_tell(line->server.name, line->breaker, now, 0, NULL, options->log);
    if (is_one && tier_breaker_pace(line->breaker, is_slow, began, now))
        tier_memcache_server_tell(line->server.name, line->breaker, now, 0,
                                  "took more than half of the deadline for half of the calls",
                                  options->log);
}

apr_status_t tier_memcache_line_account(tier_memcache_line_t *line,
                                        const tier_memcache_exchange_t *exchange, int is_one,
                                        apr_time_t began, apr_status_t status)
{
    const tier_memcache_options_t *options = line->options;
    apr_time_t now = tier_clock_now();
    char problem[128];

    if (status == APR_SUCCESS) {
        account_success(line, is_one, began, now);
        return APR_SUCCESS;
    }
    if (status == APR_EAGAIN || status == APR_ENOMEM)
        return status;
    if (tier_breaker_failure(line->breaker, options->failures, began, now))
        tier_memcache_server_tell(
            line->server.name, line->breaker, now,
            status == APR_TIMEUP || status == APR_EGENERAL || status == APR_EOF ? 0 : status,
            problem_of(problem, sizeof(problem), status, exchange, options->deadline),
            options->log);
    return status == APR_TIMEUP ? APR_TIMEUP : APR_EGENERAL;
}
