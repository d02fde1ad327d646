/* SPDX-License-Identifier: Apache-2.0 */
#include "health_server.h"

static apr_uint32_t no_random(void *unused)
{
    (void)unused;
    return 0;
}

/* A term of leadership: everything lives in its own pool, as under the watch. */
typedef struct term_t {
    tier_loop_t *loop;
    apr_pool_t *pool;
} term_t;

static void begin_term(term_t *term, fake_server_t *fake, health_table_t *table, apr_pool_t *pool)
{
    const health_monitor_options_t options = {
        .table = table, .server = &fake->server, .log = &fake->log.log, .random = no_random};

    assert_int_equal(tier_loop_create(&term->loop, 16, pool), APR_SUCCESS);
    apr_pool_create(&term->pool, pool);
    assert_int_equal(health_monitor_start(term->loop, &options, term->pool), APR_SUCCESS);
}

static void end_term(term_t *term)
{
    tier_loop_clear(term->loop);
    apr_pool_destroy(term->pool);
}

static health_entry_t *entry_of(health_table_t *table, fake_server_t *fake, int i)
{
    health_spec_t spec = spec_of(fake, &fake->records[i]);

    return health_table_find(table, &spec.key);
}

/* Returns the state, or -1 while the member has no entry. */
static int state_of(health_table_t *table, fake_server_t *fake, int i)
{
    const health_entry_t *entry = entry_of(table, fake, i);

    return entry ? (int)entry->record.member.state : -1;
}

static const char *line_of(const kept_log_t *log, const char *id)
{
    for (apr_uint32_t i = 0; i < log->count; i++) {
        if (strncmp(log->lines[i].text, id, strlen(id)) == 0)
            return log->lines[i].text;
    }
    return "";
}

static void up_down_and_up_again(void **state)
{
    health_table_t *table = new_table(8, *state);
    member_server_t good, bad;
    fake_server_t fake;
    term_t term;

    open_server(&fake);
    open_member(&good, "HTTP/1.1 200 OK\r\n\r\n");
    open_member(&bad, "HTTP/1.1 500 No\r\n\r\n");
    fake.records[0] = (record_t){.url = "http://good", .port = good.port};
    fake.records[1] = (record_t){.url = "http://bad", .port = bad.port};
    fake.records[2] =
        (record_t){.url = "http://bad", .port = bad.port}; /* another record of the same member */
    begin_term(&term, &fake, table, *state);
    RUN_UNTIL(term.loop, state_of(table, &fake, 0) == HEALTH_UP &&
                             state_of(table, &fake, 1) == HEALTH_DOWN && fake.records[0].down == 0);
    assert_string_equal(entry_of(table, &fake, 1)->record.check,
                        "http GET / every 50ms, timeout 5s, rise 2, fall 3");
    assert_true(fake.records[1].down && fake.records[2].down);
    /* Once for both records. */
    assert_in_range(__atomic_load_n(&bad.served, __ATOMIC_ACQUIRE) -
                        (int)entry_of(table, &fake, 1)->record.member.probes,
                    0, 1);
    assert_int_equal(count_lines(&fake.log, "WT1001"), 1);
    assert_int_equal(count_lines(&fake.log, "WT1002"), 1);
    assert_non_null(
        strstr(line_of(&fake.log, "WT1002"), "is up (was checking) after 1 pass: status 200 OK"));
    __atomic_store_n(&bad.text, "HTTP/1.1 204\r\n\r\n", __ATOMIC_RELEASE);
    RUN_UNTIL(term.loop, state_of(table, &fake, 1) == HEALTH_UP);
    assert_int_equal(fake.records[1].recovered, 1);
    assert_int_equal(fake.records[2].recovered, 1);
    end_term(&term);
    close_member(&good);
    close_member(&bad);
}

static void mirror_is_written_again(void **state)
{
    health_table_t *table = new_table(8, *state);
    fake_server_t fake;
    term_t term;

    open_server(&fake);
    fake.records[0] = (record_t){.url = "http://m", .port = 1};
    begin_term(&term, &fake, table, *state);
    RUN_UNTIL(term.loop, fake.records[0].down == 1);
    fake.records[0].down = 0; /* as httpd's plain write would */
    RUN_UNTIL(term.loop, fake.records[0].down == 1);
    end_term(&term);
}

