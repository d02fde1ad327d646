/* SPDX-License-Identifier: Apache-2.0 */
/* Reading records where they are in shared memory. */
#include "cache_testing.h"

#include "cache_pin.h"
#include "cache_stripe.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE    ((apr_size_t)4 * 1024 * 1024)
#define LARGEST ((apr_size_t)512 * 1024) /* one stripe */
#define LONG    SECONDS(1000)

static void *base;

static cache_store_t *make_store(apr_pool_t *pool)
{
    if (base)
        munmap(base, SIZE);
    base = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(base != MAP_FAILED);
    assert_int_equal(cache_shm_format(base, SIZE, LARGEST), APR_SUCCESS);
    return cache_shm_open(base, pool);
}

static stripe_t *stripe(void)
{
    return stripe_number(base, 0);
}

static cache_id_t id_of(int number)
{
    cache_id_t id;
    char text[20];

    snprintf(text, sizeof(text), "%d", number);
    cache_key_id(&id, text);
    return id;
}

/* Puts a record with a body of size bytes, all of them `letter`. */
static apr_status_t put(cache_store_t *store, int number, char letter, apr_size_t size)
{
    cache_record_t record = {CACHE_RECORD_RESPONSE, 200};
    cache_id_t id = id_of(number);
    unsigned char *data;
    apr_size_t head;
    apr_status_t rv;

    record.key = "key";
    record.status_line = "200 OK";
    record.life.stale_if_error = CACHE_DELTA_NONE;
    head = cache_record_head_size(&record, NULL);
    data = malloc(head + size);
    cache_record_write_head(data, &record, NULL);
    memset(data + head, letter, size);
    cache_record_seal(data, head + size, CACHE_RECORD_UNTRUSTED);
    rv = store->put(store, &id, data, head + size, LONG);
    free(data);
    return rv;
}

static apr_status_t get(cache_store_t *store, int number, cache_blob_t *blob, apr_pool_t *pool)
{
    cache_id_t id = id_of(number);

    return store->get_in_place(store, &id, blob, pool);
}

/* Returns how many bytes of body there are in place, all of them `letter`; -1: another one is. */
static apr_int64_t body_of(const cache_blob_t *blob, char letter)
{
    apr_int64_t size = 0;

    for (int i = 0; i < blob->piece_count; i++) {
        for (apr_size_t at = 0; at < blob->pieces[i].size; at++) {
            if (blob->pieces[i].data[at] != letter)
                return -1;
        }
        size += (apr_int64_t)blob->pieces[i].size;
    }
    return size;
}

static apr_uint64_t bytes_in_use(void)
{
    cache_shm_figures_t figures;

    cache_shm_read_figures(base, &figures);
    return figures.bytes;
}

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

/* Runs work in a process that is killed then. */
static void in_killed_process(void (*work)(cache_store_t *store, apr_pool_t *pool),
                              cache_store_t *store, apr_pool_t *pool)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        work(store, pool);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
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

/* Without a new process too, as soon as the pins are wanted. */
static void their_pins_are_found_when_wanted(void **state)
{
    cache_store_t *store = make_store(*state);
    cache_blob_t blob;

    put(store, 1, 'a', 50000);
    for (int i = 0; i < PINS; i++)
        in_killed_process(read_one, store, *state);
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
