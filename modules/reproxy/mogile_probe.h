/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_PROBE_H
#define MOGILE_PROBE_H

#include "loop.h"
#include "memcache_resolver.h"
#include "mogile_server.h"

/*
 * Asks trackers that are left out whether they answer again, beside requests. What is asked is a
 * look-up of a key, so that a tracker whose database hangs stays left out although it takes
 * connections.
 */
typedef struct mogile_probe_options_t {
    const mogile_server_t *servers;
    int count;
    tier_memcache_resolver_t *resolver;
    const char *question;         /* a line of mogile_wire_request() */
    apr_interval_time_t deadline; /* of one probe */
    apr_interval_time_t interval; /* how often one that is left out is asked, at first */
} mogile_probe_options_t;

/* The longest pause between two probes. */
#define MOGILE_PROBE_PAUSE_MAX apr_time_from_sec(30)

/*
 * Returns how long the next probe is waited for after one that was answered, where the one before
 * had waited for pause: the interval; twice the pause for a server that answers probes and soon
 * fails requests again (it may name paths of somewhere else, which no probe sees).
 */
apr_interval_time_t mogile_probe_pause(apr_interval_time_t pause, apr_interval_time_t interval,
                                       int is_flapping);

/*
 * Arms the probing on loop: call in the watch's lead; one socket's room a server is enough. Lives
 * until pool is destroyed. options is copied. Errors: APR_ENOMEM.
 */
apr_status_t mogile_probe_on(tier_loop_t *loop, const mogile_probe_options_t *options,
                             apr_pool_t *pool);

#endif
