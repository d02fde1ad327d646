/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_MATCH_H
#define HEALTH_MATCH_H

#include <apr_pools.h>

/*
 * A regular expression (PCRE2) that is matched against the body of an answer. The work for one body
 * is bounded, so that no expression and no answer can hold the watch up.
 */
typedef struct health_match_t health_match_t;

/* Steps through the expression, and kilobytes, that one match may take: some 10 ms. */
#define HEALTH_MATCH_STEPS  500000
#define HEALTH_MATCH_MEMORY 1024

typedef enum { HEALTH_MATCH_NO, HEALTH_MATCH_YES, HEALTH_MATCH_GAVE_UP } health_match_e;

/*
 * Compiles pattern, which may be (?i)... and the like. Returns NULL and sets *match, from pool, or
 * returns what is wrong with it, a sentence fragment from pool. One thread, while configuring.
 */
const char *health_match_compile(const health_match_t **match, const char *pattern,
                                 apr_pool_t *pool);

/* Returns whether the expression is found in these bytes, or that the bounds were reached. One
 * thread at a time for each match. */
health_match_e health_match_find(const health_match_t *match, const char *data, apr_size_t size);

/* Returns the expression as it was written. */
const char *health_match_pattern(const health_match_t *match);

#endif
