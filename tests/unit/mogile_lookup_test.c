/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_trackers.h"

#include "mogile_lookup.h"

#define PATHS                                                                                      \
    "OK paths=1&path1=http://10.0.0.1:7500/dev1/0/000/000/0000000004.fid&fid=4&length=9&callid="   \
    "%s\r\n"

static trackers_t all;
static mogile_lookup_t lookup;
static mogile_totals_t totals;
static mogile_key_t key;
static mogile_file_t *file;
static mogile_from_e from;

static int start(void **state)
{
    int failed = make_pool(state);
    void *segment = apr_pcalloc(*state, MOGILE_CACHE_SMALLEST);

    start_trackers(&all, PATHS, *state);
    memset(&lookup, 0, sizeof(lookup));
    memset(&totals, 0, sizeof(totals));
    assert_int_equal(mogile_cache_format(segment, MOGILE_CACHE_SMALLEST), APR_SUCCESS);
    lookup.client = all.client;
    lookup.local = mogile_cache_at(segment);
    lookup.totals = &totals;
    lookup.deadline = TRACKERS_DEADLINE;
    lookup.stale = apr_time_from_sec(60);
    key = (mogile_key_t){.domain = "web",
                         .key = "k&1",
                         .fresh = apr_time_from_sec(60),
                         .negative = apr_time_from_sec(60)};
    return failed;
}

static int stop(void **state)
{
    int failed = destroy_pool(state);

    stop_trackers(&all);
    return failed;
}

#define test_lookup(function) cmocka_unit_test_setup_teardown(function, start, stop)

static mogile_found_e find(apr_pool_t *pool)
{
    return mogile_lookup_find(&lookup, &key, 0, &file, &from, pool);
}

static int requests(void)
{
    return tracker_requests(&all.fakes[0]) + tracker_requests(&all.fakes[1]);
}

static void both_say(const char *text)
{
    tracker_say(&all.fakes[0], text);
    tracker_say(&all.fakes[1], text);
}

static void a_file_is_asked_for_once(void **state)
{
    assert_int_equal(find(*state), MOGILE_FOUND);
    assert_int_equal(from, MOGILE_FROM_TRACKER);
    assert_int_equal(file->fid, 4);
    assert_int_equal(find(*state), MOGILE_FOUND);
    assert_int_equal(from, MOGILE_FROM_LOCAL);
    assert_int_equal(requests(), 1);
    assert_string_equal(mogile_lookup_source(from), "local");
}

static void anew_asks_again_and_a_drop_forgets(void **state)
{
    find(*state);
    assert_int_equal(mogile_lookup_find(&lookup, &key, 1, &file, &from, *state), MOGILE_FOUND);
    assert_int_equal(requests(), 2);
    mogile_lookup_drop(&lookup, &key, *state);
    find(*state);
    assert_int_equal(requests(), 3);
}

static void the_key_goes_out_quoted(void **state)
{
    key.zone = "alt";
    find(*state);
    assert_non_null(strstr(all.fakes[0].last[0] ? all.fakes[0].last : all.fakes[1].last,
                           "get_paths domain=web&key=k%261&noverify=1&pathcount=8&zone=alt&"));
}

static void another_zone_has_other_paths(void **state)
{
    find(*state);
    key.zone = "alt";
    find(*state);
    assert_int_equal(from, MOGILE_FROM_TRACKER);
    find(*state);
    assert_int_equal(from, MOGILE_FROM_LOCAL);
}

static void length_comes_with_the_same_packet(void **state)
{
    key.wants_length = 1;
    assert_int_equal(find(*state), MOGILE_FOUND);
    assert_int_equal(file->length, 9);
    assert_int_equal(requests(), 2);
    assert_int_equal(find(*state), MOGILE_FOUND);
    assert_int_equal(from, MOGILE_FROM_LOCAL);
}

static void what_lacks_the_length_is_no_hit_for_who_wants_it(void **state)
{
    find(*state);
    key.wants_length = 1;
    find(*state);
    assert_int_equal(from, MOGILE_FROM_TRACKER);
}

static void that_there_is_no_key_is_kept_too(void **state)
{
    both_say("ERR unknown_key unknown_key %s\r\n");
    assert_int_equal(find(*state), MOGILE_NO_KEY);
    assert_null(file);
    assert_int_equal(find(*state), MOGILE_NO_KEY);
    assert_int_equal(from, MOGILE_FROM_LOCAL);
    assert_int_equal(requests(), 1);
    key.negative = 0;
    key.key = "other";
    find(*state);
    find(*state);
    assert_int_equal(requests(), 3);
}

