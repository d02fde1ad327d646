/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_lease.h"

#include "clock.h"

#include <apr_strings.h>

#include <string.h>

#define PREFIX      "wtl1-"
#define KEY_SIZE    (sizeof(PREFIX) - 1 + 2 * CACHE_ID_SIZE)
#define UNCACHEABLE "-"

/* So long may one request be kept by what others have left. */
#define SETTLE_MOST apr_time_from_msec(20)

static void write_key(char key[KEY_SIZE + 1], const cache_id_t *id)
{
    static const char digits[] = "0123456789abcdef";
    char *out = key + sizeof(PREFIX) - 1;

    memcpy(key, PREFIX, sizeof(PREFIX) - 1);
    for (int i = 0; i < CACHE_ID_SIZE; i++) {
        *out++ = digits[id->bytes[i] >> 4];
        *out++ = digits[id->bytes[i] & 15];
    }
    *out = '\0';
}

static int is_text(const char *value, apr_size_t size, const char *text)
{
    return size == strlen(text) && memcmp(value, text, size) == 0;
}

/* Whose is the lease? APR_NOTFOUND: nobody's. */
static apr_status_t read_lease(cache_lease_t *lease, const char *key, apr_interval_time_t keep,
                               cache_lease_e *whose, apr_pool_t *pool)
{
    char *value;
    apr_size_t size;
    apr_uint32_t flags;
    apr_status_t rv =
        tier_memcache_get(lease->memcache, key, KEY_SIZE, &value, &size, &flags, pool);

    *whose = CACHE_LEASE_OTHERS;
    if (rv == APR_NOTFOUND)
        return rv;
    if (rv != APR_SUCCESS) {
        *whose = CACHE_LEASE_MINE;
    } else if (is_text(value, size, UNCACHEABLE)) {
        *whose = CACHE_LEASE_UNCACHEABLE;
    } else if (is_text(value, size, lease->box)) {
        tier_memcache_set(lease->memcache, key, KEY_SIZE, lease->box, CACHE_LEASE_BOX_SIZE, keep,
                          0);
        *whose = CACHE_LEASE_MINE;
    }
    return APR_SUCCESS;
}

/*
 * Another box may have one of them by now, after its end; or this box anew, which the origin may
 * then be asked for twice. A server that is known not to answer costs nothing and is gone past; of
 * all others none is waited for longer than for one call.
 */
static void settle(cache_lease_t *lease, apr_pool_t *pool)
{
    apr_time_t until = tier_clock_now() + SETTLE_MOST;
    char key[KEY_SIZE + 1];
    apr_uint32_t flags, state;
    apr_size_t size;
    cache_id_t id;
    char *value;

    for (int i = 0; i < CACHE_LEASE_OWED && tier_clock_now() < until; i++) {
        apr_status_t rv;

        if (!cache_lease_owed_at(lease->owed, i, &id, &state))
            continue;
        write_key(key, &id);
        rv = tier_memcache_get(lease->memcache, key, KEY_SIZE, &value, &size, &flags, pool);
        if (rv == APR_SUCCESS && is_text(value, size, lease->box))
            rv = tier_memcache_delete(lease->memcache, key, KEY_SIZE);
        if (APR_STATUS_IS_EAGAIN(rv))
            continue;
        if (rv != APR_SUCCESS && rv != APR_NOTFOUND)
            return;
        cache_lease_owed_done(lease->owed, i, state);
    }
}

cache_lease_e cache_lease_try(cache_lease_t *lease, const cache_id_t *id, apr_interval_time_t keep,
                              apr_pool_t *pool)
{
    char key[KEY_SIZE + 1];
    cache_lease_e whose;
    apr_status_t rv;

    if (cache_lease_owed_due(lease->owed, tier_clock_now()))
        settle(lease, pool);
    write_key(key, id);
    rv = tier_memcache_add(lease->memcache, key, KEY_SIZE, lease->box, CACHE_LEASE_BOX_SIZE, keep,
                           0);
    if (rv != APR_EEXIST)
        return CACHE_LEASE_MINE;
    read_lease(lease, key, keep, &whose, pool); /* given back just now: the next try gets it */
    return whose;
}

cache_lease_e cache_lease_try_again(cache_lease_t *lease, const cache_id_t *id,
                                    apr_interval_time_t keep, apr_pool_t *pool)
{
    char key[KEY_SIZE + 1];
    cache_lease_e whose;

    write_key(key, id);
    return read_lease(lease, key, keep, &whose, pool) == APR_NOTFOUND
               ? cache_lease_try(lease, id, keep, pool)
               : whose;
}

void cache_lease_release(cache_lease_t *lease, const cache_id_t *id)
{
    char key[KEY_SIZE + 1];
    apr_status_t rv;

    write_key(key, id);
    rv = tier_memcache_delete(lease->memcache, key, KEY_SIZE);
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND)
        cache_lease_owed_add(lease->owed, id);
}

void cache_lease_refuse(cache_lease_t *lease, const cache_id_t *id, apr_interval_time_t keep)
{
    char key[KEY_SIZE + 1];

    write_key(key, id);
    if (tier_memcache_set(lease->memcache, key, KEY_SIZE, UNCACHEABLE, sizeof(UNCACHEABLE) - 1,
                          keep, 0) != APR_SUCCESS)
        cache_lease_owed_add(lease->owed, id);
}
