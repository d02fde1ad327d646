/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_CLIENT_H
#define MOGILE_CLIENT_H

#include <apr_pools.h>

#include "memcache_resolver.h"
#include "mogile_server.h"
#include "mogile_wire.h"

/*
 * Asks trackers: connections that are kept, as many as there are threads asking at once, each used
 * by one thread at a time (a tracker answers a connection's requests one after the other, so that a
 * shared one would make threads wait for each other). A tracker that refuses, hangs, sends garbage
 * or half an answer, or goes down in mid-request is left out at once by every process, and the next
 * one is asked. Any thread.
 */
typedef struct mogile_client_t mogile_client_t;

#define MOGILE_CLIENT_REQUESTS 2 /* sent together */

/*
 * Makes a client for this process; call in child_init. servers: count trackers; resolver knows
 * their addresses, in the same order. All must live as long as pool, which closes the connections.
 * wait: the shortest deadline that requests will have.
 */
apr_status_t mogile_client_create(mogile_client_t **client, const mogile_server_t *servers,
                                  int count, tier_memcache_resolver_t *resolver,
                                  apr_interval_time_t wait, apr_pool_t *pool);

typedef struct mogile_ask_t {
    const char *requests[MOGILE_CLIENT_REQUESTS]; /* lines of mogile_wire_request(); to one tracker,
                                                     in one packet; NULL: no more */
    apr_interval_time_t deadline;                 /* of one tracker; all together get two of them */
    mogile_answer_t answers[MOGILE_CLIENT_REQUESTS]; /* from pool */
    const mogile_server_t *server;                   /* who answered */
    int lost; /* how often the requests were sent and no answer came: they may have been done */
} mogile_ask_t;

/*
 * APR_SUCCESS: a tracker answered. Where it says that it cannot (code "failure" or "db") the others
 * were asked and said the same, or do not answer. APR_EAGAIN: every tracker is left out at present.
 * Else why the last one did not answer. A request may reach two trackers, when the first does not
 * answer: see lost.
 */
apr_status_t mogile_client_ask(mogile_client_t *client, mogile_ask_t *ask, apr_pool_t *pool);

/* Returns 1 when the answer says that the tracker cannot do what it is asked. */
int mogile_client_cannot(const mogile_answer_t *answer);

#endif
