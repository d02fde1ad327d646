/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_purge.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static cache_tag_t number(int n)
{
    char name[16];

    snprintf(name, sizeof(name), "%d", n);
    return cache_tags_named("s", cache_text_span(name));
}

static char *text_of(int first, int count, apr_pool_t *pool)
{
    apr_array_header_t *tags = apr_array_make(pool, 4, sizeof(cache_tag_t));

    for (int i = 0; i < count; i++)
        APR_ARRAY_PUSH(tags, cache_tag_t) = number(first + i);
    return cache_tags_text(tags, pool);
}

static void only_what_was_there_before_is_purged(void **state)
{
    cache_purge_t *purge = apr_pcalloc(*state, sizeof(*purge));
    const char *tags = text_of(1, 3, *state);
    apr_time_t at;

    assert_int_equal(cache_purge_judge(purge, tags, 1000, &at), 0);
    cache_purge_mark(purge, number(2), 0, 1000);
    assert_int_equal(cache_purge_judge(purge, tags, 999, &at), 1);
    assert_int_equal(cache_purge_judge(purge, tags, 1000, &at), 1);
    assert_int_equal(cache_purge_judge(purge, tags, 1001, &at), 0);
    assert_int_equal(cache_purge_judge(purge, text_of(3, 3, *state), 1, &at), 0);
    cache_purge_mark(purge, number(2), 0, 500); /* one that comes late takes nothing back */
    assert_int_equal(cache_purge_judge(purge, tags, 1000, &at), 1);
}

static void soft_purges_tell_since_when(void **state)
{
    cache_purge_t *purge = apr_pcalloc(*state, sizeof(*purge));
    const char *tags = text_of(1, 3, *state);
    apr_time_t at;

    cache_purge_mark(purge, number(3), 1, 2000);
    cache_purge_mark(purge, number(1), 1, 1000);
    assert_int_equal(cache_purge_judge(purge, tags, 500, &at), -1);
    assert_int_equal(at, 1000);
    assert_int_equal(cache_purge_judge(purge, tags, 1500, &at), -1);
    assert_int_equal(at, 2000);
    cache_purge_mark(purge, number(2), 0, 1200);
    assert_int_equal(cache_purge_judge(purge, tags, 500, &at), 1);
    assert_int_equal(cache_purge_judge(purge, tags, 1500, &at), -1);
}

static void what_has_no_tags_is_gone(void **state)
{
    cache_purge_t *purge = apr_pcalloc(*state, sizeof(*purge));
    apr_time_t at;

    assert_int_equal(cache_purge_judge(purge, "", 1, &at), 1);
}

static void what_is_on_its_way_is_overtaken(void **state)
{
    cache_purge_t *purge = apr_pcalloc(*state, sizeof(*purge));
    const char *tags = text_of(1, 2, *state);

    assert_false(cache_purge_is_newer(purge, tags, number(9), 1));
    cache_purge_mark(purge, number(9), 0, 10);
    assert_true(cache_purge_is_newer(purge, tags, number(9), 10));
    assert_false(cache_purge_is_newer(purge, tags, number(9), 11));
    cache_purge_mark(purge, number(9), 1, 20);
    assert_true(cache_purge_is_newer(purge, tags, number(9), 20));
    cache_purge_mark(purge, number(2), 1, 30);
    assert_true(cache_purge_is_newer(purge, tags, number(9), 25));
}

/* 100,000 purges: each is known, and what was stored after them is not touched. */
static void no_purge_is_forgotten(void **state)
{
    cache_purge_t *purge = apr_pcalloc(*state, sizeof(*purge));
    apr_pool_t *pool;
    apr_time_t at;

    apr_pool_create(&pool, *state);
    for (int i = 0; i < 100000; i++)
        cache_purge_mark(purge, number(i), 0, i + 1);
    for (int i = 0; i < 100000; i++) {
        const char *tags = text_of(i, 1, pool);
        assert_int_equal(cache_purge_judge(purge, tags, i + 1, &at), 1);
        assert_int_equal(cache_purge_judge(purge, tags, 100001, &at), 0);
        if (i % 1000 == 0)
            apr_pool_clear(pool);
    }
}

