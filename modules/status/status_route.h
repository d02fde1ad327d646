/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_ROUTE_H
#define STATUS_ROUTE_H

#include <apr_pools.h>

/* Which answer a URL of the handler asks for. */
typedef enum {
    STATUS_ROUTE_NONE,   /* no such URL */
    STATUS_ROUTE_PAGE,   /* the section's own path, with or without a slash behind it */
    STATUS_ROUTE_JSON,   /* <path>/json */
    STATUS_ROUTE_METRICS /* <path>/metrics */
} status_route_e;

/*
 * Returns what path, a request's decoded path, asks for in the section whose literal path is base.
 * base is NULL where the section has none (a regular expression, a whole server): then the last
 * segment decides alone, and every other path is the page.
 */
status_route_e status_route_find(const char *path, const char *base);

/* Returns non-zero when a section with this literal path holds path, by the rule of <Location>. */
int status_route_within(const char *path, const char *base);

/* Returns the path of the page that goes with path, without a slash at its end, from pool. "" for
 * the root. */
const char *status_route_page(const char *path, status_route_e route, apr_pool_t *pool);

#define STATUS_ROUTE_MAX_REFRESH 3600

/* Returns the seconds of "refresh=N" in a query string, 1 to STATUS_ROUTE_MAX_REFRESH; 0 when there
 * is none or it is anything else. args may be NULL. */
int status_route_refresh(const char *args);

#endif
