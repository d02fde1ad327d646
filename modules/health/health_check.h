/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_CHECK_H
#define HEALTH_CHECK_H

#include <apr_network_io.h>
#include <apr_pools.h>
#include <apr_time.h>

#include "health_http.h"
#include "health_match.h"
#include "health_tls.h"

/* How the members of one balancer are checked: what a TierHealthCheck directive says, as plain
 * values. What goes over the wire of HTTP is judged in health_check_http.h. */

typedef enum {
    HEALTH_KIND_HTTP,
    HEALTH_KIND_HTTPS,
    HEALTH_KIND_TCP,
    HEALTH_KIND_TLS,
    HEALTH_KIND_REDIS,
    HEALTH_KIND_MEMCACHED,
    HEALTH_KIND_AGENT,
    HEALTH_KIND_MYSQL,
    HEALTH_KIND_COMMAND,
    HEALTH_KINDS
} health_kind_e;

/* What a member is held for before its first probe. */
typedef enum { HEALTH_INITIAL_CHECKING, HEALTH_INITIAL_UP, HEALTH_INITIAL_DOWN } health_initial_e;

#define HEALTH_STATUS_RANGES 16

typedef struct health_status_set_t {
    int count;
    struct {
        int first;
        int last;
    } range[HEALTH_STATUS_RANGES];
} health_status_set_t;

/* Read-only once it is configured: any thread. Strings live in the pool of the configuration. */
typedef struct health_check_t {
    health_kind_e kind;
    apr_interval_time_t interval; /* from the start of one probe to the start of the next */
    apr_interval_time_t suspect;  /* the same while the last result contradicts the state */
    apr_interval_time_t down;     /* the same while the member is down */
    apr_interval_time_t timeout;  /* of one probe, connecting included; never over interval */
    apr_uint32_t rise;            /* consecutive passes that bring a member up */
    apr_uint32_t fall;            /* consecutive failures that take a member down */
    health_initial_e initial;
    const char *address; /* a name, an address or the path of a Unix socket; NULL: the member's */
    apr_port_t port;     /* 0: the kind's own, or the member's */

    const char *method;
    const char *uri;                 /* path and query, begins with '/'; or "*" with OPTIONS */
    const char *host;                /* the Host header; NULL: the member's own name and port */
    const char *headers;             /* more of them, each line with its CRLF; "": none */
    health_status_set_t statuses;    /* HTTP statuses that pass */
    health_status_set_t drains;      /* those that pass and ask for no new sessions; may be empty */
    health_http_line_t drain_header; /* answers that pass with it ask for the same */
    const char *drain_body;          /* likewise those whose body contains it, or NULL */
    const char *body;                /* what the body must contain, or NULL */
    const health_match_t *match;     /* what the body must match, or NULL */
    apr_size_t limit;                /* how much of a body is read */
    apr_uint32_t reuse;              /* how many probes one connection serves at most */
    const char *content; /* what the request carries, JSON; the whole answer is then read,
                            up to limit; NULL: nothing */

    health_tls_settings_t tls;
    const health_tls_context_t *tls_context; /* with https and tls */

    const char *user;      /* of redis and mysql, or NULL */
    const char *password;  /* or NULL */
    const char *database;  /* of mysql, or NULL */
    const char *query;     /* of mysql, or NULL */
    const char *expect;    /* of mysql: the first field of the query's first row, or NULL */
    const char *send;      /* of agent: what is said first, or NULL */
    apr_port_t agent_port; /* of an agent that is asked beside the check; 0: there is none */
    apr_interval_time_t agent_interval; /* with agent_port */
    const char *const *command; /* arguments, the first is the program's path; NULL at the end */
} health_check_t;

#define HEALTH_INTERVAL_MIN     apr_time_from_msec(50)
#define HEALTH_INTERVAL_MAX     apr_time_from_sec(3600)
#define HEALTH_INTERVAL_DEFAULT apr_time_from_sec(1)
#define HEALTH_TIMEOUT_MIN      apr_time_from_msec(5)
#define HEALTH_TIMEOUT_DEFAULT  apr_time_from_msec(500)
#define HEALTH_COUNT_MAX        1000
#define HEALTH_BODY_MIN         1024
#define HEALTH_BODY_MAX         (1024 * 1024)
#define HEALTH_BODY_DEFAULT     (64 * 1024)

/* Returns 1 when an agent is asked, who may tell how much of its load factor a member wants. Any
 * thread. */
int health_check_weighs(const health_check_t *check);

/* Returns 1 when the answer to an http probe may ask for a drain. Any thread. */
int health_check_may_drain(const health_check_t *check);

/* Returns 1 when a probe may tell more of a member than whether it is well. NULL is allowed. Any
 * thread. */
int health_check_advises(const health_check_t *check);

/*
 * Sets everything to its default: http, GET /, 1 s, 500 ms, rise 2, fall 3, 200-399. timeout,
 * suspect and down are left 0, which health_check_settle() turns into what they are by default.
 */
void health_check_defaults(health_check_t *check);

/*
 * To be called when all arguments are read. Returns NULL, or a sentence fragment from pool that
 * says what does not go together ("timeout=2s is longer than ...").
 */
const char *health_check_settle(health_check_t *check, apr_pool_t *pool);

/* Returns "http", "https", "tcp", ...: the word of the directive. */
const char *health_check_kind_name(health_kind_e kind);

/* Finds the kind of a word, whatever its case. Returns 1 and sets *kind, or 0. */
int health_check_kind_of(const char *word, health_kind_e *kind);

/* Returns the port where services of this kind listen by default, 0 when there is none. */
apr_port_t health_check_kind_port(health_kind_e kind);

/* Returns 1 when a probe of this kind does not speak the member's own protocol, so that it goes
 * with members of every scheme. */
int health_check_any_scheme(health_kind_e kind);

/* Returns 1 when members of this scheme ("http", "https", "ajp", ...) speak what probes of this
 * kind speak. */
int health_check_speaks(health_kind_e kind, const char *scheme);

/* Returns a line for people from pool: "http GET /health every 1s, timeout 500ms, rise 2, fall 3".
 */
const char *health_check_text(const health_check_t *check, apr_pool_t *pool);

/* Returns a time in the unit that reads best, as directives take it: "1s", "250ms", "1500us". From
 * pool. */
const char *health_check_time_text(apr_interval_time_t time, apr_pool_t *pool);

#endif
