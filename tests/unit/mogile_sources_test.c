/* SPDX-License-Identifier: Apache-2.0 */
/* Who is asked for a key, in which order: the host's cache, memcached, trackers, the database. */
#define TRACKERS_DEADLINE apr_time_from_sec(20) /* nobody hangs here */
#include "common_memcached.h"
#include "mogile_mysqld.h"
#include "mogile_trackers.h"

#include "mogile_lookup.h"

#define PATHS                                                                                      \
    "OK paths=1&path1=http://10.0.0.1:7500/dev1/0/000/000/0000000004.fid&fid=4&length=9&callid="   \
    "%s\r\n"

static const char *const rows[][MYSQL_COLUMNS] = {
    {"5", "9", NULL, "1", "10.0.0.1", "192.168.0.1", "7500"}};

static trackers_t all;
static mysql_fake_t mysqld;
static mysql_client_t client;
static mogile_lookup_t lookup;
static mogile_totals_t totals;
static mogile_key_t key;
static mogile_file_t *file;
static mogile_from_e from;

static mogile_cache_t *make_local(apr_pool_t *pool)
{
    void *segment = apr_pcalloc(pool, MOGILE_CACHE_SMALLEST);

    assert_int_equal(mogile_cache_format(segment, MOGILE_CACHE_SMALLEST), APR_SUCCESS);
    return mogile_cache_at(segment);
}

static int start(void **state)
{
    int failed = make_pool(state);

    start_trackers(&all, PATHS, *state);
    mysql_start(&mysqld);
    mysqld.rows = rows;
    mysql_with(&mysqld, mysqld.count = 1);
    mysql_client(&client, &mysqld, TRACKERS_DEADLINE, *state);
    memset(&lookup, 0, sizeof(lookup));
    memset(&totals, 0, sizeof(totals));
    lookup.client = all.client;
    lookup.database = client.database;
    lookup.totals = &totals;
    lookup.deadline = TRACKERS_DEADLINE;
    lookup.local = make_local(*state);
    key = (mogile_key_t){.domain = "web",
                         .key = "k",
                         .fresh = apr_time_from_sec(60),
                         .negative = apr_time_from_sec(60)};
    return failed;
}

static int stop(void **state)
{
    int failed = destroy_pool(state);

    stop_trackers(&all);
    mysql_stop(&mysqld);
    return failed;
}

#define test_sources(function) cmocka_unit_test_setup_teardown(function, start, stop)

/* Looks for another key than before, so that nothing of it is kept. */
static mogile_found_e find_new(apr_pool_t *pool)
{
    static int number;

    key.key = apr_psprintf(pool, "k%d", number++);
    return mogile_lookup_find(&lookup, &key, 0, &file, &from, pool);
}

static void both_say(const char *text)
{
    tracker_say(&all.fakes[0], text);
    tracker_say(&all.fakes[1], text);
}

static int tracked(void)
{
    return tracker_requests(&all.fakes[0]) + tracker_requests(&all.fakes[1]);
}

static void the_database_is_asked_when_no_tracker_answers(void **state)
{
    assert_int_equal(find_new(*state), MOGILE_FOUND);
    assert_int_equal(from, MOGILE_FROM_TRACKER);
    assert_int_equal(mysql_selects(&mysqld), 0);
    both_say("");
    assert_int_equal(find_new(*state), MOGILE_FOUND);
    assert_int_equal(from, MOGILE_FROM_DATABASE);
    assert_int_equal(file->fid, 5);
    assert_int_equal(mysql_selects(&mysqld), 1);
    mysql_with(&mysqld, mysqld.count = 0);
    assert_int_equal(find_new(*state), MOGILE_NO_KEY);
    assert_int_equal(from, MOGILE_FROM_DATABASE);
    mysql_with(&mysqld, mysqld.mood = MYSQL_CLOSE);
    assert_int_equal(find_new(*state), MOGILE_NOWHERE);
    assert_null(file);
}

static void without_trackers_there_is_the_database(void **state)
{
    lookup.client = NULL;
    assert_int_equal(find_new(*state), MOGILE_FOUND);
    assert_int_equal(from, MOGILE_FROM_DATABASE);
    lookup.database = NULL;
    assert_int_equal(find_new(*state), MOGILE_NOWHERE);
}

static void the_alternate_zone_gives_the_other_addresses(void **state)
{
    lookup.client = NULL;
    key.zone = "alt";
    assert_int_equal(find_new(*state), MOGILE_FOUND);
    assert_string_equal(APR_ARRAY_IDX(file->copies, 0, mogile_copy_t).node, "192.168.0.1:7500");
    key.zone = "other";
    assert_int_equal(find_new(*state), MOGILE_FOUND);
    assert_string_equal(APR_ARRAY_IDX(file->copies, 0, mogile_copy_t).node, "10.0.0.1:7500");
}

