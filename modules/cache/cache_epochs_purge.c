/* SPDX-License-Identifier: Apache-2.0 */
/* Purging: the epochs of tags in memcached are replaced, now or when it answers again. */
#include "cache_epochs_private.h"
#include "cache_vault.h"

#include "clock.h"

#include <string.h>

#define LOCK_KEEPS  apr_time_from_sec(1)
#define LOCK_POLLS  20
#define LOCK_POLL   apr_time_from_msec(10)
#define SETTLE_EACH apr_time_from_msec(250)

/* How long storing may take that began before a URL was removed. */
#define ANNOUNCED apr_time_from_sec(600)

/*
 * A soft purge changes what it has read: of two purges of one tag one waits for the other. A box
 * that dies with the lock keeps it for a second.
 */
static apr_status_t lock(cache_epochs_t *epochs, cache_tag_t tag)
{
    char key[CACHE_EPOCHS_KEY_SIZE + 1];
    apr_status_t rv = APR_EEXIST;

    cache_epochs_write_key(key, tag, 'l');
    for (int i = 0; i < LOCK_POLLS && rv == APR_EEXIST; i++) {
        if (i > 0)
            apr_sleep(LOCK_POLL);
        rv = tier_memcache_add(epochs->memcache, key, CACHE_EPOCHS_KEY_SIZE, "1", 1, LOCK_KEEPS, 0);
    }
    return rv;
}

static void unlock(cache_epochs_t *epochs, cache_tag_t tag)
{
    char key[CACHE_EPOCHS_KEY_SIZE + 1];

    cache_epochs_write_key(key, tag, 'l');
    tier_memcache_delete(epochs->memcache, key, CACHE_EPOCHS_KEY_SIZE);
}

/* Returns APR_NOTFOUND where no record can have the tag. */
static apr_status_t next_epoch(cache_epochs_t *epochs, cache_wanted_t *it, int is_soft,
                               apr_pool_t *pool)
{
    apr_time_t now = apr_time_now() & ~CACHE_EPOCH_BOX;
    cache_epoch_t next = {0, now | (apr_time_t)epochs->purge->box};
    apr_status_t rv = cache_epochs_make_number(&next.number);

    cache_epochs_ask(epochs, it, 1, pool);
    if (is_soft && it->status != APR_SUCCESS)
        return it->status;
    if (is_soft && (it->epoch.number & CACHE_EPOCH_SOFT) != CACHE_EPOCH_SOFT)
        next.number = it->epoch.number + 1;
    if (it->status == APR_SUCCESS && next.purged <= it->epoch.purged)
        next.purged = it->epoch.purged + CACHE_EPOCH_BOX + 1;
    it->epoch = next;
    return rv;
}

static apr_status_t set_copies(cache_epochs_t *epochs, const cache_wanted_t *it)
{
    apr_status_t rv = APR_SUCCESS;
    char value[CACHE_EPOCHS_VALUE_SIZE + 1];

    cache_epochs_write_value(value, &it->epoch);
    for (int copy = 0; copy < epochs->copies; copy++) {
        apr_status_t one =
            tier_memcache_set(epochs->memcache, it->keys[copy], CACHE_EPOCHS_KEY_SIZE, value,
                              CACHE_EPOCHS_VALUE_SIZE, 0, 0);
        rv = one != APR_SUCCESS ? one : rv;
    }
    if (rv == APR_SUCCESS)
        cache_purge_keep_epoch(epochs->purge, it->tag, &it->epoch, tier_clock_now());
    return rv;
}

