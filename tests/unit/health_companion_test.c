/* SPDX-License-Identifier: Apache-2.0 */
#include "health_server.h"

#include "health_companion.h"

#define WELL "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

/* A member with a check that passes as long as nothing else is said, and an agent beside it. */
typedef struct fixture_t {
    fake_server_t fake;
    member_server_t member, agent;
    health_lookups_t lookups;
    health_group_t group;
    tier_loop_t *loop;
    health_entry_t *entry;
    health_target_t *target;
} fixture_t;

static void make_target(fixture_t *f, apr_pool_t *pool)
{
    health_spec_t spec = spec_of(&f->fake, &f->fake.records[0]);

    assert_int_equal(health_target_create(&f->target, &spec, f->entry, &f->fake.server, &f->lookups,
                                          f->loop, pool),
                     APR_SUCCESS);
    f->target->group = &f->group;
    APR_ARRAY_PUSH(f->target->refs, void *) = &f->fake.records[0];
    health_target_schedule(f->target, f->loop, tier_clock_now());
}

static fixture_t *open_fixture(const char *line, apr_pool_t *pool)
{
    fixture_t *f = apr_pcalloc(pool, sizeof(*f));
    health_spec_t spec;

    open_server(&f->fake);
    open_member(&f->member, WELL);
    open_member(&f->agent, line);
    f->agent.speaks_first = 1;
    f->fake.check.agent_port = (apr_port_t)f->agent.port;
    f->fake.check.agent_interval = MS(50);
    f->fake.records[0].url = "http://m";
    f->fake.records[0].port = f->member.port;
    spec = spec_of(&f->fake, &f->fake.records[0]);
    assert_int_equal(tier_loop_create(&f->loop, 8, pool), APR_SUCCESS);
    f->entry = health_table_claim(new_table(2, pool), &spec.key, apr_time_now());
    make_target(f, pool);
    return f;
}

static void says(member_server_t *server, const char *text)
{
    __atomic_store_n(&server->text, text, __ATOMIC_RELEASE);
}

static void close_fixture(fixture_t *f)
{
    health_target_destroy(f->target, f->loop);
    close_member(&f->member);
}

static const health_member_t *member_of(const fixture_t *f)
{
    return &f->entry->record.member;
}

static void test_advice_holds_beside_the_check(void **state)
{
    fixture_t *f = open_fixture("up 25%\n", *state);

    RUN_UNTIL(f->loop, member_of(f)->state == HEALTH_UP && member_of(f)->advice.weight == 25);
    assert_string_equal(health_member_past(member_of(f), 0)->result, "status 200 OK");
    says(&f->agent, "drain\n");
    RUN_UNTIL(f->loop, member_of(f)->advice.drain);
    assert_int_equal(member_of(f)->advice.weight, 100);
    assert_int_equal(member_of(f)->state, HEALTH_UP);
    close_fixture(f);
    close_member(&f->agent);
}

static void test_down_when_either_says_so(void **state)
{
    fixture_t *f = open_fixture("up\n", *state);

    RUN_UNTIL(f->loop, member_of(f)->state == HEALTH_UP);
    says(&f->agent, "maint # a new disk\n");
    RUN_UNTIL(f->loop, member_of(f)->state == HEALTH_DOWN);
    assert_string_equal(health_member_past(member_of(f), 0)->result,
                        "maint: the agent says \"maint # a new disk\"");
    says(&f->agent, "up\n");
    RUN_UNTIL(f->loop, member_of(f)->state == HEALTH_UP);
    says(&f->member, "HTTP/1.1 500 Broken\r\n\r\n");
    RUN_UNTIL(f->loop, member_of(f)->state == HEALTH_DOWN);
    assert_string_equal(health_member_past(member_of(f), 0)->result,
                        "bad_status: status 500 Broken");
    close_fixture(f);
    close_member(&f->agent);
}

/* Nothing and nonsense count as no answer. */
static void test_an_agent_that_is_gone_has_no_say(void **state)
{
    fixture_t *f = open_fixture("down 10%\n", *state);
    health_companion_t *companion;

    RUN_UNTIL(f->loop, member_of(f)->state == HEALTH_DOWN && member_of(f)->advice.weight == 10);
    companion = f->target->companion;
    companion->check.fall = 100000;
    says(&f->agent, "what?\n");
    RUN_UNTIL(f->loop, companion->missed > 0);
    assert_non_null(health_companion_refuses(companion)); /* what it said last holds */
    companion->check.fall = companion->missed + 1;
    close_member(&f->agent);
    RUN_UNTIL(f->loop, member_of(f)->state == HEALTH_UP);
    assert_int_equal(member_of(f)->advice.weight, 100);
    RUN_UNTIL(f->loop, member_of(f)->passes > 5);
    assert_int_equal(count_lines(&f->fake.log, "WT1074"), 1);
    close_fixture(f);
}

static void test_a_new_watch_asks_the_agent_before_a_member_returns(void **state)
{
    fixture_t *f = open_fixture("down\n", *state);
    apr_uint64_t probes;

    RUN_UNTIL(f->loop, member_of(f)->state == HEALTH_DOWN);
    health_target_destroy(f->target, f->loop);
    says(&f->agent, NULL); /* it accepts, and hangs until it is left */
    f->fake.check.timeout = MS(1000);
    f->fake.check.agent_interval = MS(60000);
    make_target(f, *state);
    assert_true(health_companion_is_awaited(f->target->companion));
    probes = member_of(f)->probes;
    for (int i = 0; i < 20 && health_companion_is_awaited(f->target->companion); i++) {
        run_for(f->loop, MS(5));
        if (health_companion_is_awaited(f->target->companion))
            assert_int_equal(member_of(f)->probes, probes);
    }
    RUN_UNTIL(f->loop, member_of(f)->state == HEALTH_UP); /* it was asked, and said nothing */
    close_fixture(f);
    close_member(&f->agent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(test_advice_holds_beside_the_check),
        test_with_pool(test_down_when_either_says_so),
        test_with_pool(test_an_agent_that_is_gone_has_no_say),
        test_with_pool(test_a_new_watch_asks_the_agent_before_a_member_returns),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
