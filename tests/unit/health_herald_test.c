/* SPDX-License-Identifier: Apache-2.0 */
#include "health_server.h"

#include <apr_file_io.h>
#include <apr_strings.h>

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "health_herald.h"

/* Two members whose changes are told, by a clock of the test's own. */
typedef struct fixture_t {
    fake_server_t fake;
    health_lookups_t lookups;
    health_table_t *table;
    tier_loop_t *loop;
    apr_array_header_t *targets; /* of health_target_t * */
    health_herald_t herald;
    const char *command[4];
    member_server_t receiver; /* with a URL */
    health_check_t url;
    health_post_t post;
    apr_time_t now;
    apr_pool_t *pool;
} fixture_t;

static void add_target(fixture_t *f, const char *url)
{
    record_t *record = &f->fake.records[f->targets->nelts];
    health_target_t *target;
    health_spec_t spec;

    *record = (record_t){.url = url, .port = 1};
    spec = spec_of(&f->fake, record);
    assert_int_equal(health_target_create(&target, &spec,
                                          health_table_claim(f->table, &spec.key, 1),
                                          &f->fake.server, &f->lookups, f->loop, f->pool),
                     APR_SUCCESS);
    APR_ARRAY_PUSH(f->targets, health_target_t *) = target;
}

static void set_up(fixture_t *f, const char *script, apr_pool_t *pool)
{
    memset(f, 0, sizeof(*f));
    open_server(&f->fake);
    f->pool = pool;
    f->table = new_table(4, pool);
    f->targets = apr_array_make(pool, 2, sizeof(health_target_t *));
    assert_int_equal(tier_loop_create(&f->loop, 8, pool), APR_SUCCESS);
    add_target(f, "http://a");
    add_target(f, "http://b");
    f->command[0] = "/bin/sh";
    f->command[1] = "-c";
    f->command[2] = script;
    f->herald.command = f->command;
    f->herald.table = f->table;
    f->herald.log = &f->fake.log.log;
    apr_pool_create(&f->herald.pool, pool);
    health_herald_init(&f->herald);
    f->now = MS(1000);
}

static health_target_t *target_of(const fixture_t *f, int i)
{
    return APR_ARRAY_IDX(f->targets, i, health_target_t *);
}

/* The member changes its state, at that time of the wall clock. */
static void change(const fixture_t *f, int i, apr_time_t when)
{
    health_member_t member = target_of(f, i)->entry->record.member;

    health_member_set_mode(
        &member, member.mode == HEALTH_MODE_NORMAL ? HEALTH_MODE_DRAIN : HEALTH_MODE_NORMAL, when,
        "a test");
    health_entry_set_member(target_of(f, i)->entry, &member);
}

static void tick(fixture_t *f, apr_interval_time_t later)
{
    f->now += later;
    health_herald_tick(&f->herald, f->targets, f->now);
}

static apr_uint64_t told(const fixture_t *f, health_told_e what)
{
    return tier_counter_get(health_table_told(f->table, what));
}

/* Ticks, while the test's clock stands, until the program has ended. */
static void tick_to_the_end(fixture_t *f)
{
    for (int i = 0; f->herald.spawn.pid && i < 60000; i++) {
        usleep(1000);
        tick(f, 0);
    }
    assert_int_equal(f->herald.spawn.pid, 0);
}

static char *lines_of(const char *path, apr_pool_t *pool)
{
    char *text = apr_pcalloc(pool, 8192);
    apr_size_t size = 8191;
    apr_file_t *file;

    assert_int_equal(apr_file_open(&file, path, APR_FOPEN_READ, 0, pool), APR_SUCCESS);
    (void)apr_file_read_full(file, text, size, &size);
    apr_file_close(file);
    return text;
}

static void test_the_oldest_change_comes_first(void **state)
{
    char path[] = "/tmp/health_herald.XXXXXX";
    const char *text, *first;
    fixture_t f;

    close(mkstemp(path));
    set_up(&f, apr_psprintf(*state, "echo \"$0\" >> %s", path), *state);
    change(&f, 0, 30);
    change(&f, 1, 20);
    tick(&f, 0);
    assert_int_not_equal(f.herald.spawn.pid, 0);
    tick_to_the_end(&f);
    assert_int_equal(told(&f, HEALTH_TOLD_DELIVERED), 1); /* no two within a tenth of a second */
    tick(&f, HEALTH_HERALD_PAUSE);
    tick_to_the_end(&f);
    tick(&f, HEALTH_HERALD_PAUSE);
    assert_int_equal(f.herald.spawn.pid, 0); /* and none twice */
    assert_int_equal(told(&f, HEALTH_TOLD_DELIVERED), 2);
    text = lines_of(path, *state);
    first = strstr(text, "http://b");
    assert_non_null(first);
    assert_non_null(strstr(first, "http://a"));
    unlink(path);
}

