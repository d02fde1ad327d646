/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_MARKS_H
#define CACHE_MARKS_H

#include <apr_time.h>

#include "cache_key.h"

/*
 * What is remembered of keys for some seconds, in zeroed shared memory: a direct-mapped table of
 * 64-bit words, read and written without a lock. It may forget (another key took the place), and,
 * once in 2^31 keys of a place, mistake one key for another; neither does more than a request to
 * the origin too many. Any thread of any process. now: tier_clock_now().
 */
typedef enum {
    CACHE_MARK_UNCACHEABLE = 1, /* its answers cannot be shared: nobody waits for another's */
    CACHE_MARK_FAILING,         /* its origin failed just now */
    CACHE_MARK_RESTING,         /* so just now that it is not asked again yet in the background */
    CACHE_MARK_REMOVED          /* what was asked for before is not to be stored */
} cache_mark_e;

#define CACHE_MARKS_SIZE 32768

typedef struct cache_marks_t {
    apr_uint64_t words[CACHE_MARKS_SIZE];
} cache_marks_t;

/* Sets the mark, for keep from now. */
void cache_marks_set(cache_marks_t *marks, cache_mark_e mark, const cache_id_t *id, apr_time_t now,
                     apr_interval_time_t keep);

/*
 * The origin has failed: FAILING for ten seconds, in which stale answers come at once; RESTING for
 * one, after which it is asked again, in the background.
 */
void cache_marks_fail(cache_marks_t *marks, const cache_id_t *id, apr_time_t now);

/* Takes the mark away. */
void cache_marks_clear(cache_marks_t *marks, cache_mark_e mark, const cache_id_t *id);

/* Returns 1 while the mark is there. */
int cache_marks_has(const cache_marks_t *marks, cache_mark_e mark, const cache_id_t *id,
                    apr_time_t now);

#endif
