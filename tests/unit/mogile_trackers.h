/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_TRACKERS_H
#define MOGILE_TRACKERS_H

/* Some trackers, and a client with a resolver that knows them. */

#include "mogile_tracker.h"

#include "mogile_client.h"

#define MS(n) apr_time_from_msec(n)
#define FAKES 2
#ifndef TRACKERS_DEADLINE
#define TRACKERS_DEADLINE MS(300)
#endif

/* Everything that a client needs. */
typedef struct trackers_t {
    tracker_t fakes[FAKES];
    mogile_server_t servers[FAKES];
    mogile_counts_t counts[FAKES];
    tier_breaker_t breakers[FAKES];
    tier_memcache_server_t spelled[FAKES];
    tier_memcache_resolver_t *resolver;
    mogile_client_t *client;
    kept_log_t log;
} trackers_t;

static inline void start_trackers(trackers_t *trackers, const char *text, apr_pool_t *pool)
{
    memset(trackers, 0, sizeof(*trackers));
    keep_log(&trackers->log);
    for (int i = 0; i < FAKES; i++) {
        mogile_server_t *server = &trackers->servers[i];

        tracker_start(&trackers->fakes[i], 0);
        tracker_say(&trackers->fakes[i], text);
        server->kind = "tracker";
        server->name = apr_psprintf(pool, "127.0.0.1:%d", trackers->fakes[i].port);
        server->breaker = &trackers->breakers[i];
        server->counts = &trackers->counts[i];
        server->log = &trackers->log.log;
        assert_null(tier_memcache_server_parse(&trackers->spelled[i], server->name, pool));
    }
    assert_int_equal(tier_memcache_resolver_create(&trackers->resolver, trackers->spelled,
                                                   trackers->breakers, FAKES, pool),
                     APR_SUCCESS);
    assert_int_equal(mogile_client_create(&trackers->client, trackers->servers, FAKES,
                                          trackers->resolver, TRACKERS_DEADLINE, pool),
                     APR_SUCCESS);
}

static inline void stop_trackers(trackers_t *trackers)
{
    for (int i = 0; i < FAKES; i++)
        tracker_stop(&trackers->fakes[i]);
}

static inline apr_uint64_t errors_of(trackers_t *trackers, mogile_error_e error)
{
    return tier_counter_get(&trackers->counts[0].errors[error]) +
           tier_counter_get(&trackers->counts[1].errors[error]);
}

#endif