static void test_one_that_hangs_is_killed_at_its_deadline(void **state)
{
    fixture_t f;

    set_up(&f, "sleep 600 & sleep 600", *state);
    change(&f, 0, 10);
    tick(&f, 0);
    tick(&f, HEALTH_HERALD_TIME - 1);
    assert_int_not_equal(f.herald.spawn.pid, 0);
    assert_int_equal(kill(f.herald.spawn.pid, 0), 0);
    assert_int_equal(told(&f, HEALTH_TOLD_FAILED), 0);
    tick(&f, 1);
    tick_to_the_end(&f);
    assert_int_equal(told(&f, HEALTH_TOLD_FAILED), 1);
    assert_int_equal(count_lines(&f.fake.log, "WT1073"), 1);
    assert_non_null(strstr(f.fake.log.lines[0].text, "takes too long and was killed"));
    tick(&f, HEALTH_HERALD_PAUSE); /* it is not told again */
    assert_int_equal(f.herald.spawn.pid, 0);
}

static void test_faults_are_said_once_until_it_works(void **state)
{
    fixture_t f;

    set_up(&f, "exit 3", *state);
    for (int i = 0; i < 2; i++) {
        change(&f, 0, 10 + i);
        tick(&f, HEALTH_HERALD_PAUSE);
        tick_to_the_end(&f);
    }
    f.command[0] = "/no/such/program";
    change(&f, 0, 12);
    tick(&f, HEALTH_HERALD_PAUSE);
    assert_int_equal(told(&f, HEALTH_TOLD_FAILED), 3);
    assert_int_equal(count_lines(&f.fake.log, "WT1073"), 1);
    f.command[0] = "/bin/sh";
    f.command[2] = "exit 0";
    change(&f, 0, 13);
    tick(&f, HEALTH_HERALD_PAUSE);
    tick_to_the_end(&f);
    f.command[0] = "/no/such/program";
    change(&f, 0, 14);
    tick(&f, HEALTH_HERALD_PAUSE);
    assert_int_equal(told(&f, HEALTH_TOLD_DELIVERED), 1);
    assert_int_equal(count_lines(&f.fake.log, "WT1073"), 2);
}

static void test_what_the_history_has_no_more_is_dropped(void **state)
{
    fixture_t f;

    set_up(&f, "exit 0", *state);
    for (int i = 0; i < HEALTH_HISTORY + 4; i++)
        change(&f, 0, 10 + i);
    for (int i = 0; i < HEALTH_HISTORY; i++) {
        tick(&f, HEALTH_HERALD_PAUSE);
        tick_to_the_end(&f);
    }
    assert_int_equal(told(&f, HEALTH_TOLD_DROPPED), 4);
    assert_int_equal(told(&f, HEALTH_TOLD_DELIVERED), HEALTH_HISTORY);
    tick(&f, HEALTH_HERALD_PAUSE);
    assert_int_equal(f.herald.spawn.pid, 0);
}

static void test_a_member_that_goes_takes_its_changes_along(void **state)
{
    fixture_t f;

    set_up(&f, "exit 0", *state);
    for (int i = 0; i < 3; i++)
        change(&f, 0, 10 + i);
    tick(&f, 0);
    health_herald_forget(&f.herald, target_of(&f, 0));
    f.targets->nelts = 0;
    tick_to_the_end(&f);
    assert_int_equal(told(&f, HEALTH_TOLD_DROPPED), 2);
    assert_int_equal(told(&f, HEALTH_TOLD_DELIVERED), 1);
}

static void test_its_end_kills_what_runs(void **state)
{
    fixture_t f;

    set_up(&f, "exec sleep 600", *state);
    health_herald_end(&f.herald); /* nothing does */
    change(&f, 0, 10);
    tick(&f, 0);
    assert_int_not_equal(f.herald.spawn.pid, 0);
    health_herald_end(&f.herald);
    assert_int_equal(f.herald.spawn.output, -1);
    assert_int_equal(target_of(&f, 0)->entry->told, 0); /* the next leader tells it */
}

