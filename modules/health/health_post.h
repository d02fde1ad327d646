/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_POST_H
#define HEALTH_POST_H

#include "health_address.h"
#include "health_probe.h"

/*
 * Posts texts to a URL, one at a time (POST, RFC 9110, 9.3.3): each is a probe of that URL with
 * the text as its content, over a connection of its own. The watch thread only; never waits.
 */
typedef struct health_post_t {
    const health_check_t *url; /* its address and host are set; lives as long as this */
    health_address_t *address; /* NULL: this host cannot use it */
    tier_loop_t *loop;
    apr_pool_t *pool;     /* of the one under way */
    apr_pool_t *scratch;  /* of the resolver's words */
    health_check_t check; /* url's, with the text and with what is left of the time */
    health_probe_t probe;
    const char *text; /* NULL: none is under way */
    apr_time_t deadline;
    int sent;        /* not waiting for an address any more */
    int ended;       /* there is an answer, or none will come */
    const char *why; /* with ended: what went wrong, from pool; NULL: it was taken */
} health_post_t;

/* Prepares a zeroed post for url, in sub-pools of pool; lookups and loop must live as long. With an
 * address that this host cannot use every text fails. */
void health_post_init(health_post_t *post, const health_check_t *url, health_lookups_t *lookups,
                      tier_loop_t *loop, apr_pool_t *pool);

/* Begins with text, which must live until the end; none may be under way. It has url->timeout from
 * now (tier_clock_now()) on, the resolver's time included. */
void health_post_begin(health_post_t *post, const char *text, apr_time_t now);

/* Returns 1 from health_post_begin() until health_post_tick() has returned 1, or
 * health_post_cancel(). */
int health_post_under_way(const health_post_t *post);

/*
 * Looks after the name's address, and goes on with what is under way; to be called often, also
 * while nothing is. Returns 1 once for each text, when it is over: then *why is NULL where it was
 * taken (status 2xx), else what went wrong, valid until the next health_post_begin().
 */
int health_post_tick(health_post_t *post, apr_time_t now, const char **why);

/* Breaks off what is under way. */
void health_post_cancel(health_post_t *post);

#endif
