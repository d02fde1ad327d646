/* SPDX-License-Identifier: Apache-2.0 */
/* The store against a real memcached. */
#include "common_memcached.h"

#include "cache_memcached.h"

static cache_store_t *make_store(rig_t *rig, memcached_t *memcached, apr_pool_t *pool)
{
    memcached_start(memcached, 0, NULL);
    rig_one(rig, pool, memcached->server);
    return cache_memcached_open(rig->memcache, pool);
}

static void records_are_put_got_and_removed(void **state)
{
    memcached_t memcached;
    rig_t rig;
    cache_store_t *store = make_store(&rig, &memcached, *state);
    cache_blob_t blob;
    cache_id_t id;

    cache_key_id(&id, "key");
    assert_int_equal(store->get(store, &id, &blob, *state), APR_NOTFOUND);
    assert_int_equal(store->put(store, &id, (const unsigned char *)"a\0b", 3, apr_time_from_sec(9)),
                     APR_SUCCESS);
    assert_int_equal(store->get(store, &id, &blob, *state), APR_SUCCESS);
    assert_int_equal(blob.size, 3);
    assert_memory_equal(blob.data, "a\0b", 3);
    assert_int_equal(store->remove(store, &id), APR_SUCCESS);
    assert_int_equal(store->remove(store, &id), APR_SUCCESS);
    assert_int_equal(store->get(store, &id, &blob, *state), APR_NOTFOUND);
    memcached_kill(&memcached);
}

/* Bytes of which no two parts are the same. */
static unsigned char *make_data(apr_pool_t *pool, apr_size_t size, unsigned seed)
{
    unsigned char *data = apr_palloc(pool, size);

    for (apr_size_t i = 0; i < size; i++)
        data[i] = (unsigned char)(i * 7 + i / 1000 + seed);
    return data;
}

static void put_and_get(cache_store_t *store, const unsigned char *data, apr_size_t size,
                        apr_pool_t *pool)
{
    cache_blob_t blob;
    cache_id_t id;

    cache_key_id(&id, "key");
    assert_int_equal(store->put(store, &id, data, size, apr_time_from_sec(9)), APR_SUCCESS);
    assert_int_equal(store->get(store, &id, &blob, pool), APR_SUCCESS);
    assert_int_equal(blob.size, size);
    assert_memory_equal(blob.data, data, size);
    assert_int_equal(blob.trust, CACHE_RECORD_UNTRUSTED);
    assert_int_equal(blob.release != NULL, size > CACHE_MEMCACHED_ITEM);
    if (blob.release)
        blob.release(blob.baton);
}

static void records_of_every_size_come_back(void **state)
{
    static const apr_size_t sizes[] = {1, CACHE_MEMCACHED_ITEM, CACHE_MEMCACHED_ITEM + 1,
                                       2 * CACHE_MEMCACHED_ITEM, 5000000};
    memcached_t memcached;
    rig_t rig;
    cache_store_t *store = make_store(&rig, &memcached, *state);
    unsigned char *data = make_data(*state, 5000000, 0);

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        put_and_get(store, data, sizes[i], *state);
    put_and_get(store, data, 1, *state); /* in the place of a manifest */
    memcached_kill(&memcached);
}

static void a_record_over_the_limit_is_not_sent(void **state)
{
    memcached_t memcached;
    rig_t rig;
    cache_store_t *store = make_store(&rig, &memcached, *state);
    cache_id_t id;

    cache_key_id(&id, "key");
    assert_int_equal(
        store->put(store, &id, (const unsigned char *)"", store->largest + 1, apr_time_from_sec(9)),
        APR_ENOSPC);
    memcached_kill(&memcached);
}

/* Reads the keys of the first manifest's parts out of memcached. */
static void part_key(rig_t *rig, const cache_id_t *id, int number, char *key)
{
    char name[64] = "wtc1-";
    const char *manifest;
    cache_parts_t parts;
    apr_size_t size;

    for (int i = 0; i < CACHE_ID_SIZE; i++)
        snprintf(name + 5 + 2 * i, 3, "%02x", id->bytes[i]);
    assert_int_equal(get(rig, name, &manifest, &size), APR_SUCCESS);
    assert_true(
        cache_parts_read(&parts, (const unsigned char *)manifest, size, CACHE_MEMCACHED_LARGEST));
    cache_parts_key(key, parts.generation, number);
    key[CACHE_PARTS_KEY_SIZE] = '\0';
}

