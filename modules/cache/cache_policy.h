/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_POLICY_H
#define CACHE_POLICY_H

#include "cache_exchange.h"

/*
 * What the administrator says of responses besides what they say themselves. It becomes part of
 * what the response tells (cache_directives_t) before anything is decided by that, so that verdict,
 * freshness and validation are those of a response that had said so. Never against no-store,
 * private or no-cache. Pure; any thread.
 */
typedef struct cache_policy_t {
    apr_int64_t fallback; /* seconds that a response is fresh which says nothing; 0: no such rule */
    apr_int64_t shortest; /* bounds of what a response says, seconds; 0: none */
    apr_int64_t longest;
    const apr_array_header_t *cookies; /* patterns of names whose Set-Cookie counts for nothing */
} cache_policy_t;

/*
 * Changes told, which is what exchange->told points to. The fallback is for the statuses that may
 * be cached heuristically (RFC 9110 section 15.1) but 501 and 206, and not for responses with
 * "Pragma: no-cache" and no Cache-Control: they say something. Nor for a 200 without Content-Type.
 */
void cache_policy_apply(const cache_policy_t *policy, const cache_exchange_t *exchange,
                        cache_directives_t *told);

/*
 * Takes Set-Cookie out of response, which is a copy for storing, when each of its lines is of a
 * cookie that counts for nothing.
 */
void cache_policy_drop_cookies(const cache_policy_t *policy, apr_table_t *response);

#endif
