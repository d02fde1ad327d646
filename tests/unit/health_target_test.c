/* SPDX-License-Identifier: Apache-2.0 */
#include "health_server.h"

typedef struct fixture_t {
    fake_server_t fake;
    health_lookups_t lookups;
    tier_loop_t *loop;
    health_entry_t *entry;
    health_target_t *target;
} fixture_t;

static void make_target(fixture_t *f, const char *url, const char *host, int port, apr_pool_t *pool)
{
    health_spec_t spec;

    open_server(&f->fake);
    f->lookups.under_way = 0;
    f->fake.records[0].url = url;
    f->fake.records[0].host = host;
    f->fake.records[0].port = port;
    spec = spec_of(&f->fake, &f->fake.records[0]);
    assert_int_equal(tier_loop_create(&f->loop, 8, pool), APR_SUCCESS);
    f->entry = health_table_claim(new_table(2, pool), &spec.key, apr_time_now());
    assert_int_equal(health_target_create(&f->target, &spec, f->entry, &f->fake.server, &f->lookups,
                                          f->loop, pool),
                     APR_SUCCESS);
    APR_ARRAY_PUSH(f->target->refs, void *) = &f->fake.records[0];
}

static void authorities(void **state)
{
    health_spec_t spec = {.scheme = "http", .host = "app.example", .port = 8080};

    assert_string_equal(health_target_authority(&spec, *state), "app.example:8080");
    spec.port = 80;
    assert_string_equal(health_target_authority(&spec, *state), "app.example");
    spec.host = "::1";
    assert_string_equal(health_target_authority(&spec, *state), "[::1]");
    spec.port = 81;
    assert_string_equal(health_target_authority(&spec, *state), "[::1]:81");
    spec.scheme = "https";
    assert_string_equal(health_target_authority(&spec, *state), "[::1]:81");
    spec.port = 443;
    assert_string_equal(health_target_authority(&spec, *state), "[::1]");
    spec.host = "localhost";
    spec.socket_path = "/s";
    assert_string_equal(health_target_authority(&spec, *state), "localhost");
}

static void state_is_mirrored(void **state)
{
    fixture_t f;

    make_target(&f, "http://m", NULL, 1, *state);
    health_target_mirror(f.target);
    assert_int_equal(f.fake.records[0].down, 0);
    f.entry->record.member.state = HEALTH_DOWN;
    health_target_mirror(f.target);
    assert_int_equal(f.fake.records[0].down, 1);
    f.entry->record.member.state = HEALTH_UP;
    health_target_mirror(f.target);
    assert_int_equal(f.fake.records[0].down, 0);
    assert_int_equal(f.fake.records[0].recovered, 0);
}

static void error_that_the_probes_saw_too(void **state)
{
    fixture_t f;
    health_member_t *member;

    make_target(&f, "http://m", NULL, 1, *state);
    member = &f.entry->record.member;
    member->state = HEALTH_UP;
    member->failed = MS(10000);
    member->passes = 1;
    f.fake.records[0].error = MS(10010);
    health_target_mirror(f.target);
    assert_int_equal(f.fake.records[0].recovered, 0); /* rise is 2 */
    member->passes = 2;
    health_target_mirror(f.target);
    assert_int_equal(f.fake.records[0].recovered, 1);
}

/* The health URL is fine, the traffic is not: the server's own finding is not cancelled by good
 * probes. */
static void error_that_the_probes_did_not_see(void **state)
{
    fixture_t f;

    make_target(&f, "http://m", NULL, 1, *state);
    f.entry->record.member.state = HEALTH_UP;
    f.entry->record.member.passes = 100;
    f.fake.records[0].error = MS(20000);
    health_target_mirror(f.target);
    f.entry->record.member.failed = MS(10000); /* long before */
    health_target_mirror(f.target);
    assert_int_equal(f.fake.records[0].recovered, 0);
    assert_int_equal(f.fake.records[0].error, MS(20000));
}

