/* SPDX-License-Identifier: Apache-2.0 */
/* Two levels: real shared memory in front of a store in a table that fails on demand. */
#include "cache_testing.h"

#include "cache_levels.h"
#include "cache_refresh.h"
#include "cache_shm_private.h"

#include "clock.h"

#include <apr_hash.h>
#include <apr_thread_cond.h>
#include <apr_thread_proc.h>

#include <unistd.h>

#define TTL apr_time_from_sec(1)

/* The program is linked with --wrap: time goes on by what a test adds. */
static apr_time_t later;

apr_time_t __real_tier_clock_now(void);
apr_time_t __wrap_tier_clock_now(void);
apr_time_t __wrap_tier_clock_now(void)
{
    return __real_tier_clock_now() + __atomic_load_n(&later, __ATOMIC_RELAXED);
}

/* While this is set, there are no threads. */
static int no_threads;

apr_status_t __real_apr_thread_create(apr_thread_t **thread, apr_threadattr_t *attributes,
                                      apr_thread_start_t run, void *baton, apr_pool_t *pool);
/* libaprutil is linked with it too. */
__attribute__((visibility("default"))) apr_status_t
__wrap_apr_thread_create(apr_thread_t **thread, apr_threadattr_t *attributes,
                         apr_thread_start_t run, void *baton, apr_pool_t *pool);
apr_status_t __wrap_apr_thread_create(apr_thread_t **thread, apr_threadattr_t *attributes,
                                      apr_thread_start_t run, void *baton, apr_pool_t *pool)
{
    return no_threads ? APR_EAGAIN : __real_apr_thread_create(thread, attributes, run, baton, pool);
}

/* While this is set, a second of waiting is a millisecond. */
static int no_waiting;

apr_status_t __real_apr_thread_cond_timedwait(apr_thread_cond_t *cond, apr_thread_mutex_t *mutex,
                                              apr_interval_time_t time);
__attribute__((visibility("default"))) apr_status_t
__wrap_apr_thread_cond_timedwait(apr_thread_cond_t *cond, apr_thread_mutex_t *mutex,
                                 apr_interval_time_t time);
apr_status_t __wrap_apr_thread_cond_timedwait(apr_thread_cond_t *cond, apr_thread_mutex_t *mutex,
                                              apr_interval_time_t time)
{
    if (!__atomic_load_n(&no_waiting, __ATOMIC_RELAXED))
        return __real_apr_thread_cond_timedwait(cond, mutex, time);
    return __real_apr_thread_cond_timedwait(cond, mutex, time / 1000);
}

typedef struct rig_t {
    cache_store_t remote;
    cache_store_t *local, *store;
    apr_hash_t *records;
    apr_pool_t *pool;
    apr_status_t get_status, put_status, remove_status;
    void (*meanwhile)(struct rig_t *rig); /* called once, in the middle of the next remote get */
    int gets, removes, held;
    int threaded; /* another thread may hold a blob at any moment */
    cache_counters_t counters;
    cache_id_t due[4];
    int dues;
} rig_t;

static rig_t *rig_of(cache_store_t *remote)
{
    return (rig_t *)remote;
}

static void release(void *baton)
{
    __atomic_fetch_sub(&((rig_t *)baton)->held, 1, __ATOMIC_RELAXED);
}

static apr_status_t table_get(cache_store_t *store, const cache_id_t *id, cache_blob_t *blob,
                              apr_pool_t *pool)
{
    rig_t *rig = rig_of(store);
    const cache_blob_t *found = apr_hash_get(rig->records, id, sizeof(*id));
    void (*meanwhile)(rig_t *) = rig->meanwhile;

    (void)pool;
    __atomic_fetch_add(&rig->gets, 1, __ATOMIC_RELAXED);
    rig->meanwhile = NULL;
    if (meanwhile)
        meanwhile(rig);
    if (rig->get_status != APR_SUCCESS)
        return rig->get_status;
    if (!found)
        return APR_NOTFOUND;
    *blob = *found;
    blob->release = release;
    blob->baton = rig;
    __atomic_fetch_add(&rig->held, 1, __ATOMIC_RELAXED);
    return APR_SUCCESS;
}

