/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEBTIER_STATUS_PROVIDER_H
#define WEBTIER_STATUS_PROVIDER_H

/*
 * The status provider: how a module tells the tier's status page what it knows.
 *
 * A module registers one tier_status_provider_t with
 *     ap_register_provider(pconf, TIER_STATUS_GROUP, "<x>", TIER_STATUS_VERSION, &provider)
 * in its register_hooks. mod_tier_status lists the group and calls report() for each request on a
 * status URL, in the worker thread of that request. Every format (JSON, HTML, Prometheus) is
 * rendered from the same tree of nodes, so that a figure exists once.
 *
 * This header is the only thing two DSOs share: a change of a struct changes TIER_STATUS_VERSION,
 * and a provider of another version is not found instead of being misread.
 */

#include <apr_pools.h>
#include <apr_time.h>

#define TIER_STATUS_GROUP   "webtier_status"
#define TIER_STATUS_VERSION "2"

typedef enum {
    TIER_STATUS_OBJECT, /* children have names */
    TIER_STATUS_ARRAY,  /* children have none; an array of objects is shown as a table. The first
                           string of such an object names it: a metric's label, so it should be
                           unique in the array */
    TIER_STATUS_STRING,
    TIER_STATUS_BOOLEAN,
    TIER_STATUS_INTEGER,  /* a plain number: a limit, a port, a configured value */
    TIER_STATUS_COUNTER,  /* only grows until the next start */
    TIER_STATUS_GAUGE,    /* a measured value now */
    TIER_STATUS_TIME,     /* a wall-clock instant, apr_time_t; 0 is "never" */
    TIER_STATUS_DURATION, /* microseconds */
    TIER_STATUS_ACTIONS   /* what act() may be asked to do about the object that has this */
} tier_status_kind_e;

/*
 * How an administrator is to read a state: the page colours it, and readiness is made from it. The
 * nearest judgement counts: an object without a mood of its own has the worst of its values, and
 * only where they are all neutral the worst of its objects and arrays. So a balancer may call
 * itself GOOD although one of its members is BAD.
 */
typedef enum {
    TIER_STATUS_NEUTRAL,
    TIER_STATUS_GOOD,
    TIER_STATUS_DEGRADED,
    TIER_STATUS_BAD
} tier_status_mood_e;

typedef struct tier_status_node_t tier_status_node_t;
struct tier_status_node_t {
    tier_status_kind_e kind;
    tier_status_mood_e mood;
    /* lower_case_with_underscores; NULL in an array. Two names mean something: "..._bytes" is shown
     * with a unit, and an array "history" or "..._history" is of events, which are folded away on
     * the page and are no metrics. */
    const char *name;
    const char *help;   /* one sentence for counters and gauges; NULL elsewhere */
    const char *text;   /* STRING: the value; ACTIONS: words with a space between */
    const char *target; /* ACTIONS: what act() is to be told of the object */
    apr_int64_t number; /* every other scalar */
    tier_status_node_t *first;
    tier_status_node_t *last;
    tier_status_node_t *next;
};

/* What came of an action. */
typedef enum {
    TIER_STATUS_DONE,
    TIER_STATUS_NO_ACTION, /* there is no such action */
    TIER_STATUS_NO_TARGET, /* there is no such target */
    TIER_STATUS_NOT_NOW    /* it cannot be done as things are */
} tier_status_outcome_e;

typedef struct tier_status_provider_t {
    /*
     * Fills root (an OBJECT named after the module) from pool with what the module knows now. vhost
     * is the server_rec of the request, as void * so that this header needs no httpd. Must not
     * block: it reads shared memory and atomics, never a socket. Nodes and strings live in pool, or
     * longer.
     */
    void (*report)(tier_status_node_t *root, void *vhost, apr_pool_t *pool);

    /*
     * Does what an administrator asks for: action is a word, target a text, both as an ACTIONS node
     * of report() has them, but any text may come. NULL where nothing can be done. Sets *text, a
     * sentence from pool or longer that says what came of it. mod_tier_status has seen to it that
     * the client may ask. In the request's thread; may wait for a second, not longer.
     */
    tier_status_outcome_e (*act)(const char *action, const char *target, const char **text,
                                 void *vhost, apr_pool_t *pool);
} tier_status_provider_t;

#endif
