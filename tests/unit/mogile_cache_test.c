/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_testing.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "mogile_cache.h"
#include "robust.h"

#define NOW  apr_time_from_sec(1000)
#define SEC  apr_time_from_sec(1)
#define SIZE MOGILE_CACHE_SMALLEST

static mogile_cache_t *cache;

/* What the lock says in place of what it does; 0 and 0: it does it. */
static apr_status_t lock_fails;
static int owner_has_died;

apr_status_t __real_tier_robust_lock(pthread_mutex_t *, int *);
apr_status_t __wrap_tier_robust_lock(pthread_mutex_t *, int *);

apr_status_t __wrap_tier_robust_lock(pthread_mutex_t *mutex, int *owner_died)
{
    apr_status_t status = lock_fails ? lock_fails : __real_tier_robust_lock(mutex, owner_died);

    if (status == APR_SUCCESS && owner_has_died)
        *owner_died = 1;
    return status;
}

static int open_cache(void **state)
{
    void *base = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(base != MAP_FAILED);
    assert_int_equal(mogile_cache_format(base, SIZE), APR_SUCCESS);
    cache = mogile_cache_at(base);
    return make_pool(state);
}

static int close_cache(void **state)
{
    munmap(cache, SIZE);
    return destroy_pool(state);
}

#define test_cache(function) cmocka_unit_test_setup_teardown(function, open_cache, close_cache)

static mogile_file_t *file_of(apr_int64_t fid, int copies, apr_pool_t *pool)
{
    mogile_file_t *file = mogile_file_make(pool);

    for (int i = 1; i <= copies; i++)
        mogile_file_add(file,
                        apr_pstrcat(pool, "http://10.0.0.1:7500",
                                    mogile_file_path((apr_uint32_t)i, fid, pool), NULL),
                        pool);
    return file;
}

static void put(const char *key, apr_int64_t fid, apr_pool_t *pool)
{
    mogile_cache_put(cache, fid ? file_of(fid, 2, pool) : NULL, "web", key, SEC, 10 * SEC, NOW,
                     pool);
}

/* -1: not there, 0: no such key. */
static apr_int64_t fid_at(const char *key, apr_time_t now, int *is_fresh, apr_pool_t *pool)
{
    mogile_cached_t cached;

    if (mogile_cache_get(cache, &cached, "web", key, now, pool) != APR_SUCCESS)
        return -1;
    *is_fresh = cached.is_fresh;
    return cached.file ? cached.file->fid : 0;
}

static void what_was_put_is_found_until_its_time_is_over(void **state)
{
    int is_fresh = 0;

    put("a", 7, *state);
    put("none", 0, *state);
    assert_int_equal(fid_at("a", NOW, &is_fresh, *state), 7);
    assert_true(is_fresh);
    assert_int_equal(fid_at("none", NOW, &is_fresh, *state), 0);
    assert_int_equal(fid_at("a", NOW + SEC, &is_fresh, *state), 7);
    assert_false(is_fresh);
    assert_int_equal(fid_at("a", NOW + 11 * SEC, &is_fresh, *state), -1);
    assert_int_equal(fid_at("b", NOW, &is_fresh, *state), -1);
}

static void a_put_replaces_and_a_drop_removes(void **state)
{
    int is_fresh;

    put("a", 7, *state);
    put("a", 8, *state);
    assert_int_equal(fid_at("a", NOW, &is_fresh, *state), 8);
    mogile_cache_drop(cache, "web", "a", *state);
    assert_int_equal(fid_at("a", NOW, &is_fresh, *state), -1);
    mogile_cache_drop(cache, "web", "a", *state);
}

static void keys_are_told_apart_byte_by_byte(void **state)
{
    int is_fresh;

    put("key", 7, *state);
    assert_int_equal(fid_at("KEY", NOW, &is_fresh, *state), -1);
    assert_int_equal(fid_at("key ", NOW, &is_fresh, *state), -1);
    assert_int_equal(fid_at("ke", NOW, &is_fresh, *state), -1);
    put("KEY", 9, *state);
    assert_int_equal(fid_at("key", NOW, &is_fresh, *state), 7);
}

static void what_is_too_long_is_not_kept_nor_is_what_it_replaces(void **state)
{
    int is_fresh;

    put("a", 7, *state);
    mogile_cache_put(cache, file_of(8, 20, *state), "web", "a", SEC, 0, NOW, *state);
    assert_int_equal(fid_at("a", NOW, &is_fresh, *state), -1);
}

static void the_one_used_last_stays(void **state)
{
    int is_fresh, found = 0;

    put("hot", 7, *state);
    for (int i = 0; i < 5000; i++) {
        put(apr_psprintf(*state, "k%d", i), i + 1, *state);
        assert_int_equal(fid_at("hot", NOW, &is_fresh, *state), 7);
    }
    for (int i = 0; i < 5000; i++)
        found += fid_at(apr_psprintf(*state, "k%d", i), NOW, &is_fresh, *state) == i + 1;
    assert_in_range(found, 300, SIZE / MOGILE_CACHE_SLOT);
}