static void due_time_is_taken_over(void **state)
{
    fixture_t f;
    apr_time_t now;

    make_target(&f, "http://m", NULL, 1, *state);
    now = tier_loop_now(f.loop);
    f.entry->due = now + MS(20);
    assert_int_equal(health_target_schedule(f.target, f.loop, now + MS(40)), APR_SUCCESS);
    assert_int_equal(f.target->timer.due, now + MS(20));
    f.entry->due = now - MS(500);
    assert_int_equal(health_target_schedule(f.target, f.loop, now + MS(40)), APR_SUCCESS);
    assert_int_equal(f.target->timer.due, now + MS(40));
    assert_int_equal(f.entry->due, now + MS(40));
    health_target_destroy(f.target, f.loop);
    run_for(f.loop, MS(80));
    assert_int_equal(f.entry->record.member.probes, 0);
}

static void name_that_does_not_resolve(void **state)
{
    fixture_t f;

    make_target(&f, "http://no-such-host.invalid", "no-such-host.invalid", 80, *state);
    health_target_schedule(f.target, f.loop, tier_loop_now(f.loop));
    for (int i = 0; i < 60 && f.entry->record.member.state != HEALTH_DOWN; i++)
        run_for(f.loop, MS(50));
    assert_int_equal(f.entry->record.member.state, HEALTH_DOWN);
    assert_string_equal(f.entry->record.member.result,
                        "unresolved: the member's name has no address");
    assert_int_equal(f.fake.records[0].down, 1);
    assert_int_equal(count_lines(&f.fake.log, "WT1001"), 1);
    assert_true(count_lines(&f.fake.log, "WT1004") <= 1);
    health_target_destroy(f.target, f.loop);
}

static void name_of_this_host(void **state)
{
    member_server_t member;
    fixture_t f;

    open_member(&member, "HTTP/1.1 200 OK\r\n\r\n");
    make_target(&f, "http://localhost", "localhost", member.port, *state);
    f.fake.check.timeout = MS(50);
    health_target_schedule(f.target, f.loop, tier_loop_now(f.loop));
    for (int i = 0; i < 60 && f.entry->record.member.state != HEALTH_UP; i++)
        run_for(f.loop, MS(50));
    assert_int_equal(f.entry->record.member.state, HEALTH_UP);
    assert_int_equal(count_lines(&f.fake.log, "WT1005"), 1);
    health_target_destroy(f.target, f.loop);
    close_member(&member);
}

/* Runs until the member is in that state with as many passes or failures; returns the interval that
 * holds then. */
static apr_interval_time_t run_until(fixture_t *f, health_state_e wanted, apr_uint32_t passes,
                                     apr_uint32_t failures)
{
    const health_member_t *member = &f->entry->record.member;

    for (int i = 0; i < 2000; i++) {
        if (member->state == wanted && member->passes == passes && member->failures == failures)
            return f->entry->due - f->target->probed;
        run_for(f->loop, MS(2));
    }
    fail();
    return 0;
}

static void stay_silent(tier_loop_t *loop, tier_loop_socket_t *socket, apr_int16_t events)
{
    (void)loop;
    (void)socket;
    (void)events;
}

/* No room for a socket: nothing is known of the member, which is said once. */
static void own_fault_changes_nothing(void **state)
{
    tier_loop_socket_t hog = {.ready = stay_silent};
    member_server_t member;
    health_spec_t spec;
    apr_time_t first;
    fixture_t f;

    open_member(&member, "HTTP/1.1 200 OK\r\n\r\n");
    make_target(&f, "http://m", NULL, member.port, *state);
    spec = spec_of(&f.fake, &f.fake.records[0]);
    assert_int_equal(tier_loop_create(&f.loop, 1, *state), APR_SUCCESS);
    assert_int_equal(
        health_target_create(&f.target, &spec, f.entry, &f.fake.server, &f.lookups, f.loop, *state),
        APR_SUCCESS);
    assert_int_equal(apr_socket_create(&hog.socket, APR_INET, SOCK_DGRAM, 0, *state), APR_SUCCESS);
    assert_int_equal(tier_loop_socket_watch(f.loop, &hog, APR_POLLIN), APR_SUCCESS);
    first = tier_loop_now(f.loop);
    health_target_schedule(f.target, f.loop, first);
    for (int i = 0; i < 1000 && f.entry->due < first + 3 * f.fake.check.interval; i++)
        run_for(f.loop, MS(5));
    assert_int_equal(f.entry->record.member.probes, 0);
    assert_int_equal(f.entry->record.member.state, HEALTH_CHECKING);
    assert_int_equal(count_lines(&f.fake.log, "WT1003"), 1);
    tier_loop_socket_forget(f.loop, &hog);
    (void)run_until(&f, HEALTH_UP, 1, 0);
    health_target_destroy(f.target, f.loop);
    close_member(&member);
}