static apr_status_t table_put(cache_store_t *store, const cache_id_t *id, const unsigned char *data,
                              apr_size_t size, apr_interval_time_t keep)
{
    rig_t *rig = rig_of(store);
    cache_blob_t *blob = apr_pcalloc(rig->pool, sizeof(*blob));

    (void)keep;
    if (rig->put_status != APR_SUCCESS)
        return rig->put_status;
    blob->data = apr_pmemdup(rig->pool, data, size);
    blob->size = size;
    apr_hash_set(rig->records, apr_pmemdup(rig->pool, id, sizeof(*id)), sizeof(*id), blob);
    return APR_SUCCESS;
}

static apr_status_t table_remove(cache_store_t *store, const cache_id_t *id)
{
    rig_t *rig = rig_of(store);

    rig->removes++;
    if (rig->remove_status == APR_SUCCESS)
        apr_hash_set(rig->records, id, sizeof(*id), NULL);
    return rig->remove_status;
}

static void due(void *baton, const cache_id_t *id)
{
    rig_t *rig = baton;

    rig->due[rig->dues++ % 4] = *id;
}

static rig_t *make_rig(apr_pool_t *pool)
{
    rig_t *rig = apr_pcalloc(pool, sizeof(*rig));
    void *base = apr_pcalloc(pool, 4 * CACHE_SHM_SMALLEST);

    later = 0;
    rig->pool = pool;
    rig->records = apr_hash_make(pool);
    rig->remote.get = table_get;
    rig->remote.put = table_put;
    rig->remote.remove = table_remove;
    rig->remote.largest = 10000000;
    assert_int_equal(cache_shm_format(base, 4 * CACHE_SHM_SMALLEST, 100000), APR_SUCCESS);
    rig->local = cache_shm_open(base, pool);
    rig->store = cache_levels_open(rig->local, &rig->remote, TTL, &rig->counters, pool);
    cache_levels_on_due(rig->store, due, rig);
    return rig;
}

/* Returns a record, sealed; lifetime in seconds from now. */
static cache_blob_t record_of(rig_t *rig, const char *key, const char *body, int lifetime,
                              cache_record_kind_e kind)
{
    cache_record_t record = {kind, 200};
    cache_blob_t blob = {0};
    unsigned char *data;
    apr_size_t head;

    record.life.received = apr_time_now();
    record.life.lifetime = lifetime;
    record.life.stale_if_error = CACHE_DELTA_NONE;
    record.generation = (apr_uint64_t)apr_time_now();
    record.life.flags = CACHE_LIFE_VALIDATOR;
    record.key = key;
    record.status_line = "200 OK";
    head = cache_record_head_size(&record, NULL);
    data = apr_palloc(rig->pool, head + strlen(body));
    cache_record_write_head(data, &record, NULL);
    memcpy(data + head, body, strlen(body));
    blob.size = head + strlen(body);
    cache_record_seal(data, blob.size, CACHE_RECORD_UNTRUSTED);
    blob.data = data;
    return blob;
}

static apr_status_t put_kind(rig_t *rig, cache_store_t *store, const char *key, const char *body,
                             int lifetime, cache_record_kind_e kind)
{
    cache_blob_t blob = record_of(rig, key, body, lifetime, kind);
    cache_id_t id;

    cache_key_id(&id, key);
    return store->put(store, &id, blob.data, blob.size, apr_time_from_sec(100));
}

static apr_status_t put(rig_t *rig, cache_store_t *store, const char *body)
{
    return put_kind(rig, store, "key", body, 60, CACHE_RECORD_RESPONSE);
}

static apr_status_t remove_key(rig_t *rig)
{
    cache_id_t id;

    cache_key_id(&id, "key");
    return rig->store->remove(rig->store, &id);
}

/* Returns the body that is found, or what instead. */
static const char *look(rig_t *rig)
{
    cache_record_t record;
    cache_blob_t blob;
    cache_id_t id;
    const char *body;
    apr_status_t rv;

    cache_key_id(&id, "key");
    rv = rig->store->get(rig->store, &id, &blob, rig->pool);
    if (rv != APR_SUCCESS) {
        assert_null(blob.data);
        assert_int_equal(rig->held, 0);
        return rv == APR_NOTFOUND ? "(nothing)" : "(error)";
    }
    body = "(no record)";
    if (cache_record_parse(&record, blob.data, blob.size, blob.trust))
        body = apr_pstrmemdup(rig->pool, (const char *)record.body, record.body_size);
    if (blob.release)
        blob.release(blob.baton);
    if (!rig->threaded)
        assert_int_equal(rig->held, 0);
    return body;
}

