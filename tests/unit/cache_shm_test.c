/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_shm.h"
#include "cache_shm_private.h"
#include "clock.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LARGEST ((apr_size_t)64 * 1024)
#define LONG    SECONDS(1000)

static void *base;
static apr_size_t base_size;

/* A fresh store of size bytes in memory that forked processes share. */
static cache_store_t *make_store(apr_pool_t *pool, apr_size_t size)
{
    if (base)
        munmap(base, base_size);
    base_size = size;
    base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(base != MAP_FAILED);
    assert_int_equal(cache_shm_format(base, size, LARGEST, -1), APR_SUCCESS);
    return cache_shm_open(base, pool);
}

static cache_id_t id_of(int number)
{
    cache_id_t id;
    char text[20];

    snprintf(text, sizeof(text), "%d", number);
    cache_key_id(&id, text);
    return id;
}

/* What record number is made of: its size and bytes follow from the number. */
static apr_size_t fill(unsigned char *data, int number, apr_size_t size)
{
    for (apr_size_t i = 0; i < size; i++)
        data[i] = (unsigned char)(i * 13 + (apr_size_t)number);
    return size;
}

static apr_status_t put(cache_store_t *store, int number, apr_size_t size)
{
    unsigned char *data = malloc(size + 1);
    cache_id_t id = id_of(number);
    apr_status_t rv;

    fill(data, number, size);
    rv = store->put(store, &id, data, size, LONG);
    free(data);
    return rv;
}

/* Returns 1 when the record is there and whole, 0 when it is not there; fails on wrong bytes. */
static int has(cache_store_t *store, int number, apr_pool_t *pool)
{
    cache_id_t id = id_of(number);
    cache_blob_t blob;

    if (store->get(store, &id, &blob, pool) != APR_SUCCESS)
        return 0;
    for (apr_size_t i = 0; i < blob.size; i++)
        assert_int_equal(blob.data[i], (unsigned char)(i * 13 + (apr_size_t)number));
    return 1;
}

static void records_of_all_sizes_come_back(void **state)
{
    static const apr_size_t sizes[] = {0, 1, 512, 513, 5000, LARGEST};
    cache_store_t *store = make_store(*state, 2 * CACHE_SHM_SMALLEST);

    for (size_t i = 0; i < COUNT(sizes); i++) {
        cache_id_t id = id_of((int)i);
        cache_blob_t blob;
        assert_int_equal(put(store, (int)i, sizes[i]), APR_SUCCESS);
        assert_int_equal(store->get(store, &id, &blob, *state), APR_SUCCESS);
        assert_int_equal(blob.size, sizes[i]);
        assert_true(has(store, (int)i, *state));
    }
    assert_false(has(store, 100, *state));
}

static void a_later_record_replaces_and_remove_removes(void **state)
{
    cache_store_t *store = make_store(*state, CACHE_SHM_SMALLEST);
    cache_shm_figures_t figures;
    cache_id_t id = id_of(1);

    for (int i = 0; i < 100; i++)
        put(store, 1, (apr_size_t)(i * 100));
    cache_shm_read_figures(base, &figures);
    assert_int_equal(figures.entries, 1);
    assert_int_equal(figures.bytes, (9900 + 511) / 512 * 512);
    assert_int_equal(store->remove(store, &id), APR_SUCCESS);
    assert_int_equal(store->remove(store, &id), APR_SUCCESS);
    assert_false(has(store, 1, *state));
    cache_shm_read_figures(base, &figures);
    assert_int_equal(figures.entries, 0);
    assert_int_equal(figures.bytes, 0);
}

/* Adds how many entries are compared when each of a stripe's is looked up; *longest: for one. */
static apr_uint64_t compared(stripe_t *stripe, apr_uint32_t *longest)
{
    apr_uint64_t sum = 0;

    for (apr_uint32_t slot = 0; slot < stripe->entry_count; slot++) {
        apr_uint32_t steps = 0;

        for (apr_uint32_t at = slots_of(stripe)[slot]; at != NONE;
             at = entries_of(stripe)[at].in_slot)
            sum += ++steps;
        *longest = steps > *longest ? steps : *longest;
    }
    return sum;
}