/* Lost: no record. Damaged: what is no record, so that it is counted. */
static void parts_that_are_not_right_are_no_record(void **state)
{
    memcached_t memcached;
    rig_t rig;
    cache_store_t *store = make_store(&rig, &memcached, *state);
    unsigned char *data = make_data(*state, 3000000, 1);
    char key[CACHE_PARTS_KEY_SIZE + 1];
    cache_blob_t blob;
    cache_id_t id;

    cache_key_id(&id, "key");
    store->put(store, &id, data, 3000000, apr_time_from_sec(9));
    part_key(&rig, &id, 1, key);
    data[CACHE_MEMCACHED_ITEM] ^= 1;
    set(&rig, key, (const char *)data + CACHE_MEMCACHED_ITEM, CACHE_MEMCACHED_ITEM);
    assert_int_equal(store->get(store, &id, &blob, *state), APR_SUCCESS);
    assert_true(blob.size < 100);
    assert_null(blob.release);
    set(&rig, key, (const char *)data, CACHE_MEMCACHED_ITEM - 1);
    assert_int_equal(store->get(store, &id, &blob, *state), APR_NOTFOUND);
    assert_null(blob.data);
    assert_int_equal(tier_memcache_delete(rig.memcache, key, CACHE_PARTS_KEY_SIZE), APR_SUCCESS);
    assert_int_equal(store->get(store, &id, &blob, *state), APR_NOTFOUND);
    memcached_kill(&memcached);
}

static int single_calls, many_calls;

apr_status_t __real_tier_memcache_get(tier_memcache_t *memcache, const char *key,
                                      apr_size_t key_size, char **value, apr_size_t *size,
                                      apr_uint32_t *flags, apr_pool_t *pool);
apr_status_t __wrap_tier_memcache_get(tier_memcache_t *memcache, const char *key,
                                      apr_size_t key_size, char **value, apr_size_t *size,
                                      apr_uint32_t *flags, apr_pool_t *pool);
apr_status_t __wrap_tier_memcache_get(tier_memcache_t *memcache, const char *key,
                                      apr_size_t key_size, char **value, apr_size_t *size,
                                      apr_uint32_t *flags, apr_pool_t *pool)
{
    single_calls++;
    return __real_tier_memcache_get(memcache, key, key_size, value, size, flags, pool);
}

apr_status_t __real_tier_memcache_get_many(tier_memcache_t *memcache, tier_memcache_item_t *items,
                                           int count, apr_pool_t *pool);
apr_status_t __wrap_tier_memcache_get_many(tier_memcache_t *memcache, tier_memcache_item_t *items,
                                           int count, apr_pool_t *pool);
apr_status_t __wrap_tier_memcache_get_many(tier_memcache_t *memcache, tier_memcache_item_t *items,
                                           int count, apr_pool_t *pool)
{
    many_calls++;
    return __real_tier_memcache_get_many(memcache, items, count, pool);
}

/* One for the manifest, one for all of them. */
static void parts_are_fetched_at_once(void **state)
{
    memcached_t memcached;
    rig_t rig;
    cache_store_t *store = make_store(&rig, &memcached, *state);

    single_calls = many_calls = 0;
    put_and_get(store, make_data(*state, 5000000, 3), 5000000, *state);
    assert_int_equal(single_calls, 1);
    assert_int_equal(many_calls, 1);
    memcached_kill(&memcached);
}

/* A writer that comes between the other's parts and its manifest changes nothing of them. */
static void two_writers_do_not_share_parts(void **state)
{
    memcached_t memcached;
    rig_t rig;
    cache_store_t *store = make_store(&rig, &memcached, *state);
    char one[CACHE_PARTS_KEY_SIZE + 1], other[CACHE_PARTS_KEY_SIZE + 1];
    cache_id_t id;

    cache_key_id(&id, "key");
    put_and_get(store, make_data(*state, 2000000, 1), 2000000, *state);
    part_key(&rig, &id, 0, one);
    put_and_get(store, make_data(*state, 2000000, 2), 2000000, *state);
    part_key(&rig, &id, 0, other);
    assert_string_not_equal(one, other);
    memcached_kill(&memcached);
}

static void a_dead_server_is_an_error(void **state)
{
    memcached_t memcached;
    rig_t rig;
    cache_store_t *store = make_store(&rig, &memcached, *state);
    cache_blob_t blob;
    cache_id_t id;
    apr_status_t rv;

    memcached_kill(&memcached);
    cache_key_id(&id, "key");
    rv = store->get(store, &id, &blob, *state);
    assert_true(rv != APR_SUCCESS && rv != APR_NOTFOUND);
    assert_int_equal(store->put(store, &id, (const unsigned char *)"a", 1, 1), APR_EAGAIN);
    assert_int_equal(store->remove(store, &id), APR_EAGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(records_are_put_got_and_removed),
        test_with_pool(records_of_every_size_come_back),
        test_with_pool(a_record_over_the_limit_is_not_sent),
        test_with_pool(parts_that_are_not_right_are_no_record),
        test_with_pool(parts_are_fetched_at_once),
        test_with_pool(two_writers_do_not_share_parts),
        test_with_pool(a_dead_server_is_an_error),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