static apr_uint64_t seen(const tier_counter_t *counter)
{
    return tier_counter_get(counter);
}

static void a_put_is_found_in_both(void **state)
{
    rig_t *rig = make_rig(*state);

    assert_string_equal(look(rig), "(nothing)");
    assert_int_equal(put(rig, rig->store, "body"), APR_SUCCESS);
    assert_int_equal(apr_hash_count(rig->records), 1);
    rig->gets = 0;
    assert_string_equal(look(rig), "body");
    assert_int_equal(rig->gets, 0);
    assert_int_equal(seen(&rig->counters.hits_local), 1);
}

static void what_another_box_has_put_is_fetched_once(void **state)
{
    rig_t *rig = make_rig(*state);

    put(rig, &rig->remote, "body");
    for (int i = 0; i < 3; i++)
        assert_string_equal(look(rig), "body");
    assert_int_equal(rig->gets, 1);
    assert_int_equal(seen(&rig->counters.hits_remote), 1);
    assert_int_equal(seen(&rig->counters.hits_local), 2);
}

static void a_change_elsewhere_is_seen_after_the_ttl(void **state)
{
    rig_t *rig = make_rig(*state);

    put(rig, rig->store, "old");
    put(rig, &rig->remote, "new");
    assert_string_equal(look(rig), "old");
    later = TTL;
    assert_string_equal(look(rig), "new");
    apr_hash_clear(rig->records);
    assert_string_equal(look(rig), "new");
    later = 2 * TTL + 1;
    assert_string_equal(look(rig), "(nothing)");
    rig->get_status = APR_EAGAIN;
    assert_string_equal(look(rig), "(error)"); /* it is not kept for worse times */
}

static void what_is_stale_by_itself_is_asked_for(void **state)
{
    rig_t *rig = make_rig(*state);

    put_kind(rig, rig->store, "key", "stale", 0, CACHE_RECORD_RESPONSE);
    put(rig, &rig->remote, "renewed");
    assert_string_equal(look(rig), "renewed");
}

static void a_list_of_variants_has_no_lifetime(void **state)
{
    rig_t *rig = make_rig(*state);

    put_kind(rig, &rig->remote, "key", "sets", 0, CACHE_RECORD_VARIANTS);
    assert_string_equal(look(rig), "sets");
    assert_string_equal(look(rig), "sets");
    assert_int_equal(rig->gets, 1);
    assert_int_equal(seen(&rig->counters.hits_local), 0);
    assert_ptr_equal(rig->store->truth, &rig->remote);
}

static void a_copy_is_due_once_in_the_second_half(void **state)
{
    rig_t *rig = make_rig(*state);
    cache_id_t id;

    put(rig, rig->store, "old");
    later = TTL / 3;
    assert_string_equal(look(rig), "old");
    assert_int_equal(rig->dues, 0);
    later = TTL / 3 * 2;
    for (int i = 0; i < 3; i++)
        assert_string_equal(look(rig), "old");
    assert_int_equal(rig->dues, 1);
    cache_key_id(&id, "key");
    assert_memory_equal(&rig->due[0], &id, sizeof(id));
    put(rig, &rig->remote, "new");
    assert_int_equal(cache_levels_refresh(rig->store, &id, rig->pool), APR_SUCCESS);
    assert_int_equal(rig->held, 0);
    rig->gets = 0;
    assert_string_equal(look(rig), "new");
    assert_int_equal(rig->gets, 0);
    later += TTL / 3 * 2;
    look(rig);
    assert_int_equal(rig->dues, 2);
}

static void copies_answer_while_memcached_does_not(void **state)
{
    rig_t *rig = make_rig(*state);

    put(rig, rig->store, "body");
    rig->get_status = APR_EAGAIN;
    later = 50 * TTL;
    assert_string_equal(look(rig), "body");
    assert_int_equal(seen(&rig->counters.hits_local_only), 1);
    later = 101 * TTL; /* as long as it was to be kept */
    assert_string_equal(look(rig), "(error)");
}

static void what_cannot_reach_memcached_is_kept_locally(void **state)
{
    rig_t *rig = make_rig(*state);

    rig->put_status = rig->get_status = APR_TIMEUP;
    assert_int_equal(put(rig, rig->store, "body"), APR_SUCCESS);
    later = 2 * TTL;
    assert_string_equal(look(rig), "body");
}

