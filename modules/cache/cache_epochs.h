/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_EPOCHS_H
#define CACHE_EPOCHS_H

#include "cache_purge.h"
#include "cache_store.h"

#include "memcache.h"

/*
 * Purges between web boxes that share memcached. Each tag has an epoch there, a number that nobody
 * can guess; a record is stored with those of its tags, and is good for nothing when one of them is
 * another one now. So a purge is one new number, whatever the tag is on. A tag whose epoch is
 * missing is given a new one: where memcached has lost it, that is a miss, never an answer that was
 * purged. A soft purge counts up the low bits of the number. With several servers an epoch is in
 * two places, so that it outlives a server; the one of the later purge counts.
 *
 * What was read is used for age (cache_purge.h keeps it) without asking again, and, while memcached
 * does not answer, for as long as it does not: nobody can purge there meanwhile.
 */
typedef struct cache_epochs_t cache_epochs_t;

/* Returns the epochs, from pool, of a client of so many servers. Any child. */
cache_epochs_t *cache_epochs_open(tier_memcache_t *memcache, int servers, cache_purge_t *purge,
                                  apr_interval_time_t age, apr_pool_t *pool);

/*
 * Returns a store, from pool, in front of memcached (cache_memcached_open) that finds no record
 * that was purged, and gives out what was softly purged as stale. blob->since is as of when it, and
 * its epochs, are known to be right.
 */
cache_store_t *cache_epochs_store(cache_epochs_t *epochs, cache_store_t *memcached,
                                  apr_pool_t *pool);

/*
 * Writes the epochs into tags (cache_tags_text) of what is about to be stored. Where memcached does
 * not tell them it is stored without, for this box only. Returns 1 when one of the tags was purged
 * since requested (wall clock; boxes' clocks may differ by 50 ms): it is not to be stored. Any
 * thread.
 */
int cache_epochs_fill(cache_epochs_t *epochs, char *tags, apr_time_t requested, apr_pool_t *pool);

/*
 * Purges a tag on all boxes. APR_SUCCESS; APR_INCOMPLETE: memcached does not answer, it is
 * remembered (cache_purge_owe) and made up for when it does; else it could not even be remembered.
 * The local purge is the caller's. Any thread; waits for memcached.
 */
apr_status_t cache_epochs_purge(cache_epochs_t *epochs, cache_tag_t tag, int is_soft,
                                apr_pool_t *pool);

/*
 * URLs have no epochs, each look-up would ask for one key more: a removal is told to those who are
 * about to store. Returns what came of removing, or of making stale, all under key in store, on all
 * boxes. What another box asked for before, and stores after it, undoes itself (was_purged, below);
 * what somebody removes while it is being made stale stays removed. epochs may be NULL: there is no
 * memcached. Any thread; waits for memcached.
 */
apr_status_t cache_epochs_purge_url(cache_epochs_t *epochs, cache_store_t *store, const char *key,
                                    int is_soft, apr_pool_t *pool);

/* Tells those who are about to store under key, on all boxes, that it is being removed, or is made
 * stale: to be called before that is done. For ten minutes. Any thread; waits for memcached. */
void cache_epochs_announce(cache_epochs_t *epochs, const char *key, int is_soft);

/*
 * Whether key was removed since requested (wall clock; boxes' clocks may differ by 50 ms): 1; made
 * stale: -1; else, and where memcached does not tell, 0. To be called after storing: who removes
 * before that has announced it before, who removes after that removes what was stored. Any thread;
 * waits for memcached.
 */
int cache_epochs_was_purged(cache_epochs_t *epochs, const char *key, apr_time_t requested,
                            apr_pool_t *pool);

/* Makes up for purges that are owed, four times a second at most. Any thread; may wait. */
void cache_epochs_settle(cache_epochs_t *epochs, apr_pool_t *pool);

#endif