/* What there are of tags and keys does not count: a purge changes the same three numbers. */
static void a_purge_costs_the_same_however_many_there_were(void **state)
{
    cache_purge_t *purge = apr_pcalloc(*state, sizeof(*purge));
    const apr_int64_t *now = (const apr_int64_t *)(const void *)purge;
    apr_int64_t *before = apr_palloc(*state, sizeof(*purge));
    const char *tags = text_of(7, 1, *state);
    int changed = 0;
    apr_time_t at;

    for (apr_uint64_t i = 1; i <= 1000000; i++)
        cache_purge_mark(purge, i * APR_UINT64_C(0x9e3779b97f4a7c15), 0, 10);
    memcpy(before, purge, sizeof(*purge));
    assert_int_equal(cache_purge_judge(purge, tags, 20, &at), 0);
    cache_purge_mark(purge, number(7), 0, 30);
    for (size_t i = 0; i < sizeof(*purge) / sizeof(*now); i++)
        changed += now[i] != before[i];
    assert_int_equal(changed, 3);
    assert_int_equal(cache_purge_judge(purge, tags, 20, &at), 1);
    assert_int_equal(cache_purge_judge(purge, text_of(8, 1, *state), 20, &at), 0);
}

/* Of 1000 tags purged, few others are: the share that README.md tells of. */
static void few_others_are_purged_with_it(void **state)
{
    cache_purge_t *purge = apr_pcalloc(*state, sizeof(*purge));
    apr_time_t at;
    int hit = 0;

    for (int i = 0; i < 1000; i++)
        cache_purge_mark(purge, number(i), 0, 100);
    for (int i = 0; i < 10000; i++)
        hit += cache_purge_judge(purge, text_of(1000000 + i, 1, *state), 50, &at);
    assert_true(hit < 50);
}

static void epochs_are_kept(void **state)
{
    cache_purge_t *purge = apr_pcalloc(*state, sizeof(*purge));
    cache_epoch_t epoch = {5, 6};
    cache_epoch_t found;

    assert_int_equal(cache_purge_epoch(purge, number(1), &found), 0);
    cache_purge_keep_epoch(purge, number(1), &epoch, 100);
    assert_int_equal(cache_purge_epoch(purge, number(1), &found), 100);
    assert_true(found.number == 5 && found.purged == 6);
    epoch.number = 7;
    cache_purge_keep_epoch(purge, number(1), &epoch, 200);
    assert_int_equal(cache_purge_epoch(purge, number(1), &found), 200);
    assert_true(found.number == 7);
    assert_int_equal(cache_purge_epoch(purge, number(2), &found), 0);
}

/* What is seen again and again stays; the newest of the others is there. */
static void the_epoch_seen_longest_ago_leaves(void **state)
{
    cache_purge_t *purge = apr_pcalloc(*state, sizeof(*purge));
    cache_epoch_t epoch = {1, 0};
    cache_epoch_t found;

    for (int i = 1; i < 50000; i++) {
        cache_purge_keep_epoch(purge, number(0), &epoch, 2 * i);
        cache_purge_keep_epoch(purge, number(i), &epoch, 2 * i + 1);
        assert_int_equal(cache_purge_epoch(purge, number(0), &found), 2 * i);
        assert_int_equal(cache_purge_epoch(purge, number(i), &found), 2 * i + 1);
    }
}

/* A writer that dies leaves no epoch, and the place can be used again. */
static void half_an_epoch_is_none(void **state)
{
    cache_purge_t *purge = apr_pcalloc(*state, sizeof(*purge));
    cache_epoch_t epoch = {5, 6};
    cache_epoch_t found;

    cache_purge_keep_epoch(purge, number(1), &epoch, 100);
    for (size_t i = 0; i < CACHE_PURGE_EPOCHS; i++)
        purge->epochs[i].number += purge->epochs[i].seen ? 1 : 0;
    assert_int_equal(cache_purge_epoch(purge, number(1), &found), 0);
    cache_purge_keep_epoch(purge, number(1), &epoch, 300);
    assert_int_equal(cache_purge_epoch(purge, number(1), &found), 300);
}

static int owed_in_all(const cache_purge_t *purge, cache_owed_e kind)
{
    cache_purge_owed_t owed;
    int count = 0;

    for (int i = 0; i < CACHE_PURGE_OWED; i++)
        count += cache_purge_owed(purge, i, &owed) == kind;
    return count;
}