static void what_memcached_cannot_hold_is_not_kept(void **state)
{
    rig_t *rig = make_rig(*state);

    put(rig, rig->store, "old");
    rig->put_status = APR_ENOSPC;
    assert_int_equal(put(rig, rig->store, "new"), APR_ENOSPC);
    apr_hash_clear(rig->records);
    assert_string_equal(look(rig), "(nothing)");
}

/* The copy of before must not stay in the place of what was too large for a copy. */
static void what_is_too_large_for_a_copy_is_in_memcached_only(void **state)
{
    rig_t *rig = make_rig(*state);
    char *large = apr_pcalloc(*state, rig->local->largest + 1);

    memset(large, 'x', rig->local->largest);
    put(rig, rig->store, "old");
    assert_int_equal(put(rig, rig->store, large), APR_SUCCESS);
    assert_string_equal(look(rig), large);
    assert_string_equal(look(rig), large);
    assert_int_equal(rig->gets, 2);
    rig->put_status = APR_TIMEUP;
    assert_int_equal(put(rig, rig->store, large), APR_TIMEUP);
}

static void removing_removes_from_both(void **state)
{
    rig_t *rig = make_rig(*state);

    put(rig, rig->store, "body");
    assert_int_equal(remove_key(rig), APR_SUCCESS);
    assert_int_equal(apr_hash_count(rig->records), 0);
    assert_string_equal(look(rig), "(nothing)");
}

static void a_removal_that_memcached_did_not_hear_is_made_up_for(void **state)
{
    rig_t *rig = make_rig(*state);

    put(rig, rig->store, "body");
    rig->remove_status = APR_TIMEUP;
    assert_int_equal(remove_key(rig), APR_INCOMPLETE);
    assert_string_equal(look(rig), "(nothing)"); /* it is tried again at once, in vain */
    rig->remove_status = APR_SUCCESS;
    assert_string_equal(look(rig), "(nothing)");
    assert_int_equal(rig->removes, 3);
    assert_int_equal(apr_hash_count(rig->records), 0);
    usleep(1000);
    put(rig, &rig->remote, "newer");
    assert_string_equal(look(rig), "newer");
    assert_int_equal(rig->removes, 3);
}

static void remove_meanwhile(rig_t *rig)
{
    remove_key(rig);
}

static void put_meanwhile(rig_t *rig)
{
    put(rig, rig->store, "new");
}

/* The look-up has the old record in its hands when it goes. */
static void a_look_up_under_way_does_not_bring_the_old_back(void **state)
{
    rig_t *rig = make_rig(*state);

    put(rig, &rig->remote, "old");
    rig->meanwhile = remove_meanwhile;
    assert_string_equal(look(rig), "old");
    assert_string_equal(look(rig), "(nothing)");

    put(rig, &rig->remote, "old");
    rig->meanwhile = put_meanwhile;
    assert_string_equal(look(rig), "old");
    assert_string_equal(look(rig), "new");
}

static void what_is_no_record_of_the_key_is_not_kept(void **state)
{
    rig_t *rig = make_rig(*state);
    cache_blob_t other = record_of(rig, "other", "body", 60, CACHE_RECORD_RESPONSE);
    cache_id_t id;

    cache_key_id(&id, "key");
    rig->remote.put(&rig->remote, &id, other.data, other.size, 1);
    look(rig);
    look(rig);
    assert_int_equal(rig->gets, 2);
    rig->remote.put(&rig->remote, &id, other.data, other.size - 1, 1);
    assert_string_equal(look(rig), "(no record)");
    rig->get_status = APR_EAGAIN;
    assert_string_equal(look(rig), "(error)");
}

static void the_thread_looks_up_what_is_due(void **state)
{
    rig_t *rig = make_rig(*state);
    apr_pool_t *child;

    apr_pool_create(&child, *state);
    put(rig, rig->store, "old");
    put(rig, &rig->remote, "new");
    rig->threaded = 1;
    assert_int_equal(cache_refresh_start(rig->store, NULL, child), APR_SUCCESS);
    later = TTL / 3 * 2;
    assert_string_equal(look(rig), "old");
    for (int i = 0; i < 2000 && __atomic_load_n(&rig->gets, __ATOMIC_RELAXED) == 0; i++)
        usleep(1000);
    apr_pool_destroy(child);
    rig->threaded = 0;
    assert_int_equal(rig->held, 0);
    assert_int_equal(rig->gets, 1);
    assert_string_equal(look(rig), "new");
    assert_int_equal(rig->gets, 1);
}