static void members_come_and_go(void **state)
{
    health_table_t *table = new_table(8, *state);
    member_server_t member;
    fake_server_t fake;
    term_t term;

    open_server(&fake);
    open_member(&member, "HTTP/1.1 200 OK\r\n\r\n");
    begin_term(&term, &fake, table, *state);
    fake.records[0] = (record_t){.url = "http://late", .port = member.port};
    RUN_UNTIL(term.loop, state_of(table, &fake, 0) == HEALTH_UP);
    assert_true(fake.asked >= 2);
    fake.records[1] = fake.records[0];
    fake.records[1].url = "http://other";
    fake.records[0].host = "::1"; /* changes nothing: the key is the same */
    fake.records[0].url = NULL;
    RUN_UNTIL(term.loop, count_lines(&fake.log, "WT1008") == 1);
    fake.records[0].url = "http://late";
    assert_null(entry_of(table, &fake, 0));
    assert_non_null(entry_of(table, &fake, 1));
    end_term(&term);
    close_member(&member);
}

static void next_leader_goes_on(void **state)
{
    health_table_t *table = new_table(8, *state);
    member_server_t member;
    fake_server_t fake;
    health_key_t stale;
    apr_time_t due;
    term_t term;

    open_server(&fake);
    open_member(&member, "HTTP/1.1 200 OK\r\n\r\n");
    fake.records[0] = (record_t){.url = "http://m", .port = member.port};
    assert_true(health_key_set(&stale, "", "balancer://gone", "http://gone"));
    health_table_claim(table, &stale, 1);
    begin_term(&term, &fake, table, *state);
    assert_null(health_table_find(table, &stale));
    fake.check.interval = MS(60000); /* of one that is up */
    RUN_UNTIL(term.loop, state_of(table, &fake, 0) == HEALTH_UP);
    end_term(&term);
    due = entry_of(table, &fake, 0)->due;
    entry_of(table, &fake, 0)->version |= 1; /* its writer died */
    begin_term(&term, &fake, table, *state);
    assert_int_equal(entry_of(table, &fake, 0)->due, due);
    assert_int_equal(entry_of(table, &fake, 0)->version % 2, 0);
    run_for(term.loop, MS(60));
    assert_int_equal(entry_of(table, &fake, 0)->record.member.probes, 1);
    end_term(&term);
    fake.check.interval = MS(50); /* a due time of another interval does not count */
    begin_term(&term, &fake, table, *state);
    RUN_UNTIL(term.loop, entry_of(table, &fake, 0)->record.member.probes >= 3);
    assert_int_equal(count_lines(&fake.log, "WT1002"), 1);
    end_term(&term);
    close_member(&member);
}

static void full_table_is_said_once(void **state)
{
    health_table_t *table = new_table(1, *state);
    fake_server_t fake;
    term_t term;

    open_server(&fake);
    fake.records[0] = (record_t){.url = "http://1", .port = 1};
    fake.records[1] = (record_t){.url = "http://2", .port = 1};
    fake.records[2] = (record_t){.url = "http://3", .port = 1};
    begin_term(&term, &fake, table, *state);
    RUN_UNTIL(term.loop, state_of(table, &fake, 0) == HEALTH_DOWN && fake.asked >= 2);
    assert_int_equal(count_lines(&fake.log, "WT1006"), 1);
    assert_null(entry_of(table, &fake, 1));
    end_term(&term);
}

static void member_that_cannot_be_set_up(void **state)
{
    health_table_t *table = new_table(4, *state);
    char host[300];
    fake_server_t fake;
    term_t term;

    open_server(&fake);
    memset(host, 'a', sizeof(host));
    host[299] = '\0';
    fake.records[0] = (record_t){.url = "http://a", .host = host, .port = 1};
    fake.records[1] = (record_t){.url = "http://2", .port = 1};
    begin_term(&term, &fake, table, *state);
    RUN_UNTIL(term.loop, state_of(table, &fake, 1) == HEALTH_DOWN);
    assert_int_equal(count_lines(&fake.log, "WT1007"), 1);
    end_term(&term);
}

