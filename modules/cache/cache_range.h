/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_RANGE_H
#define CACHE_RANGE_H

#include <apr.h>

/*
 * Byte ranges of one representation (RFC 9110 section 14), for storing and combining parts of it
 * (RFC 9111 sections 3.3 and 3.4). Pure; any thread.
 */
typedef struct cache_range_t {
    apr_int64_t first;
    apr_int64_t last;  /* the last byte, not the one behind it */
    apr_int64_t total; /* bytes of the whole; 0 <= first <= last < total */
} cache_range_t;

/* Reads a Content-Range, "bytes 0-9/20"; returns 0 for anything else, an unknown total included. */
int cache_range_parse_content(cache_range_t *range, const char *text);

/*
 * Reads a Range that asks for one range, "bytes=0-9", "bytes=5-" or "bytes=-5", of a whole of total
 * bytes; returns 0 for anything else, and where nothing of it is within the whole.
 */
int cache_range_parse_request(cache_range_t *range, const char *text, apr_int64_t total);

/* Returns how many bytes it has. */
apr_int64_t cache_range_size(const cache_range_t *range);

/* Returns 1 when all of other is within range. */
int cache_range_covers(const cache_range_t *range, const cache_range_t *other);

/* Returns 1 when the two overlap or follow each other, of wholes of the same size. */
int cache_range_touches(const cache_range_t *one, const cache_range_t *other);

/* Returns what both are together; they touch. */
cache_range_t cache_range_union(const cache_range_t *one, const cache_range_t *other);

/*
 * Sets *missing to what the whole has besides range; returns 0 when that is nothing, or is not one
 * range.
 */
int cache_range_missing(cache_range_t *missing, const cache_range_t *range);

#endif