static void what_is_owed_is_kept_until_it_is_settled(void **state)
{
    cache_purge_t *purge = apr_pcalloc(*state, sizeof(*purge));
    cache_purge_owed_t owed;

    assert_int_equal(cache_purge_owe(purge, number(1), 0, 10), APR_SUCCESS);
    assert_int_equal(cache_purge_owe(purge, number(2), 1, 20), APR_SUCCESS);
    assert_int_equal(owed_in_all(purge, CACHE_OWED_HARD), 1);
    assert_int_equal(owed_in_all(purge, CACHE_OWED_SOFT), 1);
    assert_int_equal(cache_purge_owed(purge, 1, &owed), CACHE_OWED_SOFT);
    assert_true(owed.tag == number(2) && owed.purged == 20);
    assert_int_equal(purge->owed_count, 2);
    cache_purge_settle(purge, 1, &owed);
    assert_int_equal(purge->owed_count, 1);
    assert_int_equal(owed_in_all(purge, CACHE_OWED_SOFT), 0);
}

/* Two processes tell memcached the same; between them the place was used for another purge. */
static void a_late_settlement_takes_no_other_purge(void **state)
{
    cache_purge_t *purge = apr_pcalloc(*state, sizeof(*purge));
    cache_purge_owed_t owed;

    cache_purge_owe(purge, number(1), 0, 10);
    cache_purge_owed(purge, 0, &owed);
    cache_purge_settle(purge, 0, &owed);
    cache_purge_owe(purge, number(2), 0, 10);
    cache_purge_settle(purge, 0, &owed);
    assert_int_equal(cache_purge_owed(purge, 0, &owed), CACHE_OWED_HARD);
    assert_true(owed.tag == number(2));
}

static void more_than_there_is_room_for_is_refused(void **state)
{
    cache_purge_t *purge = apr_pcalloc(*state, sizeof(*purge));

    for (int i = 0; i < CACHE_PURGE_OWED; i++)
        assert_int_equal(cache_purge_owe(purge, number(i), 0, 1), APR_SUCCESS);
    assert_int_equal(cache_purge_owe(purge, number(0), 0, 1), APR_ENOSPC);
}

#define WRITERS 4

/* Writers in processes, one of which is killed in the middle; readers never see what nobody wrote.
 */
static void writers_of_many_processes(void **state)
{
    cache_purge_t *purge =
        mmap(NULL, sizeof(*purge), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t writer[WRITERS];
    cache_epoch_t found;

    (void)state;
    for (int w = 0; w < WRITERS; w++) {
        writer[w] = fork();
        for (apr_uint64_t i = 1; writer[w] == 0; i++) {
            cache_epoch_t epoch = {i * 3, (apr_time_t)i * 5};
            cache_purge_keep_epoch(purge, number(1), &epoch, (apr_time_t)i * 7);
        }
    }
    for (int i = 0; i < 200000; i++) {
        apr_time_t seen = cache_purge_epoch(purge, number(1), &found);
        assert_true(seen == 0 ||
                    (found.number * 7 == (apr_uint64_t)seen * 3 && found.purged * 7 == seen * 5));
        if (i == 100000)
            kill(writer[0], SIGKILL);
    }
    for (int w = 0; w < WRITERS; w++) {
        kill(writer[w], SIGKILL);
        waitpid(writer[w], NULL, 0);
    }
    munmap(purge, sizeof(*purge));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(only_what_was_there_before_is_purged),
        POOL_TEST(soft_purges_tell_since_when),
        POOL_TEST(what_has_no_tags_is_gone),
        POOL_TEST(what_is_on_its_way_is_overtaken),
        POOL_TEST(no_purge_is_forgotten),
        POOL_TEST(a_purge_costs_the_same_however_many_there_were),
        POOL_TEST(few_others_are_purged_with_it),
        POOL_TEST(epochs_are_kept),
        POOL_TEST(the_epoch_seen_longest_ago_leaves),
        POOL_TEST(half_an_epoch_is_none),
        POOL_TEST(what_is_owed_is_kept_until_it_is_settled),
        POOL_TEST(a_late_settlement_takes_no_other_purge),
        POOL_TEST(more_than_there_is_room_for_is_refused),
        POOL_TEST(writers_of_many_processes),
    };
    return RUN_TESTS(tests);
}