/* The same with a URL in place of a program; in the pool, with which the post ends. */
static fixture_t *set_up_url(const char *answer, apr_pool_t *pool)
{
    fixture_t *f = apr_palloc(pool, sizeof(*f));

    set_up(f, "exit 0", pool);
    open_member(&f->receiver, answer);
    health_check_defaults(&f->url);
    f->url.method = "POST";
    f->url.address = f->url.host = "127.0.0.1";
    f->url.port = (apr_port_t)f->receiver.port;
    f->url.timeout = MS(20000);
    health_post_init(&f->post, &f->url, &f->lookups, f->loop, pool);
    f->command[0] = "http://receiver";
    f->herald.post = &f->post;
    return f;
}

static int has_told(fixture_t *f, health_told_e what, apr_uint64_t n)
{
    tick(f, 0);
    return told(f, what) == n;
}

static void test_a_url_is_told_in_order_too(void **state)
{
    fixture_t *f = set_up_url("HTTP/1.1 204 Taken\r\n\r\n", *state);

    change(f, 0, 30);
    change(f, 1, 20);
    tick(f, 0);
    RUN_UNTIL(f->loop, has_told(f, HEALTH_TOLD_DELIVERED, 1));
    assert_non_null(strstr(f->receiver.heard, "\"member\": \"http://b\""));
    tick(f, 0);
    assert_false(health_post_under_way(&f->post)); /* no two within a tenth of a second */
    tick(f, HEALTH_HERALD_PAUSE);
    RUN_UNTIL(f->loop, has_told(f, HEALTH_TOLD_DELIVERED, 2));
    assert_non_null(strstr(f->receiver.heard, "\"member\": \"http://a\""));
    tick(f, HEALTH_HERALD_PAUSE);
    assert_false(health_post_under_way(&f->post)); /* and none twice */
    close_member(&f->receiver);
}

static void test_faults_of_a_url_are_said_once_until_it_works(void **state)
{
    static const char *const answers[] = {"HTTP/1.1 500 Broken\r\n\r\n", "junk",
                                          "HTTP/1.1 204 Taken\r\n\r\n",
                                          "HTTP/1.1 500 Broken\r\n\r\n"};
    fixture_t *f = set_up_url(answers[0], *state);

    for (int i = 0; i < 4; i++) {
        __atomic_store_n(&f->receiver.text, answers[i], __ATOMIC_RELEASE);
        change(f, 0, 10 + i);
        tick(f, HEALTH_HERALD_PAUSE);
        RUN_UNTIL(f->loop, (tick(f, 0), !health_post_under_way(&f->post)));
        assert_int_equal(count_lines(&f->fake.log, "WT1073"), i < 3 ? 1 : 2);
    }
    assert_int_equal(told(f, HEALTH_TOLD_FAILED), 3);
    assert_int_equal(told(f, HEALTH_TOLD_DELIVERED), 1);
    assert_non_null(strstr(f->fake.log.lines[0].text,
                           "TierHealthEvent http://receiver fails: bad_status: status 500 Broken"));
    close_member(&f->receiver);
}

static void test_its_end_breaks_a_post_off(void **state)
{
    fixture_t *f = set_up_url(NULL, *state);

    change(f, 0, 10);
    tick(f, 0);
    tick(f, 0);
    assert_true(health_post_under_way(&f->post));
    health_herald_end(&f->herald);
    assert_false(health_post_under_way(&f->post));
    assert_int_equal(target_of(f, 0)->entry->told, 0); /* the next leader tells it */
    assert_int_equal(told(f, HEALTH_TOLD_FAILED), 0);
    close_member(&f->receiver);
}

static void test_without_a_program_nothing_is_kept_for_later(void **state)
{
    fixture_t f;

    set_up(&f, "exit 0", *state);
    f.herald.command = NULL;
    change(&f, 1, 10);
    tick(&f, 0);
    assert_int_equal(target_of(&f, 1)->entry->told, 1);
    change(&f, 1, 11);
    health_herald_forget(&f.herald, target_of(&f, 1));
    assert_int_equal(told(&f, HEALTH_TOLD_DROPPED), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(test_the_oldest_change_comes_first),
        test_with_pool(test_one_that_hangs_is_killed_at_its_deadline),
        test_with_pool(test_faults_are_said_once_until_it_works),
        test_with_pool(test_what_the_history_has_no_more_is_dropped),
        test_with_pool(test_a_member_that_goes_takes_its_changes_along),
        test_with_pool(test_its_end_kills_what_runs),
        test_with_pool(test_a_url_is_told_in_order_too),
        test_with_pool(test_faults_of_a_url_are_said_once_until_it_works),
        test_with_pool(test_its_end_breaks_a_post_off),
        test_with_pool(test_without_a_program_nothing_is_kept_for_later),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