static void initial_states(void **state)
{
    static const health_initial_e initial[] = {HEALTH_INITIAL_CHECKING, HEALTH_INITIAL_UP,
                                               HEALTH_INITIAL_DOWN};
    static const health_state_e expected[] = {HEALTH_CHECKING, HEALTH_UP, HEALTH_DOWN};

    for (int i = 0; i < 3; i++) {
        health_table_t *table = new_table(2, *state);
        fake_server_t fake;
        term_t term;

        open_server(&fake);
        fake.check.initial = initial[i];
        fake.records[0] = (record_t){.url = "http://m", .port = 1};
        begin_term(&term, &fake, table, *state);
        assert_int_equal(entry_of(table, &fake, 0)->record.member.state, expected[i]);
        end_term(&term);
        /* Only what is new has it. */
        entry_of(table, &fake, 0)->record.member.state = HEALTH_UP;
        begin_term(&term, &fake, table, *state);
        assert_int_equal(entry_of(table, &fake, 0)->record.member.state, HEALTH_UP);
        end_term(&term);
    }
}

/* Runs the first tick, which is due at once. */
static void run_one_tick(term_t *term)
{
    run_for(term->loop, 1);
}

static void member_without_checks(void **state)
{
    health_table_t *table = new_table(2, *state);
    const health_record_t *record;
    fake_server_t fake;
    term_t term;

    open_server(&fake);
    fake.check.initial = HEALTH_INITIAL_DOWN; /* of those that are checked */
    fake.records[0] = (record_t){.url = "http://m", .port = 1, .unchecked = 1, .down = -1};
    begin_term(&term, &fake, table, *state);
    run_one_tick(&term);
    record = &entry_of(table, &fake, 0)->record;
    assert_int_equal(record->member.state, HEALTH_UP);
    assert_string_equal(record->check, "none, live traffic only");
    assert_int_equal(record->member.probes, 0);
    assert_int_equal(fake.records[0].down, 0);
    end_term(&term);
    /* What checks said of it before they were switched off is over. */
    entry_of(table, &fake, 0)->record.member.state = HEALTH_DOWN;
    begin_term(&term, &fake, table, *state);
    assert_int_equal(record->member.state, HEALTH_UP);
    end_term(&term);
}

static void what_the_configuration_says_of_a_member(void **state)
{
    health_table_t *table = new_table(2, *state);
    health_eject_t eject = {0};
    health_member_t *member;
    fake_server_t fake;
    term_t term;

    open_server(&fake);
    fake.records[0] = (record_t){.url = "http://m", .port = 1, .eject = &eject};
    begin_term(&term, &fake, table, *state);
    member = &entry_of(table, &fake, 0)->record.member;
    assert_int_equal(member->ejects, 1);
    end_term(&term);
    fake.records[0].eject = NULL;
    member->advice = (health_advice_t){.weight = 30, .drain = 1}; /* of an agent */
    fake.check.kind = HEALTH_KIND_AGENT;
    begin_term(&term, &fake, table, *state);
    assert_int_equal(member->ejects, 0);
    assert_int_equal(member->advice.weight, 30);
    end_term(&term);
    fake.check.kind = HEALTH_KIND_HTTP; /* which asks no agent */
    begin_term(&term, &fake, table, *state);
    assert_int_equal(member->advice.weight, 0);
    assert_int_equal(member->advice.drain, 0);
    end_term(&term);
}

static void require(record_t *record, const char *balancer, apr_pool_t *pool)
{
    record->required = apr_array_make(pool, 1, sizeof(const char *));
    APR_ARRAY_PUSH(record->required, const char *) = balancer;
}