/* There are as many hash slots as entries can be: no number of keys makes look-ups slower. */
static void a_look_up_costs_the_same_however_much_is_stored(void **state)
{
    static const int counts[] = {1000, 100000};
    cache_store_t *store = make_store(*state, (apr_size_t)72 << 20);
    const segment_t *segment = base;
    cache_shm_figures_t figures;
    int stored = 0;

    for (size_t i = 0; i < COUNT(counts); i++) {
        apr_uint32_t longest = 0;
        apr_uint64_t sum = 0;

        while (stored < counts[i])
            assert_int_equal(put(store, stored++, 1), APR_SUCCESS);
        for (apr_uint32_t n = 0; n < segment->stripes; n++)
            sum += compared(stripe_number(segment, n), &longest);
        assert_true(sum <= (apr_uint64_t)counts[i] * 8 / 5);
        assert_true(longest <= 14);
    }
    cache_shm_read_figures(base, &figures);
    assert_int_equal(figures.entries, 100000);
    assert_int_equal(figures.evicted, 0);
}

static void what_is_too_large_is_refused(void **state)
{
    cache_store_t *store = make_store(*state, CACHE_SHM_SMALLEST);

    assert_int_equal(put(store, 1, store->largest), APR_SUCCESS);
    assert_int_equal(put(store, 2, store->largest + 1), APR_ENOSPC);
    assert_true(has(store, 1, *state));
}

static void what_has_expired_is_not_found(void **state)
{
    cache_store_t *store = make_store(*state, CACHE_SHM_SMALLEST);
    cache_id_t id = id_of(1);
    cache_blob_t blob;

    assert_int_equal(store->put(store, &id, (const unsigned char *)"x", 1, 20000), APR_SUCCESS);
    assert_int_equal(store->get(store, &id, &blob, *state), APR_SUCCESS);
    usleep(30000);
    assert_int_equal(store->get(store, &id, &blob, *state), APR_NOTFOUND);
}

static void memory_is_bounded_and_the_newest_stays(void **state)
{
    cache_store_t *store = make_store(*state, CACHE_SHM_SMALLEST);
    cache_shm_figures_t figures;
    int found = 0;

    for (int i = 0; i < 5000; i++)
        assert_int_equal(put(store, i, (apr_size_t)(i * 37 % 3000)), APR_SUCCESS);
    cache_shm_read_figures(base, &figures);
    assert_true(figures.evicted > 4000);
    assert_true(figures.bytes <= figures.capacity && figures.capacity <= CACHE_SHM_SMALLEST);
    assert_true(has(store, 4999, *state));
    for (int i = 0; i < 5000; i++)
        found += has(store, i, *state);
    assert_int_equal(found, (int)figures.entries);
}

/* SIEVE: what was asked for again survives a scan of objects that are asked for once. */
static void a_scan_does_not_push_out_what_is_used(void **state)
{
    cache_store_t *store = make_store(*state, CACHE_SHM_SMALLEST);
    apr_pool_t *pool;
    int survivors = 0;

    apr_pool_create(&pool, *state);
    for (int i = 0; i < 50; i++)
        put(store, i, 1000);
    for (int i = 100; i < 5000; i++) {
        put(store, i, 1000);
        if (i % 10 == 0)
            has(store, i / 10 % 50, pool);
        apr_pool_clear(pool);
    }
    for (int i = 0; i < 50; i++)
        survivors += has(store, i, *state);
    assert_true(survivors >= 45);
}

typedef struct worker_t {
    cache_store_t *store;
    unsigned seed;
    int rounds;
} worker_t;

