/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_QUERY_H
#define CACHE_QUERY_H

#include <apr_tables.h>

/*
 * Makes one query of those that mean the same to the application: parameters that mean nothing to
 * it left out, the rest in one order. Pure; any thread.
 */
typedef struct cache_query_rules_t {
    int sort;
    const apr_array_header_t *keep; /* patterns (cache_pattern.h); NULL: all parameters are kept */
    const apr_array_header_t *drop; /* patterns; NULL: none */
} cache_query_rules_t;

/*
 * Returns query (what stands behind the "?", parameters separated by "&") as the rules make it: ""
 * where nothing is left. Parameters are left out by their name, percent-encoding resolved, and are
 * sorted by it as it is written; those of one name stay in their order. From pool, or query itself.
 */
const char *cache_query_normalise(const cache_query_rules_t *rules, const char *query,
                                  apr_pool_t *pool);

#endif