/* All members are down, but those that need the database's balancer may not be to blame. */
static void members_that_need_another_balancer(void **state)
{
    health_table_t *table = new_table(4, *state);
    fake_server_t fake;
    term_t term;

    open_server(&fake);
    fake.check.initial = HEALTH_INITIAL_DOWN;
    fake.records[0] = (record_t){.url = "http://m", .port = 1};
    fake.records[1] = (record_t){.url = "http://d", .port = 1, .balancer = "balancer://db"};
    fake.records[2] = (record_t){.url = "http://o", .port = 1, .balancer = "balancer://other"};
    require(&fake.records[0], "balancer://db", *state);
    require(&fake.records[2], "balancer://nowhere", *state);
    begin_term(&term, &fake, table, *state);
    run_one_tick(&term);
    assert_int_equal(fake.records[0].down, 0);
    assert_int_equal(fake.records[1].down, 1);
    assert_int_equal(fake.records[2].down, 1);
    assert_int_equal(count_lines(&fake.log, "WT1065"), 1);
    end_term(&term);
}

/* A service that no balancer has is probed all the same, for all that need it. */
static void members_that_need_a_service(void **state)
{
    health_table_t *table = new_table(8, *state);
    member_server_t member, service;
    fake_server_t fake;
    term_t term;

    open_server(&fake);
    open_member(&member, "HTTP/1.1 500 No database\r\n\r\n");
    open_member(&service, "HTTP/1.1 500 No\r\n\r\n");
    fake.records[0] = (record_t){.url = "http://m", .port = member.port, .scope = "a:80"};
    fake.records[1] =
        (record_t){.url = "db://d", .port = service.port, .balancer = "db", .unknown = 1};
    fake.records[2] = fake.records[1]; /* another section needs it too */
    require(&fake.records[0], "db", *state);
    begin_term(&term, &fake, table, *state);
    RUN_UNTIL(term.loop, state_of(table, &fake, 1) == HEALTH_DOWN &&
                             state_of(table, &fake, 0) == HEALTH_DOWN &&
                             count_lines(&fake.log, "WT1065") == 1);
    RUN_UNTIL(term.loop, fake.records[0].down == 0);
    assert_string_equal(entry_of(table, &fake, 1)->record.key.scope, "");
    __atomic_store_n(&service.text, "HTTP/1.1 200 OK\r\n\r\n", __ATOMIC_RELEASE);
    __atomic_store_n(&member.text, "HTTP/1.1 200 OK\r\n\r\n", __ATOMIC_RELEASE);
    RUN_UNTIL(term.loop, count_lines(&fake.log, "WT1068") == 1);
    __atomic_store_n(&member.text, "HTTP/1.1 500 No\r\n\r\n", __ATOMIC_RELEASE);
    RUN_UNTIL(term.loop, fake.records[0].down == 1);
    end_term(&term);
    close_member(&member);
    close_member(&service);
}

/* A virtual host's own balancer of that name is meant, where it has one. */
static void required_balancer_of_the_virtual_host(void **state)
{
    static const char *const hosts[] = {"a:80", "b:80"};
    health_table_t *table = new_table(8, *state);
    fake_server_t fake;
    term_t term;

    open_server(&fake);
    fake.check.initial = HEALTH_INITIAL_DOWN;
    for (int i = 0; i < 2; i++) {
        fake.records[i] = (record_t){.url = "http://m", .port = 1, .scope = hosts[i]};
        require(&fake.records[i], "balancer://db", *state);
    }
    fake.records[2] = (record_t){.url = "http://d", .port = 1, .balancer = "balancer://db"};
    fake.records[3] = (record_t){.url = "http://d",
                                 .port = 1,
                                 .balancer = "balancer://db",
                                 .scope = hosts[1],
                                 .unchecked = 1};
    begin_term(&term, &fake, table, *state);
    run_one_tick(&term);
    assert_int_equal(fake.records[0].down, 0); /* the main server's is down */
    assert_int_equal(fake.records[1].down, 1); /* its own is up */
    end_term(&term);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(up_down_and_up_again),
        test_with_pool(mirror_is_written_again),
        test_with_pool(members_come_and_go),
        test_with_pool(next_leader_goes_on),
        test_with_pool(full_table_is_said_once),
        test_with_pool(member_that_cannot_be_set_up),
        test_with_pool(initial_states),
        test_with_pool(member_without_checks),
        test_with_pool(what_the_configuration_says_of_a_member),
        test_with_pool(members_that_need_another_balancer),
        test_with_pool(members_that_need_a_service),
        test_with_pool(required_balancer_of_the_virtual_host),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