static void count_idle(void *baton, apr_pool_t *pool)
{
    assert_non_null(apr_palloc(pool, 100));
    __atomic_fetch_add((int *)baton, 1, __ATOMIC_RELAXED);
}

static void an_idle_thread_has_something_else_to_do(void **state)
{
    rig_t *rig = make_rig(*state);
    int runs = 0;
    const cache_refresh_idle_t idle = {count_idle, &runs};
    apr_pool_t *child;

    apr_pool_create(&child, *state);
    no_waiting = 1;
    assert_int_equal(cache_refresh_start(rig->store, &idle, child), APR_SUCCESS);
    for (int i = 0; i < 20000 && __atomic_load_n(&runs, __ATOMIC_RELAXED) < 3; i++)
        usleep(1000);
    apr_pool_destroy(child);
    __atomic_store_n(&no_waiting, 0, __ATOMIC_RELAXED);
    assert_true(runs >= 3); /* again and again */
}

/* Requests look copies up themselves then. */
static void without_a_thread_nothing_is_due(void **state)
{
    rig_t *rig = make_rig(*state);

    no_threads = 1;
    assert_int_equal(cache_refresh_start(rig->store, NULL, *state), APR_EAGAIN);
    no_threads = 0;
    put(rig, rig->store, "old");
    later = TTL / 3 * 2;
    look(rig);
    assert_int_equal(rig->dues, 1); /* still the test's own */
}

/* Looks in place; returns how many bytes of body are in pieces, or -1 when there are none. */
static apr_int64_t look_in_place(rig_t *rig)
{
    apr_int64_t size = 0;
    cache_blob_t blob;
    cache_id_t id;

    cache_key_id(&id, "key");
    assert_int_equal(rig->store->get_in_place(rig->store, &id, &blob, rig->pool), APR_SUCCESS);
    assert_int_equal(blob.trust, CACHE_RECORD_TRUSTED);
    for (int i = 0; i < blob.piece_count; i++)
        size += (apr_int64_t)blob.pieces[i].size;
    if (!blob.pieces)
        size = -1;
    if (blob.release)
        blob.release(blob.baton);
    return size;
}

/* A copy that is looked at and not used is not held either. */
static void large_copies_are_read_in_place(void **state)
{
    rig_t *rig = make_rig(*state);
    cache_shm_figures_t figures;
    char body[20001];

    memset(body, 'a', sizeof(body));
    body[20000] = '\0';
    put(rig, rig->store, body);
    assert_int_equal(look_in_place(rig), 20000);
    assert_int_equal(rig->gets, 0);
    later = 2 * TTL;
    rig->get_status = APR_TIMEUP;
    assert_int_equal(look_in_place(rig), 20000);
    rig->get_status = APR_SUCCESS;
    put_kind(rig, rig->store, "key", body, 0, CACHE_RECORD_RESPONSE);
    assert_int_equal(look_in_place(rig), -1);
    assert_int_equal(rig->held, 0);
    remove_key(rig);
    cache_shm_read_figures(((shm_store_t *)rig->local)->segment, &figures);
    assert_int_equal(figures.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(a_put_is_found_in_both),
        POOL_TEST(what_another_box_has_put_is_fetched_once),
        POOL_TEST(a_change_elsewhere_is_seen_after_the_ttl),
        POOL_TEST(what_is_stale_by_itself_is_asked_for),
        POOL_TEST(a_list_of_variants_has_no_lifetime),
        POOL_TEST(a_copy_is_due_once_in_the_second_half),
        POOL_TEST(copies_answer_while_memcached_does_not),
        POOL_TEST(what_cannot_reach_memcached_is_kept_locally),
        POOL_TEST(what_memcached_cannot_hold_is_not_kept),
        POOL_TEST(what_is_too_large_for_a_copy_is_in_memcached_only),
        POOL_TEST(removing_removes_from_both),
        POOL_TEST(a_removal_that_memcached_did_not_hear_is_made_up_for),
        POOL_TEST(a_look_up_under_way_does_not_bring_the_old_back),
        POOL_TEST(what_is_no_record_of_the_key_is_not_kept),
        POOL_TEST(the_thread_looks_up_what_is_due),
        POOL_TEST(an_idle_thread_has_something_else_to_do),
        POOL_TEST(without_a_thread_nothing_is_due),
        POOL_TEST(large_copies_are_read_in_place),
    };

    return RUN_TESTS(tests);
}
