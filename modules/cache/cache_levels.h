/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_LEVELS_H
#define CACHE_LEVELS_H

#include "cache_counters.h"
#include "cache_store.h"

/*
 * A store of two levels: shared memory of this box in front of memcached, which all boxes share.
 *
 * A local copy answers while it is fresh by itself and memcached was last seen to have it less than
 * ttl ago: what another box changes or removes is seen here within ttl. A copy that is asked for in
 * the second half of that time is handed to on_due, once, so that it can be looked up again beside
 * requests; requests for what is hot never wait for memcached, not even while it hangs. Everything
 * else asks memcached, and what comes is checked and kept locally.
 *
 * While memcached does not answer (an error, an open breaker) local copies answer however old they
 * are, as far as their own lifetime goes: what other boxes remove in that time is not seen. What
 * this box cannot remove from memcached then is remembered for CACHE_LEVELS_REMEMBER: it is taken
 * for nothing here, and removed, when memcached has it again.
 *
 * Removing and putting reach memcached first, then the copy: a look-up that is under way beside
 * them does not bring the old record back, as cache_shm_keep sees the change.
 */

#define CACHE_LEVELS_REMEMBER apr_time_from_sec(86400)

/*
 * Returns the store, from pool. local is one of cache_shm_open, remote any; counters may be NULL.
 * The largest record is remote's; what is too large for local is not kept there. Any child.
 */
cache_store_t *cache_levels_open(cache_store_t *local, cache_store_t *remote,
                                 apr_interval_time_t ttl, cache_counters_t *counters,
                                 apr_pool_t *pool);

/*
 * Has due called, by any thread, with what cache_levels_refresh is wanted for. It must not wait.
 * Call before the first look-up.
 */
void cache_levels_on_due(cache_store_t *store, void (*due)(void *baton, const cache_id_t *id),
                         void *baton);

/* Looks id up in remote and keeps it locally, or drops it there. Errors: remote's. Any thread. */
apr_status_t cache_levels_refresh(cache_store_t *store, const cache_id_t *id, apr_pool_t *pool);

#endif