static void intervals_follow_the_state(void **state)
{
    member_server_t member;
    fixture_t f;

    open_member(&member, "HTTP/1.1 200 OK\r\n\r\n");
    make_target(&f, "http://m", NULL, member.port, *state);
    f.fake.check.interval = MS(150);
    f.fake.check.suspect = MS(51);
    f.fake.check.down = MS(100);
    health_target_schedule(f.target, f.loop, tier_loop_now(f.loop));
    assert_int_equal(run_until(&f, HEALTH_UP, 1, 0), MS(150));
    __atomic_store_n(&member.text, "HTTP/1.1 500 No\r\n\r\n", __ATOMIC_RELEASE);
    assert_int_equal(run_until(&f, HEALTH_UP, 0, 1), MS(51));
    assert_int_equal(run_until(&f, HEALTH_DOWN, 0, 3), MS(100));
    __atomic_store_n(&member.text, "HTTP/1.1 200 OK\r\n\r\n", __ATOMIC_RELEASE);
    assert_int_equal(run_until(&f, HEALTH_DOWN, 1, 0), MS(51));
    assert_int_equal(run_until(&f, HEALTH_UP, 2, 0), MS(150));
    health_target_destroy(f.target, f.loop);
    close_member(&member);
}

/* The interval for suspects is shorter than the time-out: one probe after the other. */
static void probes_do_not_overlap(void **state)
{
    apr_time_t before = tier_clock_now();
    member_server_t member;
    fixture_t f;

    open_member(&member, NULL);
    make_target(&f, "http://m", NULL, member.port, *state);
    f.fake.check.suspect = f.fake.check.down = MS(50);
    f.fake.check.timeout = MS(120);
    health_target_schedule(f.target, f.loop, tier_loop_now(f.loop));
    run_until(&f, HEALTH_DOWN, 0, 3);
    assert_true(tier_clock_now() - before >= 3 * MS(120));
    health_target_destroy(f.target, f.loop);
    close_member(&member);
}

static void advise(fixture_t *f, apr_uint32_t weight, apr_uint32_t drain)
{
    const health_advice_t advice = {weight, drain};
    const health_outcome_t outcome = {
        .passed = 1, .when = apr_time_now(), .result = "said", .advice = &advice};
    health_member_t member = f->entry->record.member;
    health_state_e from;

    health_member_judge(&member, 2, 3, &outcome, &from);
    health_entry_set_member(f->entry, &member);
    health_target_ramp(f->target, tier_clock_now());
    health_target_mirror(f->target);
}

/* What an agent asks for goes into the server's records, and out of them again. */
static void advice_is_applied(void **state)
{
    record_t *record;
    fixture_t f;

    make_target(&f, "http://m", NULL, 1, *state);
    record = &f.fake.records[0];
    advise(&f, 100, 0);
    assert_int_equal(record->share, 0); /* nothing has to be changed */
    advise(&f, 50, 1);
    assert_true(record->share == 50 && record->drains == 1);
    f.target->slow_start = MS(100000);
    f.entry->ramp = tier_clock_now();
    advise(&f, 50, 0);
    assert_true(record->share == 5 && record->drains == 0); /* half of a tenth */
    f.entry->ramp = 0;
    advise(&f, 100, 0);
    assert_int_equal(record->share, 100);
    record->share = 0;
    advise(&f, 100, 0);
    assert_int_equal(record->share, 0);
}

/* An administrator's drain outlasts the agent's. */
static void drains_do_not_cancel_each_other(void **state)
{
    health_member_t member;
    fixture_t f;

    make_target(&f, "http://m", NULL, 1, *state);
    advise(&f, 100, 1);
    member = f.entry->record.member;
    health_member_set_mode(&member, HEALTH_MODE_DRAIN, 1, "asked");
    health_entry_set_member(f.entry, &member);
    advise(&f, 100, 0);
    assert_int_equal(f.fake.records[0].drains, 1);
}

