/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_MEMCACHED_H
#define CACHE_MEMCACHED_H

#include "cache_counters.h"
#include "cache_parts.h"
#include "cache_store.h"

#include "memcache.h"

/* What fits an item of memcached's default size (1 MiB with key and header). */
#define CACHE_MEMCACHED_ITEM ((apr_size_t)1024 * 1024 - 1024)

/* The largest record: a body of 64 MiB and its head. */
#define CACHE_MEMCACHED_LARGEST (CACHE_MEMCACHED_ITEM * CACHE_PARTS_MOST)

/*
 * Returns a store in memcached, from pool: records under "wtc1-" and their id in hexadecimal
 * digits, larger ones in parts (cache_parts.h). Each call of memcached has the client's deadline;
 * get makes one or two, put as many as there are items. What get returns of a record in parts is
 * malloc'd. A missing part is APR_NOTFOUND, a damaged one a blob that is no record. Parts of a
 * record that was removed or replaced stay in memcached until it evicts them or they expire. Any
 * child.
 */
cache_store_t *cache_memcached_open(tier_memcache_t *memcache, apr_pool_t *pool);

/* Has the calls of a store of cache_memcached_open counted by how long they take. In child_init. */
void cache_memcached_count(cache_store_t *store, cache_counters_t *counters);

#endif
