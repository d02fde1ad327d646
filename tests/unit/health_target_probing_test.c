/* SPDX-License-Identifier: Apache-2.0 */
#include "health_targets.h"

#include "health_review.h"

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
    RUN_UNTIL(f.loop, f.entry->record.member.state == HEALTH_DOWN);
    assert_string_equal(health_member_past(&f.entry->record.member, 0)->result,
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
    RUN_UNTIL(f.loop, f.entry->record.member.state == HEALTH_UP);
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

/* rise= is for a balancer that has somebody else to ask. */
static void first_pass_is_enough_when_nobody_is_left(void **state)
{
    health_group_t group = {.all = 2, .usable = 1};
    member_server_t member;
    fixture_t f;

    open_member(&member, "HTTP/1.1 500 No\r\n\r\n");
    make_target(&f, "http://m", NULL, member.port, *state);
    f.target->group = &group;
    health_target_schedule(f.target, f.loop, tier_loop_now(f.loop));
    (void)run_until(&f, HEALTH_DOWN, 0, 3);
    __atomic_store_n(&member.text, "HTTP/1.1 200 OK\r\n\r\n", __ATOMIC_RELEASE);
    (void)run_until(&f, HEALTH_DOWN, 1, 0);
    (void)run_until(&f, HEALTH_UP, 2, 0);
    __atomic_store_n(&member.text, "HTTP/1.1 500 No\r\n\r\n", __ATOMIC_RELEASE);
    RUN_UNTIL(f.loop, f.entry->record.member.state == HEALTH_DOWN);
    group.usable = 0;
    __atomic_store_n(&member.text, "HTTP/1.1 200 OK\r\n\r\n", __ATOMIC_RELEASE);
    (void)run_until(&f, HEALTH_UP, 1, 0);
    health_target_destroy(f.target, f.loop);
    close_member(&member);
}

/* With the pass that brings the member up, not only at the next tick. */
static void ejection_that_the_checks_saw_ends_with_their_pass(void **state)
{
    const health_eject_settings_t settings = {2, MS(600000), MS(600000), 100, {0}};
    health_eject_t eject = {0};
    member_server_t member;
    fixture_t f;

    open_member(&member, "HTTP/1.1 500 No\r\n\r\n");
    make_target(&f, "http://m", NULL, member.port, *state);
    f.target->eject = &eject;
    f.target->ejecting = &settings;
    health_target_schedule(f.target, f.loop, tier_loop_now(f.loop));
    (void)run_until(&f, HEALTH_DOWN, 0, 3);
    assert_int_not_equal(health_eject_claim(&eject, &settings, tier_clock_now()), 0);
    health_eject_confirm(&eject, HEALTH_ATTEMPT_TIMEOUT, 0);
    health_review(f.target, tier_clock_now()); /* as a tick does, while it is down */
    assert_true(health_eject_is_out(&eject));
    __atomic_store_n(&member.text, "HTTP/1.1 200 OK\r\n\r\n", __ATOMIC_RELEASE);
    (void)run_until(&f, HEALTH_UP, 2, 0);
    assert_false(health_eject_is_out(&eject));
    assert_int_equal(count_lines(&f.fake.log, "WT1061"), 1);
    assert_int_equal(f.fake.records[0].down, 0);
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

/* One that hangs as long as the interval does not put the next one off; one that has time left
 * does.
 */
static void probe_that_is_nearly_over_when_the_next_is_due(void **state)
{
    member_server_t member;
    apr_time_t now;
    fixture_t f;

    open_member(&member, NULL);
    make_target(&f, "http://m", NULL, member.port, *state);
    f.fake.check.interval = f.fake.check.suspect = f.fake.check.timeout = MS(20000);
    health_target_schedule(f.target, f.loop, tier_loop_now(f.loop));
    RUN_UNTIL(f.loop, health_probe_active(&f.target->probe));
    now = f.entry->due = tier_loop_now(f.loop);
    f.target->probed = now - MS(20000);
    tier_loop_timer_set(f.loop, &f.target->probe.timer, now + MS(100));
    f.target->timer.fire(f.loop, &f.target->timer);
    assert_int_equal(f.entry->record.member.probes, 0);
    assert_true(f.target->overdue);
    tier_loop_timer_set(f.loop, &f.target->probe.timer, now + MS(1));
    f.target->timer.fire(f.loop, &f.target->timer);
    assert_int_equal(f.entry->record.member.probes, 1);
    assert_true(health_probe_active(&f.target->probe)); /* the next one */
    assert_false(f.target->overdue);
    assert_int_equal(f.entry->due, now + MS(20000));
    health_target_destroy(f.target, f.loop);
    close_member(&member);
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
        test_with_pool(due_time_is_taken_over),
        test_with_pool(name_that_does_not_resolve),
        test_with_pool(name_of_this_host),
        test_with_pool(own_fault_changes_nothing),
        test_with_pool(bad_address),
        test_with_pool(intervals_follow_the_state),
        test_with_pool(first_pass_is_enough_when_nobody_is_left),
        test_with_pool(ejection_that_the_checks_saw_ends_with_their_pass),
        test_with_pool(probes_do_not_overlap),
        test_with_pool(probe_that_is_nearly_over_when_the_next_is_due),
        test_with_pool(probes_go_elsewhere),
        test_with_pool(name_that_a_certificate_must_have),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