/* A drain of balancer-manager's that was there first stays; one that came after the agent's end is
 * none of the agent's either. */
static void agents_end_leaves_a_drain_that_was_there(void **state)
{
    record_t *record;
    fixture_t f;

    make_target(&f, "http://m", NULL, 1, *state);
    record = &f.fake.records[0];
    record->drains = 1;
    advise(&f, 100, 1);
    advise(&f, 100, 1);
    advise(&f, 100, 0);
    assert_int_equal(record->drains, 1);
    record->drains = 0;
    advise(&f, 100, 1);
    assert_int_equal(record->drains, 1);
    advise(&f, 100, 0);
    assert_int_equal(record->drains, 0);
    record->drains = 1;
    advise(&f, 100, 0);
    assert_int_equal(record->drains, 1);
}

/* The next leader takes the drain over, and knows too that it was there before. */
static void next_leader_knows_whose_drain_it_is(void **state)
{
    health_spec_t spec;
    record_t *record;
    fixture_t f;

    make_target(&f, "http://m", NULL, 1, *state);
    record = &f.fake.records[0];
    record->drains = 1;
    advise(&f, 100, 1);
    spec = spec_of(&f.fake, record);
    assert_int_equal(
        health_target_create(&f.target, &spec, f.entry, &f.fake.server, &f.lookups, f.loop, *state),
        APR_SUCCESS);
    APR_ARRAY_PUSH(f.target->refs, void *) = record;
    advise(&f, 100, 1);
    advise(&f, 100, 0);
    assert_int_equal(record->drains, 1);
}

static health_standing_e in_error(void *baton, void *ref)
{
    (void)baton;
    return ((record_t *)ref)->error ? HEALTH_STANDING_ERROR : HEALTH_STANDING_READY;
}

/* An administrator's word before what the server says. */
static void standing_beside_what_was_found_out(void **state)
{
    fixture_t f;

    make_target(&f, "http://m", NULL, 1, *state);
    assert_int_equal(health_target_standing(f.target), HEALTH_STANDING_READY);
    f.fake.server.standing = in_error;
    assert_int_equal(health_target_standing(f.target), HEALTH_STANDING_READY);
    f.fake.records[0].error = MS(5);
    assert_int_equal(health_target_standing(f.target), HEALTH_STANDING_ERROR);
    f.entry->record.member.mode = HEALTH_MODE_DRAIN;
    assert_int_equal(health_target_standing(f.target), HEALTH_STANDING_STOPPED);
    f.entry->record.member.mode = HEALTH_MODE_NORMAL;
    apr_array_clear(f.target->refs); /* it has no record any more */
    assert_int_equal(health_target_standing(f.target), HEALTH_STANDING_READY);
}

/* Maintenance holds though all is well, and in a panic too. */
static void maintenance_is_out_of_service(void **state)
{
    apr_uint32_t panic = HEALTH_PANIC_FEW;
    health_group_t group = {.percent = 100, .panic = &panic};
    fixture_t f;

    make_target(&f, "http://m", NULL, 1, *state);
    f.target->group = &group;
    f.entry->record.member.state = HEALTH_UP;
    f.entry->record.member.mode = HEALTH_MODE_MAINTENANCE;
    health_target_mirror(f.target);
    assert_int_equal(f.fake.records[0].down, 1);
    health_target_returned(f.target, MS(5));
    health_target_forgive(f.target);
    assert_int_equal(f.fake.records[0].down, 1);
    assert_int_equal(f.fake.records[0].recovered, 0);
}

/* From a tenth to the whole, and never to nothing, whatever the agent wants of it. */
static void slow_start_ends_with_the_whole_share(void **state)
{
    const apr_time_t begun = MS(1000000);
    record_t *record;
    fixture_t f;

    make_target(&f, "http://m", NULL, 1, *state);
    record = &f.fake.records[0];
    f.target->slow_start = MS(10000);
    health_target_returned(f.target, begun);
    assert_int_equal(record->share, 10);
    f.entry->record.member.advice.weight = 1;
    health_target_ramp(f.target, begun);
    assert_int_equal(record->share, 1);
    f.entry->record.member.advice.weight = 0;
    health_target_ramp(f.target, begun + MS(5000));
    assert_true(record->share > 10 && record->share < 100);
    health_target_ramp(f.target, begun + MS(10000));
    assert_int_equal(record->share, 100);
    assert_int_equal(f.entry->ramp, 0);
}

