/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_PURGE_H
#define CACHE_PURGE_H

#include <apr_time.h>

#include "atomics.h"
#include "cache_tags.h"

/*
 * What this box knows of purges, in zeroed shared memory of fixed size, read and written without a
 * lock by any thread of any process; a process that dies at any moment leaves it usable.
 *
 * When a tag was purged here is kept in the manner of a Bloom filter (B. Bloom, 1970) of times: a
 * tag has two places, in which the latest purge of all tags that share it stands; it was purged no
 * later than the earlier of the two. So no purge is ever forgotten, however many there are, and to
 * purge a tag takes the same two writes whatever it is on. Two tags that share both places are
 * purged together: what was not meant is asked for once more. Times are tier_clock_now().
 *
 * The epochs of tags (cache_epochs.h) that memcached was last seen to have are kept in a table of
 * sets of four. Purges that memcached could not be told are kept until it has been.
 */
#define CACHE_PURGE_LAYOUT 1
#define CACHE_PURGE_PLACES 32768
#define CACHE_PURGE_EPOCHS 8192
#define CACHE_PURGE_OWED   256

/* The epoch of a tag: all that was stored in another one is purged. A plain value. */
typedef struct cache_epoch_t {
    apr_uint64_t number; /* its low 16 bits count soft purges: those stored before are stale */
    apr_time_t purged;   /* the last purge, wall clock, its low 8 bits being the box's; 0: none */
} cache_epoch_t;

#define CACHE_EPOCH_SOFT APR_UINT64_C(0xffff)
#define CACHE_EPOCH_BOX  APR_INT64_C(0xff)

/* Private: written last, check tells whether the rest is of one writing. */
typedef struct cache_purge_epoch_t {
    apr_uint64_t tag, number, purged, seen, check;
} cache_purge_epoch_t;

typedef enum {
    CACHE_OWED_NOTHING,
    CACHE_OWED_WRITING,
    CACHE_OWED_HARD,
    CACHE_OWED_SOFT,
    CACHE_OWED_KINDS
} cache_owed_e;

/* A purge that memcached has not been told. */
typedef struct cache_purge_owed_t {
    apr_uint32_t state; /* private: a cache_owed_e, and how often the place was used */
    apr_uint64_t tag;
    apr_time_t purged; /* wall clock */
} cache_purge_owed_t;

typedef struct cache_purge_t {
    apr_int64_t last;                     /* the latest purge */
    apr_int64_t hard[CACHE_PURGE_PLACES]; /* this and the next: times */
    apr_int64_t soft[CACHE_PURGE_PLACES];
    cache_purge_epoch_t epochs[CACHE_PURGE_EPOCHS];
    cache_purge_owed_t owed[CACHE_PURGE_OWED];
    apr_uint32_t owed_count;
    apr_uint32_t box;          /* 1 to 255, random: whether it was this box that purged */
    apr_int64_t next_try;      /* when memcached is told again */
    apr_int64_t told;          /* when a purge that failed was last logged */
    tier_counter_t purged[4];  /* requests carried out, by cache_purge_scope_e */
    tier_counter_t soft_ones;  /* of them */
    tier_counter_t remembered; /* of them: memcached could not be told at once */
    tier_counter_t failed;
    tier_counter_t forbidden;
} cache_purge_t;

/* Purges a tag on this box, now. */
void cache_purge_mark(cache_purge_t *purge, cache_tag_t tag, int is_soft, apr_time_t now);

/*
 * Returns what purges make of something that has these tags (a text of cache_tags_text) and was
 * right at `since`: 0 nothing, 1 it is gone, -1 it is stale as of *at.
 */
int cache_purge_judge(const cache_purge_t *purge, const char *tags, apr_time_t since,
                      apr_time_t *at);

/* Returns 1 when one of the tags, or url, was purged in any way at `since` or later. */
int cache_purge_is_newer(const cache_purge_t *purge, const char *tags, cache_tag_t url,
                         apr_time_t since);

/* Reads what is known of a tag's epoch; returns as of when (tier_clock_now()), 0: nothing is. */
apr_time_t cache_purge_epoch(const cache_purge_t *purge, cache_tag_t tag, cache_epoch_t *epoch);

/* Remembers it, in the place of the one that was seen longest ago. */
void cache_purge_keep_epoch(cache_purge_t *purge, cache_tag_t tag, const cache_epoch_t *epoch,
                            apr_time_t seen);

/* Remembers that memcached is to be told of a purge. APR_ENOSPC: there is no room. */
apr_status_t cache_purge_owe(cache_purge_t *purge, cache_tag_t tag, int is_soft, apr_time_t purged);

/*
 * Fills *owed with what is in place number (0 to CACHE_PURGE_OWED - 1); returns HARD or SOFT, or
 * NOTHING.
 */
cache_owed_e cache_purge_owed(const cache_purge_t *purge, int number, cache_purge_owed_t *owed);

/* Memcached was told of what owed says. */
void cache_purge_settle(cache_purge_t *purge, int number, const cache_purge_owed_t *owed);

#endif