/* A hard purge is right whatever it overwrites; it does not need the lock. */
static apr_status_t publish(cache_epochs_t *epochs, cache_tag_t tag, int is_soft, apr_pool_t *pool)
{
    cache_wanted_t it = {0};
    apr_status_t locked = lock(epochs, tag);
    apr_status_t rv = is_soft ? locked : APR_SUCCESS;

    it.tag = tag;
    if (rv == APR_SUCCESS)
        rv = next_epoch(epochs, &it, is_soft, pool);
    if (rv == APR_SUCCESS)
        rv = set_copies(epochs, &it);
    if (locked == APR_SUCCESS)
        unlock(epochs, tag);
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

apr_status_t cache_epochs_purge(cache_epochs_t *epochs, cache_tag_t tag, int is_soft,
                                apr_pool_t *pool)
{
    if (publish(epochs, tag, is_soft, pool) == APR_SUCCESS)
        return APR_SUCCESS;
    return cache_purge_owe(epochs->purge, tag, is_soft, apr_time_now()) == APR_SUCCESS
               ? APR_INCOMPLETE
               : APR_EGENERAL;
}

void cache_epochs_settle(cache_epochs_t *epochs, apr_pool_t *pool)
{
    cache_purge_t *purge = epochs->purge;
    apr_time_t now = tier_clock_now();
    apr_time_t due = tier_atomic_load64(&purge->next_try);

    if (__atomic_load_n(&purge->owed_count, __ATOMIC_RELAXED) == 0 || now < due ||
        !tier_atomic_swap64(&purge->next_try, due, now + SETTLE_EACH))
        return;
    for (int i = 0; i < CACHE_PURGE_OWED; i++) {
        cache_purge_owed_t owed;
        cache_owed_e kind = cache_purge_owed(purge, i, &owed);

        if (kind != CACHE_OWED_NOTHING &&
            publish(epochs, owed.tag, kind == CACHE_OWED_SOFT, pool) == APR_SUCCESS)
            cache_purge_settle(purge, i, &owed);
    }
}

/* URLs. */

/* Two keys, so that neither kind hides the other. */
static const char kinds[] = {'h', 's'};

void cache_epochs_announce(cache_epochs_t *epochs, const char *key, int is_soft)
{
    char at[CACHE_EPOCHS_KEY_SIZE + 1];
    char value[CACHE_EPOCHS_VALUE_SIZE + 1];
    apr_time_t now = apr_time_now() & ~CACHE_EPOCH_BOX;
    cache_epoch_t told = {1, now | (apr_time_t)epochs->purge->box};

    cache_epochs_write_key(at, cache_tags_url(key), kinds[is_soft != 0]);
    cache_epochs_write_value(value, &told);
    tier_memcache_set(epochs->memcache, at, CACHE_EPOCHS_KEY_SIZE, value, CACHE_EPOCHS_VALUE_SIZE,
                      ANNOUNCED, 0);
}

int cache_epochs_was_purged(cache_epochs_t *epochs, const char *key, apr_time_t requested,
                            apr_pool_t *pool)
{
    char keys[2][CACHE_EPOCHS_KEY_SIZE + 1];
    char values[2][CACHE_EPOCHS_VALUE_SIZE];
    tier_memcache_item_t items[2];
    cache_epoch_t told;

    memset(items, 0, sizeof(items));
    for (int i = 0; i < 2; i++) {
        cache_epochs_write_key(keys[i], cache_tags_url(key), kinds[i]);
        items[i].key = keys[i];
        items[i].key_size = CACHE_EPOCHS_KEY_SIZE;
        items[i].into = values[i];
        items[i].room = CACHE_EPOCHS_VALUE_SIZE;
    }
    tier_memcache_get_many(epochs->memcache, items, 2, pool);
    for (int i = 0; i < 2; i++) {
        if (items[i].status == APR_SUCCESS &&
            cache_epochs_read_value(&told, values[i], items[i].size) &&
            cache_epochs_is_newer(epochs, told.purged, requested))
            return i == 0 ? 1 : -1;
    }
    return 0;
}

apr_status_t cache_epochs_purge_url(cache_epochs_t *epochs, cache_store_t *store, const char *key,
                                    int is_soft, apr_pool_t *pool)
{
    apr_time_t began = apr_time_now();
    apr_status_t rv;

    if (epochs)
        cache_epochs_announce(epochs, key, is_soft);
    if (!is_soft)
        return cache_vault_remove(store, key);
    rv = cache_vault_soften(store, key, began, pool);
    if (epochs && cache_epochs_was_purged(epochs, key, began, pool) > 0)
        rv = cache_vault_remove(store, key);
    return rv;
}
