/* SPDX-License-Identifier: Apache-2.0 */
/* Reading records where they are in shared memory. */
#include "cache_in_place_testing.h"

#include <signal.h>
#include <unistd.h>

static void large_bodies_stay_where_they_are(void **state)
{
    static const apr_size_t sizes[] = {CACHE_SHM_IN_PLACE, 10000, 65536, 100001, LARGEST - 1000};
    cache_store_t *store = make_store(*state);
    cache_record_t record;
    cache_blob_t blob;

    for (size_t i = 0; i < COUNT(sizes); i++) {
        assert_int_equal(put(store, (int)i, 'a', sizes[i]), APR_SUCCESS);
        assert_int_equal(get(store, (int)i, &blob, *state), APR_SUCCESS);
        assert_int_equal(body_of(&blob, 'a'), sizes[i]);
        assert_true(cache_record_parse(&record, blob.data, blob.size, blob.trust));
        assert_int_equal(record.body_size, sizes[i]);
        assert_true((char *)blob.pieces[0].data > (char *)base &&
                    (char *)blob.pieces[0].data < (char *)base + SIZE);
        blob.release(blob.baton);
    }
    assert_int_equal(stripe()->pin_count, 0);
    assert_int_equal(stripe()->pinned_units, 0);
}

static void small_ones_and_what_is_no_record_are_copied(void **state)
{
    cache_store_t *store = make_store(*state);
    unsigned char *noise = calloc(1, 20000);
    cache_id_t id = id_of(2);
    cache_blob_t blob;

    put(store, 1, 'a', 1000);
    assert_int_equal(get(store, 1, &blob, *state), APR_SUCCESS);
    assert_null(blob.pieces);
    store->put(store, &id, noise, 20000, LONG);
    assert_int_equal(get(store, 2, &blob, *state), APR_SUCCESS);
    assert_null(blob.pieces);
    assert_int_equal(blob.size, 20000);
    free(noise);
}

static void a_reader_keeps_what_is_replaced_or_removed(void **state)
{
    cache_store_t *store = make_store(*state);
    cache_id_t id = id_of(1);
    apr_uint64_t before = bytes_in_use();
    cache_blob_t old, same, new;

    put(store, 1, 'a', 50000);
    get(store, 1, &old, *state);
    get(store, 1, &same, *state);
    assert_int_equal(put(store, 1, 'b', 50000), APR_SUCCESS);
    assert_int_equal(body_of(&old, 'a'), 50000);
    get(store, 1, &new, *state);
    assert_int_equal(body_of(&new, 'b'), 50000);
    assert_int_equal(store->remove(store, &id), APR_SUCCESS);
    for (int i = 0; i < 20; i++)
        put(store, 10 + i, 'x', 50000);
    assert_int_equal(body_of(&old, 'a'), 50000);
    assert_int_equal(body_of(&new, 'b'), 50000);
    for (int i = 0; i < 20; i++) {
        id = id_of(10 + i);
        store->remove(store, &id);
    }
    old.release(old.baton);
    assert_int_equal(body_of(&same, 'a'), 50000);
    new.release(new.baton);
    assert_true(bytes_in_use() > before);
    same.release(same.baton);
    assert_int_equal(bytes_in_use(), before);
    assert_int_equal(stripe()->pinned_units, 0);
}

static void eviction_passes_what_is_read(void **state)
{
    cache_store_t *store = make_store(*state);
    cache_blob_t blob;

    put(store, 1, 'a', 50000);
    get(store, 1, &blob, *state);
    for (int i = 0; i < 300; i++)
        assert_int_equal(put(store, 10 + i, 'x', 50000), APR_SUCCESS);
    assert_int_equal(body_of(&blob, 'a'), 50000);
    blob.release(blob.baton);
    assert_int_equal(get(store, 1, &blob, *state), APR_SUCCESS);
    blob.release(blob.baton);
}

static void what_is_held_stays_until_the_last_release(void **state)
{
    cache_store_t *store = make_store(*state);
    cache_blob_t blob;

    put(store, 1, 'a', 50000);
    get(store, 1, &blob, *state);
    blob.hold(blob.baton);
    blob.release(blob.baton);
    assert_int_equal(stripe()->pin_count, 1);
    blob.release(blob.baton);
    assert_int_equal(stripe()->pin_count, 0);
}

static void more_readers_than_pins_get_copies(void **state)
{
    cache_store_t *store = make_store(*state);
    cache_blob_t blobs[PINS + 1];

    put(store, 1, 'a', 50000);
    for (int i = 0; i <= PINS; i++)
        assert_int_equal(get(store, 1, &blobs[i], *state), APR_SUCCESS);
    assert_null(blobs[PINS].pieces);
    assert_int_equal(blobs[PINS].data[blobs[PINS].size - 1], 'a');
    for (int i = 0; i < PINS; i++)
        blobs[i].release(blobs[i].baton);
    assert_int_equal(stripe()->pin_count, 0);
}

