/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_DIRECTIVES_H
#define CACHE_DIRECTIVES_H

#include <apr_tables.h>

#include "cache_text.h"

/*
 * Cache-Control (RFC 9111 section 5.2) and CDN-Cache-Control (RFC 9213), read from all lines of the
 * field.
 */
enum {
    CACHE_CC_NO_STORE = 1u << 0,
    CACHE_CC_NO_CACHE = 1u << 1, /* without field names, or with a list that cannot be read */
    CACHE_CC_PRIVATE = 1u << 2,  /* the same */
    CACHE_CC_PUBLIC = 1u << 3,
    CACHE_CC_MUST_REVALIDATE = 1u << 4,
    CACHE_CC_PROXY_REVALIDATE = 1u << 5,
    CACHE_CC_MUST_UNDERSTAND = 1u << 6,
    CACHE_CC_NO_TRANSFORM = 1u << 7,
    CACHE_CC_IMMUTABLE = 1u << 8, /* RFC 8246 */
    CACHE_CC_ONLY_IF_CACHED = 1u << 9,
    CACHE_CC_TARGETED =
        1u << 10 /* read from CDN-Cache-Control: Cache-Control and Expires do not count */
};

enum {
    CACHE_DELTA_NONE = -1, /* the directive is not there */
    CACHE_DELTA_INVALID =
        -2 /* it is, with a value that is no number of seconds, or with two different ones */
};

typedef struct cache_directives_t {
    apr_uint32_t flags;
    apr_int64_t
        max_age; /* seconds, 0 to CACHE_DELTA_MAX, or CACHE_DELTA_NONE or _INVALID; so all six */
    apr_int64_t s_maxage;
    apr_int64_t min_fresh;
    apr_int64_t max_stale; /* CACHE_DELTA_MAX when it has no value */
    apr_int64_t stale_while_revalidate;
    apr_int64_t stale_if_error;
    const char
        *no_cache_fields; /* no-cache="a, b": the names in lower case, "a,b"; NULL when none */
    const char *private_fields;
} cache_directives_t;

/* A message that says nothing. */
extern const cache_directives_t cache_directives_none;

/*
 * Reads every Cache-Control line of headers. Names in any case; quoted and unquoted values are the
 * same; unknown directives are left out; of what is malformed, the more restrictive meaning is
 * taken. Strings are from pool. Any thread.
 */
void cache_directives_parse(cache_directives_t *directives, const apr_table_t *headers,
                            apr_pool_t *pool);

/*
 * Reads what counts for a shared cache in a response: CDN-Cache-Control where it is there, not
 * empty and a valid dictionary of RFC 8941 with values of the right types (RFC 9213 section 2.1),
 * else Cache-Control. Any thread.
 */
void cache_directives_parse_response(cache_directives_t *directives, const apr_table_t *headers,
                                     apr_pool_t *pool);

#endif