/* That a replica has no such key may be its lag; that it has one is enough. */
static void a_database_that_comes_first_is_believed_what_it_has(void **state)
{
    lookup.database_first = 1;
    assert_int_equal(find_new(*state), MOGILE_FOUND);
    assert_int_equal(from, MOGILE_FROM_DATABASE);
    assert_int_equal(tracked(), 0);
    mysql_with(&mysqld, mysqld.count = 0);
    assert_int_equal(find_new(*state), MOGILE_FOUND);
    assert_int_equal(from, MOGILE_FROM_TRACKER);
    assert_int_equal(file->fid, 4);
    both_say("ERR unknown_key unknown_key %s\r\n");
    assert_int_equal(find_new(*state), MOGILE_NO_KEY);
    both_say("");
    assert_int_equal(find_new(*state), MOGILE_NO_KEY); /* by the database alone */
    assert_int_equal(from, MOGILE_FROM_DATABASE);
    mysql_with(&mysqld, mysqld.mood = MYSQL_CLOSE);
    assert_int_equal(find_new(*state), MOGILE_NOWHERE);
}

/* Other web boxes know it by memcached, in the same zone only; what is dropped, nobody. */
static void what_one_box_has_found_others_need_not_ask(void **state)
{
    memcached_t memcached = {0};
    rig_t rig;

    memcached_start(&memcached, 0, NULL);
    rig_make(&rig, *state, (const char *const[]){memcached.server, NULL});
    rig.options.deadline = TRACKERS_DEADLINE;
    rig_connect(&rig);
    lookup.memcache = rig.memcache;
    assert_int_equal(find_new(*state), MOGILE_FOUND);
    lookup.local = make_local(*state); /* another box */
    assert_int_equal(mogile_lookup_find(&lookup, &key, 0, &file, &from, *state), MOGILE_FOUND);
    assert_int_equal(from, MOGILE_FROM_MEMCACHED);
    assert_int_equal(file->fid, 4);
    assert_int_equal(tracked(), 1);
    assert_int_equal(mogile_lookup_find(&lookup, &key, 0, &file, &from, *state), MOGILE_FOUND);
    assert_int_equal(from, MOGILE_FROM_LOCAL);
    key.zone = "alt";
    assert_int_equal(mogile_lookup_find(&lookup, &key, 0, &file, &from, *state), MOGILE_FOUND);
    assert_int_equal(from, MOGILE_FROM_TRACKER);
    mogile_lookup_drop(&lookup, &key, *state);
    lookup.local = make_local(*state);
    assert_int_equal(mogile_lookup_find(&lookup, &key, 0, &file, &from, *state), MOGILE_FOUND);
    assert_int_equal(from, MOGILE_FROM_TRACKER);
    key.wants_length = 1; /* which that did not bring */
    lookup.local = make_local(*state);
    assert_int_equal(mogile_lookup_find(&lookup, &key, 0, &file, &from, *state), MOGILE_FOUND);
    assert_int_equal(from, MOGILE_FROM_TRACKER);
    memcached_kill(&memcached);
}

static void that_there_is_no_key_is_known_to_others_too(void **state)
{
    memcached_t memcached = {0};
    rig_t rig;

    memcached_start(&memcached, 0, NULL);
    rig_make(&rig, *state, (const char *const[]){memcached.server, NULL});
    rig.options.deadline = TRACKERS_DEADLINE;
    rig_connect(&rig);
    lookup.memcache = rig.memcache;
    both_say("ERR unknown_key unknown_key %s\r\n");
    assert_int_equal(find_new(*state), MOGILE_NO_KEY);
    lookup.local = NULL;
    assert_int_equal(mogile_lookup_find(&lookup, &key, 0, &file, &from, *state), MOGILE_NO_KEY);
    assert_int_equal(from, MOGILE_FROM_MEMCACHED);
    assert_int_equal(tracked(), 1);
    memcached_kill(&memcached);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_sources(the_database_is_asked_when_no_tracker_answers),
        test_sources(without_trackers_there_is_the_database),
        test_sources(the_alternate_zone_gives_the_other_addresses),
        test_sources(a_database_that_comes_first_is_believed_what_it_has),
        test_sources(what_one_box_has_found_others_need_not_ask),
        test_sources(that_there_is_no_key_is_known_to_others_too),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