/* Slow readers of everything leave half of the memory to others. */
static void at_most_half_is_read_in_place(void **state)
{
    cache_store_t *store = make_store(*state);
    apr_size_t in_place = 0;
    cache_blob_t blobs[30];

    for (int i = 0; i < 30; i++) {
        assert_int_equal(put(store, i, 'a', 200000), APR_SUCCESS);
        assert_int_equal(get(store, i, &blobs[i], *state), APR_SUCCESS);
        in_place += blobs[i].pieces ? 200000 : 0;
    }
    assert_true(in_place > SIZE / 4 && in_place <= SIZE / 2);
    assert_int_equal(put(store, 100, 'a', 400000), APR_SUCCESS);
    for (int i = 0; i < 30; i++) {
        if (blobs[i].release)
            blobs[i].release(blobs[i].baton);
    }
    assert_int_equal(stripe()->pinned_units, 0);
}

static void read_one(cache_store_t *store, apr_pool_t *pool)
{
    cache_blob_t blob;

    get(store, 1, &blob, pool);
}

static void half_a_change(cache_store_t *store, apr_pool_t *pool)
{
    read_one(store, pool);
    cache_stripe_lock(stripe());
    cache_stripe_begin_change(stripe());
}

static void readers_that_died_keep_nothing(void **state)
{
    cache_store_t *store = make_store(*state);
    cache_id_t id = id_of(1);
    apr_uint64_t before = bytes_in_use();

    put(store, 1, 'a', 50000);
    in_killed_process(read_one, store, *state);
    in_killed_process(read_one, store, *state);
    assert_int_equal(stripe()->pin_count, 2);
    store->remove(store, &id);
    assert_true(bytes_in_use() > before);
    cache_shm_open(base, *state);
    assert_int_equal(stripe()->pin_count, 0);
    assert_int_equal(bytes_in_use(), before);
}

static void read_all(cache_store_t *store, apr_pool_t *pool)
{
    for (int i = 0; i < PINS; i++)
        read_one(store, pool);
}

/* Without a new process too, as soon as the pins are wanted. */
static void their_pins_are_found_when_wanted(void **state)
{
    cache_store_t *store = make_store(*state);
    cache_blob_t blob;

    put(store, 1, 'a', 50000);
    in_killed_process(read_all, store, *state);
    assert_int_equal(stripe()->pin_count, PINS);
    get(store, 1, &blob, *state);
    assert_non_null(blob.pieces);
    blob.release(blob.baton);
    assert_int_equal(stripe()->pin_count, 0);
}

static void a_damaged_stripe_waits_for_its_readers(void **state)
{
    cache_store_t *store = make_store(*state);
    cache_blob_t blob, other;

    put(store, 1, 'a', 50000);
    get(store, 1, &blob, *state);
    in_killed_process(half_a_change, store, *state);
    assert_int_equal(get(store, 1, &other, *state), APR_EBUSY);
    assert_int_equal(put(store, 2, 'b', 50000), APR_EBUSY);
    assert_int_equal(body_of(&blob, 'a'), 50000);
    blob.release(blob.baton);
    assert_int_equal(get(store, 1, &other, *state), APR_NOTFOUND);
    assert_int_equal(put(store, 2, 'b', 50000), APR_SUCCESS);
    assert_int_equal(stripe()->pin_count, 0);
}

/* The reader is the first to see that the stripe is damaged. */
static void a_reader_that_leaves_finds_the_damage(void **state)
{
    cache_store_t *store = make_store(*state);
    cache_blob_t blob;

    put(store, 1, 'a', 50000);
    get(store, 1, &blob, *state);
    in_killed_process(half_a_change, store, *state);
    blob.release(blob.baton);
    assert_int_equal(get(store, 1, &blob, *state), APR_NOTFOUND);
    assert_int_equal(put(store, 1, 'b', 50000), APR_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(large_bodies_stay_where_they_are),
        POOL_TEST(small_ones_and_what_is_no_record_are_copied),
        POOL_TEST(a_reader_keeps_what_is_replaced_or_removed),
        POOL_TEST(eviction_passes_what_is_read),
        POOL_TEST(what_is_held_stays_until_the_last_release),
        POOL_TEST(more_readers_than_pins_get_copies),
        POOL_TEST(at_most_half_is_read_in_place),
        POOL_TEST(readers_that_died_keep_nothing),
        POOL_TEST(their_pins_are_found_when_wanted),
        POOL_TEST(a_damaged_stripe_waits_for_its_readers),
        POOL_TEST(a_reader_that_leaves_finds_the_damage),
    };

    return RUN_TESTS(tests);
}
