/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_CHECK_H
#define HEALTH_CHECK_H

#include <apr_pools.h>
#include <apr_time.h>

/* How the members of one balancer are checked: what a TierHealthCheck directive says, as plain
 * values. */

typedef enum { HEALTH_KIND_HTTP, HEALTH_KIND_TCP } health_kind_e;

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
    const char *method;           /* GET, HEAD or OPTIONS */
    const char *uri;              /* path and query, begins with '/'; or "*" with OPTIONS */
    const char *host;             /* the Host header; NULL: the member's own name and port */
    apr_interval_time_t interval; /* from the start of one probe to the start of the next */
    apr_interval_time_t timeout;  /* of one probe, connecting included; never over interval */
    apr_uint32_t rise;            /* consecutive passes that bring a member up */
    apr_uint32_t fall;            /* consecutive failures that take a member down */
    health_status_set_t statuses; /* HTTP statuses that pass */
} health_check_t;

#define HEALTH_INTERVAL_MIN     apr_time_from_msec(50)
#define HEALTH_INTERVAL_MAX     apr_time_from_sec(3600)
#define HEALTH_INTERVAL_DEFAULT apr_time_from_sec(1)
#define HEALTH_TIMEOUT_MIN      apr_time_from_msec(5)
#define HEALTH_TIMEOUT_DEFAULT  apr_time_from_msec(500)
#define HEALTH_COUNT_MAX        1000

/*
 * Sets everything to its default: http, GET /, 1 s, 500 ms, rise 2, fall 3, 200-399. timeout is
 * left 0, which health_check_settle() turns into the default or the interval, whichever is shorter.
 */
void health_check_defaults(health_check_t *check);

/*
 * To be called when all arguments are read. Returns NULL, or a sentence fragment from pool that
 * says what does not go together ("timeout=2s is longer than ...").
 */
const char *health_check_settle(health_check_t *check, apr_pool_t *pool);

/*
 * Reads "200-399" or "200,204,301-302". Returns NULL, or a constant that says what is allowed; then
 * *set is undefined.
 */
const char *health_check_parse_statuses(health_status_set_t *set, const char *text);

/* Returns 1 when status is in set. Any thread. */
int health_check_status_passes(const health_status_set_t *set, int status);

/*
 * Checks the value of method=, uri= and host=: NULL when it may be sent as it is, else a constant
 * that says what is allowed. Nothing that passes can end a request line or a header early.
 */
const char *health_check_method_error(const char *method);
const char *health_check_uri_error(const char *uri);
const char *health_check_host_error(const char *host);

/* Returns 1 for the scheme of a member ("http", "https", "ajp", ...) that an HTTP probe can talk
 * to. */
int health_check_speaks_http(const char *scheme);

/* Returns a line for people from pool: "http GET /health every 1s, timeout 500ms, rise 2, fall 3".
 */
const char *health_check_text(const health_check_t *check, apr_pool_t *pool);

/* Returns a time in the unit that reads best, as directives take it: "1s", "250ms", "1500us". From
 * pool. */
const char *health_check_time_text(apr_interval_time_t time, apr_pool_t *pool);

#endif