static void an_unknown_domain_is_told_apart(void **state)
{
    both_say("ERR unreg_domain Domain+name+invalid/not+found %s\r\n");
    assert_int_equal(find(*state), MOGILE_NO_DOMAIN);
    assert_int_equal(find(*state), MOGILE_NO_DOMAIN);
    assert_int_equal(requests(), 2);
}

static void a_key_that_no_column_can_hold_is_no_key(void **state)
{
    /* Both fail for the key, and answer for the probe's: only then it is the key. */
    both_say("ERR failure Operation+failed %s\r\n");
    assert_int_equal(find(*state), MOGILE_NOWHERE);
    assert_false(tier_atomic_load(&all.breakers[0].state) == TIER_BREAKER_OPEN);
}

static void nobody_answering_is_told_apart_from_no_key(void **state)
{
    both_say("");
    assert_int_equal(find(*state), MOGILE_NOWHERE);
    assert_int_equal(find(*state), MOGILE_NOWHERE);
    assert_int_equal(tier_counter_get(&totals.finds[MOGILE_NOWHERE]), 2);
}

static void an_answer_of_a_while_ago_is_better_than_none(void **state)
{
    key.fresh = 1;
    find(*state);
    both_say("");
    usleep(10);
    assert_int_equal(find(*state), MOGILE_FOUND);
    assert_int_equal(from, MOGILE_FROM_STALE);
    assert_int_equal(file->fid, 4);
    /* Who has seen these paths fail does not want them again. */
    assert_int_equal(mogile_lookup_find(&lookup, &key, 1, &file, &from, *state), MOGILE_NOWHERE);
}

static void paths_that_lead_elsewhere_are_no_answer(void **state)
{
    tracker_say(&all.fakes[0], "OK paths=1&path1=http://127.0.0.1/etc/passwd&callid=%s\r\n");
    for (int i = 0; i < 3; i++) {
        key.key = apr_psprintf(*state, "k%d", i);
        assert_int_equal(find(*state), MOGILE_FOUND);
        assert_int_equal(file->fid, 4);
    }
    assert_int_equal(errors_of(&all, MOGILE_ERROR_GARBAGE), 1);
}

static void without_a_cache_everything_is_asked(void **state)
{
    key.fresh = 0;
    find(*state);
    find(*state);
    assert_int_equal(requests(), 2);
    lookup.local = NULL;
    key.fresh = apr_time_from_sec(1);
    find(*state);
    mogile_lookup_drop(&lookup, &key, *state);
    assert_int_equal(requests(), 3);
}

static void *find_beside(void *data)
{
    apr_pool_t *pool;
    mogile_file_t *found;
    mogile_from_e source;
    int is_right;

    (void)data;
    apr_pool_create(&pool, NULL);
    is_right = mogile_lookup_find(&lookup, &key, 0, &found, &source, pool) == MOGILE_FOUND &&
               found->fid == 4;
    apr_pool_destroy(pool);
    return (void *)(size_t)is_right;
}

static void those_who_look_at_once_ask_once(void **state)
{
    pthread_t threads[20];

    lookup.deadline = MS(10000); /* nobody asks another tracker because the machine is slow */
    lookup.flights = apr_pcalloc(*state, sizeof(*lookup.flights));
    for (int i = 0; i < 20; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, find_beside, NULL), 0);
    for (int i = 0; i < 20; i++) {
        void *is_right;

        pthread_join(threads[i], &is_right);
        assert_non_null(is_right);
    }
    assert_int_equal(requests(), 1);
    /* What cannot be kept is no reason to wait for each other for long. */
    key.key = "other";
    both_say("ERR unreg_domain Domain+name+invalid/not+found %s\r\n");
    assert_int_equal(find(*state), MOGILE_NO_DOMAIN);
    assert_int_equal(find(*state), MOGILE_NO_DOMAIN);
    assert_int_equal(requests(), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_lookup(a_file_is_asked_for_once),
        test_lookup(anew_asks_again_and_a_drop_forgets),
        test_lookup(the_key_goes_out_quoted),
        test_lookup(another_zone_has_other_paths),
        test_lookup(length_comes_with_the_same_packet),
        test_lookup(what_lacks_the_length_is_no_hit_for_who_wants_it),
        test_lookup(that_there_is_no_key_is_kept_too),
        test_lookup(an_unknown_domain_is_told_apart),
        test_lookup(a_key_that_no_column_can_hold_is_no_key),
        test_lookup(nobody_answering_is_told_apart_from_no_key),
        test_lookup(an_answer_of_a_while_ago_is_better_than_none),
        test_lookup(paths_that_lead_elsewhere_are_no_answer),
        test_lookup(without_a_cache_everything_is_asked),
        test_lookup(those_who_look_at_once_ask_once),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