/* What of the member's own is asked for depends on what the check says. */
static const char *peer_of(fixture_t *f, const char *address, const char *host, const char *peer,
                           apr_pool_t *pool)
{
    health_spec_t spec;

    f->fake.check.address = address;
    f->fake.check.host = host;
    f->fake.check.tls.peer = peer;
    spec = spec_of(&f->fake, &f->fake.records[0]);
    assert_int_equal(health_target_create(&f->target, &spec, f->entry, &f->fake.server, &f->lookups,
                                          f->loop, pool),
                     APR_SUCCESS);
    return f->target->probe.peer;
}

static void name_that_a_certificate_must_have(void **state)
{
    fixture_t f;

    make_target(&f, "http://m", "10.0.0.1", 1, *state);
    assert_string_equal(peer_of(&f, NULL, NULL, NULL, *state), "10.0.0.1");
    assert_string_equal(peer_of(&f, "127.0.0.1", NULL, NULL, *state), "127.0.0.1");
    assert_string_equal(peer_of(&f, "/run/socket", NULL, NULL, *state), "10.0.0.1");
    assert_int_equal(health_address_get(f.target->address)->family, APR_UNIX);
    assert_string_equal(peer_of(&f, "127.0.0.1", "www.example:8443", NULL, *state), "www.example");
    assert_string_equal(peer_of(&f, NULL, "www.example", "peer.example", *state), "peer.example");
}

static void probes_go_elsewhere(void **state)
{
    member_server_t member;
    health_spec_t spec;
    fixture_t f;

    open_member(&member, "HTTP/1.1 200 OK\r\n\r\n");
    make_target(&f, "http://m", "no-such-host.invalid", 1, *state);
    health_target_destroy(f.target, f.loop);
    f.fake.check.address = "127.0.0.1";
    f.fake.check.port = (apr_port_t)member.port;
    spec = spec_of(&f.fake, &f.fake.records[0]);
    assert_int_equal(
        health_target_create(&f.target, &spec, f.entry, &f.fake.server, &f.lookups, f.loop, *state),
        APR_SUCCESS);
    health_target_schedule(f.target, f.loop, tier_loop_now(f.loop));
    run_until(&f, HEALTH_UP, 1, 0);
    health_target_destroy(f.target, f.loop);
    close_member(&member);
}

static void bad_address(void **state)
{
    char host[300];
    health_lookups_t lookups = {0};
    health_spec_t spec;
    health_target_t *target;
    tier_loop_t *loop;
    fake_server_t fake;

    open_server(&fake);
    memset(host, 'a', sizeof(host));
    host[299] = '\0';
    fake.records[0].url = "http://a";
    fake.records[0].host = host;
    spec = spec_of(&fake, &fake.records[0]);
    assert_int_equal(tier_loop_create(&loop, 1, *state), APR_SUCCESS);
    assert_int_equal(health_target_create(&target, &spec,
                                          health_table_claim(new_table(1, *state), &spec.key, 1),
                                          &fake.server, &lookups, loop, *state),
                     APR_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(authorities),
        test_with_pool(state_is_mirrored),
        test_with_pool(error_that_the_probes_saw_too),
        test_with_pool(error_that_the_probes_did_not_see),
        test_with_pool(due_time_is_taken_over),
        test_with_pool(name_that_does_not_resolve),
        test_with_pool(name_of_this_host),
        test_with_pool(own_fault_changes_nothing),
        test_with_pool(bad_address),
        test_with_pool(intervals_follow_the_state),
        test_with_pool(probes_do_not_overlap),
        test_with_pool(probes_go_elsewhere),
        test_with_pool(standing_beside_what_was_found_out),
        test_with_pool(maintenance_is_out_of_service),
        test_with_pool(slow_start_ends_with_the_whole_share),
        test_with_pool(name_that_a_certificate_must_have),
        test_with_pool(advice_is_applied),
        test_with_pool(drains_do_not_cancel_each_other),
        test_with_pool(agents_end_leaves_a_drain_that_was_there),
        test_with_pool(next_leader_knows_whose_drain_it_is),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
