/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_PATTERN_H
#define CACHE_PATTERN_H

#include <apr_tables.h>

#include "cache_text.h"

/*
 * Names as administrators list them: each may have "*" for any number of characters, which is all
 * that is special in them. Case counts. Pure; any thread.
 */

/* Returns 1 when name is one that pattern means. Takes no longer than their lengths multiplied. */
int cache_pattern_matches(const char *pattern, cache_span_t name);

/* Returns 1 when one of patterns (of const char *; NULL: none) means name. */
int cache_pattern_any(const apr_array_header_t *patterns, cache_span_t name);

#endif
