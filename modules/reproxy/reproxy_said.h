/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_SAID_H
#define REPROXY_SAID_H

#include <apr_pools.h>
#include <apr_tables.h>

/* What an application's answer says about the file to send in its place. Read from the values of
 * its fields, which are outside input. Strings live in the pool given. */
typedef struct reproxy_said_t {
    apr_array_header_t *urls;         /* const char *; empty: none */
    const char *path;                 /* a local file; NULL: none */
    apr_off_t size;                   /* the size the file must have; -1: not said */
    int cache_for;                    /* seconds; 0: not to be remembered */
    apr_array_header_t *cache_fields; /* const char *: the fields remembered with it; NULL: none */
} reproxy_said_t;

/* Makes an empty one. */
void reproxy_said_init(reproxy_said_t *said, apr_pool_t *pool);

/* Adds the URLs of a X-REPROXY-URL field, which white space separates, to said->urls. URLs over
 * the limit of 64 are dropped. */
void reproxy_said_urls(reproxy_said_t *said, const char *value, apr_pool_t *pool);

/* Reads X-REPROXY-EXPECTED-SIZE. Returns 1, or 0 when it is no number: said is as before. */
int reproxy_said_size(reproxy_said_t *said, const char *value);

/* Reads X-REPROXY-CACHE-FOR, "seconds; Field Field". Returns 1, or 0 when it is ill-formed: said is
 * as before. */
int reproxy_said_cache(reproxy_said_t *said, const char *value, apr_pool_t *pool);

/* Which place a path of X-Accel-Redirect means: TierReproxyMap's entries, const. */
typedef struct reproxy_map_t {
    const char *prefix; /* begins and ends with "/" */
    const char *target; /* a directory, or the beginning of a URL; ends with "/" */
    int is_url;
} reproxy_map_t;

/*
 * Reads X-Accel-Redirect: the entry with the longest matching prefix turns it into said->path
 * (%XX decoded, without a query) or a URL. Returns 1, or 0 when no entry has it, or it is no path
 * to be used: "..", NUL or bad %XX in it. map: array of reproxy_map_t, NULL: none.
 */
int reproxy_said_mapped(reproxy_said_t *said, const apr_array_header_t *map, const char *value,
                        apr_pool_t *pool);

#endif