static void processes_see_each_others_entries(void **state)
{
    int is_fresh, status;
    pid_t child = fork();

    if (child == 0) {
        put("a", 7, *state);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(fid_at("a", NOW, &is_fresh, *state), 7);
}

/* Returns how many of the keys are there; each with its own file. */
static int count_right(int keys, apr_pool_t *pool)
{
    int is_fresh, found = 0;

    for (int i = 0; i < keys; i++) {
        apr_int64_t fid = fid_at(apr_psprintf(pool, "k%d", i), NOW, &is_fresh, pool);

        assert_true(fid == -1 || fid == i + 1);
        found += fid > 0;
    }
    return found;
}

/* It ends within a change: half of the segment cannot be written to by it. */
static void end_within_a_change(apr_pool_t *pool)
{
    signal(SIGSEGV, SIG_DFL);
    mprotect((char *)cache + SIZE / 2, SIZE / 2, PROT_READ);
    for (int i = 0; i < 1000; i++)
        put(apr_psprintf(pool, "k%d", i), 0, pool);
    _exit(0);
}

static void a_process_that_dies_within_a_change_leaves_no_half_of_it(void **state)
{
    enum { KEYS = 400 };
    int before, after, status;
    pid_t child;

    for (int i = 0; i < KEYS; i++)
        put(apr_psprintf(*state, "k%d", i), i + 1, *state);
    before = count_right(KEYS, *state);
    child = fork();
    if (child == 0)
        end_within_a_change(*state);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    for (int i = 0; i < KEYS; i++) { /* what it has changed wholly */
        int is_fresh;

        if (fid_at(apr_psprintf(*state, "k%d", i), NOW, &is_fresh, *state) == 0)
            mogile_cache_drop(cache, "web", apr_psprintf(*state, "k%d", i), *state);
    }
    after = count_right(KEYS, *state);
    assert_true(after < before);
    for (int i = 0; i < KEYS; i++)
        put(apr_psprintf(*state, "k%d", i), i + 1, *state);
    assert_int_equal(count_right(KEYS, *state), before);
}

/* One that died while it only read has changed nothing. */
static void a_process_that_dies_beside_a_change_costs_nothing(void **state)
{
    int is_fresh;

    put("a", 7, *state);
    owner_has_died = 1;
    assert_int_equal(fid_at("a", NOW, &is_fresh, *state), 7);
    put("b", 8, *state);
    owner_has_died = 0;
    assert_int_equal(fid_at("a", NOW, &is_fresh, *state), 7);
    assert_int_equal(fid_at("b", NOW, &is_fresh, *state), 8);
}

static void a_lock_beyond_repair_is_a_cache_without_entries(void **state)
{
    int is_fresh;

    put("a", 7, *state);
    lock_fails = ENOTRECOVERABLE;
    assert_int_equal(fid_at("a", NOW, &is_fresh, *state), -1);
    put("b", 8, *state);
    mogile_cache_drop(cache, "web", "a", *state);
    lock_fails = APR_SUCCESS;
    assert_int_equal(fid_at("a", NOW, &is_fresh, *state), 7);
    assert_int_equal(fid_at("b", NOW, &is_fresh, *state), -1);
}

/* Where the text of a record lies in the segment. */
static char *find_text(const char *text)
{
    char *found = memmem((char *)cache, SIZE, text, strlen(text));

    assert_non_null(found);
    return found;
}

/* Two keys of one hash, and a record that something has written over. */
static void a_record_that_is_not_the_keys_is_none(void **state)
{
    int is_fresh;

    put("one-key", 7, *state);
    memcpy(find_text("one-key"), "two-key", 7);
    assert_int_equal(fid_at("one-key", NOW, &is_fresh, *state), -1);
    assert_int_equal(fid_at("two-key", NOW, &is_fresh, *state), -1); /* it has another place */
    put("one-key", 8, *state);
    memcpy(find_text("one-key 8"), "one-keyX8", 9);
    assert_int_equal(fid_at("one-key", NOW, &is_fresh, *state), -1);
    put("third", 9, *state);
    memcpy(find_text("third 9"), "third x", 7);
    assert_int_equal(fid_at("third", NOW, &is_fresh, *state), -1);
    put("third", 9, *state);
    assert_int_equal(fid_at("third", NOW, &is_fresh, *state), 9);
}

/* The places of those whose time is over are taken before that of one that was used before them. */
static void what_is_over_makes_room_first(void **state)
{
    enum { GOOD = 40, OVER = 100, MORE = 150 };
    int is_fresh;

    for (int i = 0; i < GOOD; i++)
        put(apr_psprintf(*state, "good%d", i), i + 1, *state);
    for (int i = 0; i < OVER; i++)
        mogile_cache_put(cache, NULL, "web", apr_psprintf(*state, "over%d", i), SEC, 0, NOW - SEC,
                         *state);
    for (int i = 0; i < MORE; i++)
        put(apr_psprintf(*state, "more%d", i), i + 1, *state);
    for (int i = 0; i < OVER; i++)
        assert_int_equal(fid_at(apr_psprintf(*state, "over%d", i), NOW, &is_fresh, *state), -1);
    for (int i = 0; i < GOOD; i++)
        assert_int_equal(fid_at(apr_psprintf(*state, "good%d", i), NOW, &is_fresh, *state), i + 1);
}

static void another_size_is_another_layout(void **state)
{
    (void)state;
    assert_int_not_equal(mogile_cache_layout(SIZE), mogile_cache_layout(2 * SIZE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_cache(what_was_put_is_found_until_its_time_is_over),
        test_cache(a_put_replaces_and_a_drop_removes),
        test_cache(keys_are_told_apart_byte_by_byte),
        test_cache(what_is_too_long_is_not_kept_nor_is_what_it_replaces),
        test_cache(the_one_used_last_stays),
        test_cache(processes_see_each_others_entries),
        test_cache(a_process_that_dies_within_a_change_leaves_no_half_of_it),
        test_cache(a_process_that_dies_beside_a_change_costs_nothing),
        test_cache(a_lock_beyond_repair_is_a_cache_without_entries),
        test_cache(a_record_that_is_not_the_keys_is_none),
        test_cache(what_is_over_makes_room_first),
        test_cache(another_size_is_another_layout),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