static void work(worker_t *worker, apr_pool_t *parent)
{
    apr_pool_t *pool;

    apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    (void)parent;
    for (int i = 0; i < worker->rounds; i++) {
        int number;
        worker->seed = worker->seed * 1103515245 + 12345;
        number = (int)(worker->seed >> 16) % 200;
        if (worker->seed % 3 == 0) {
            put(worker->store, number, (apr_size_t)(number * 251));
        } else {
            has(worker->store, number, pool);
        }
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
}

static void *run(void *data)
{
    work(data, NULL);
    return NULL;
}

static void many_threads_see_whole_records(void **state)
{
    cache_store_t *store = make_store(*state, CACHE_SHM_SMALLEST);
    worker_t worker[4];
    pthread_t thread[4];

    for (unsigned i = 0; i < 4; i++) {
        worker[i] = (worker_t){store, i + 1, 5000};
        assert_int_equal(pthread_create(&thread[i], NULL, run, &worker[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
}

/*
 * Processes that store and read are killed at any moment; nobody is left waiting, no record is
 * wrong.
 */
static void killed_processes_wedge_and_corrupt_nothing(void **state)
{
    cache_store_t *store = make_store(*state, CACHE_SHM_SMALLEST);
    worker_t survivor = {store, 77, 3000};

    for (unsigned round = 0; round < 60; round++) {
        pid_t pid = fork();
        if (pid == 0) {
            worker_t worker = {store, round, 1 << 30};
            work(&worker, NULL);
            _exit(0);
        }
        usleep(2000 + round * 97);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        put(store, (int)round, 20000);
        assert_true(has(store, (int)round, *state));
    }
    work(&survivor, NULL);
}

/* Dies while it holds the lock of its stripe, in the middle of a change. */
static void die_while_changing(cache_store_t *store, int number)
{
    pid_t pid = fork();
    cache_id_t id = id_of(number);

    if (pid == 0) {
        /* Reading a record from no memory at all kills this process inside the copy. */
        signal(SIGSEGV, SIG_DFL);
        store->put(store, &id, (const unsigned char *)8, 20000, LONG);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

static void a_death_in_the_middle_of_a_change_empties_the_stripe(void **state)
{
    cache_store_t *store = make_store(*state, CACHE_SHM_SMALLEST);
    cache_shm_figures_t figures;

    put(store, 1, 3000);
    die_while_changing(store, 1);
    assert_false(has(store, 1, *state));
    cache_shm_read_figures(base, &figures);
    assert_int_equal(figures.resets, 1);
    assert_int_equal(figures.entries, 0);
    assert_int_equal(put(store, 1, 3000), APR_SUCCESS);
    assert_true(has(store, 1, *state));
}

static void what_changed_since_it_was_read_is_not_written_back(void **state)
{
    cache_store_t *store = make_store(*state, CACHE_SHM_SMALLEST);
    cache_id_t id = id_of(1);
    apr_uint64_t changes;

    put(store, 1, 100);
    changes = store->changes(store, &id);
    assert_int_equal(
        store->put_unless(store, &id, (const unsigned char *)"new", 3, SECONDS(9), changes),
        APR_SUCCESS);
    assert_int_equal(
        store->put_unless(store, &id, (const unsigned char *)"new", 3, SECONDS(9), changes),
        APR_EBUSY);
    changes = store->changes(store, &id);
    store->remove(store, &id);
    assert_int_equal(
        store->put_unless(store, &id, (const unsigned char *)"new", 3, SECONDS(9), changes),
        APR_EBUSY);
    assert_false(has(store, 1, *state));
}

static void layouts_differ_where_the_cutting_does(void **state)
{
    (void)state;
    assert_int_equal(cache_shm_layout(CACHE_SHM_SMALLEST, 0) & 0xff, 1);
    assert_int_equal(cache_shm_layout((apr_size_t)1 << 30, 1000) & 0xff, 16);
    assert_int_equal(cache_shm_layout((apr_size_t)64 << 20, (apr_size_t)1 << 20) & 0xff, 8);
    assert_int_equal(cache_shm_layout((apr_size_t)64 << 20, (apr_size_t)64 << 20) & 0xff, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(records_of_all_sizes_come_back),
        POOL_TEST(a_later_record_replaces_and_remove_removes),
        POOL_TEST(what_is_too_large_is_refused),
        POOL_TEST(a_look_up_costs_the_same_however_much_is_stored),
        POOL_TEST(what_has_expired_is_not_found),
        POOL_TEST(memory_is_bounded_and_the_newest_stays),
        POOL_TEST(a_scan_does_not_push_out_what_is_used),
        POOL_TEST(many_threads_see_whole_records),
        POOL_TEST(killed_processes_wedge_and_corrupt_nothing),
        POOL_TEST(a_death_in_the_middle_of_a_change_empties_the_stripe),
        POOL_TEST(what_changed_since_it_was_read_is_not_written_back),
        POOL_TEST(layouts_differ_where_the_cutting_does),
    };

    return RUN_TESTS(tests);
}
