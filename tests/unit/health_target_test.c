/* SPDX-License-Identifier: Apache-2.0 */
#include "health_targets.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(state_is_mirrored),
        test_with_pool(error_that_the_probes_saw_too),
        test_with_pool(error_that_the_probes_did_not_see),
        test_with_pool(standing_beside_what_was_found_out),
        test_with_pool(maintenance_is_out_of_service),
        test_with_pool(slow_start_ends_with_the_whole_share),
        test_with_pool(advice_is_applied),
        test_with_pool(drains_do_not_cancel_each_other),
        test_with_pool(agents_end_leaves_a_drain_that_was_there),
        test_with_pool(next_leader_knows_whose_drain_it_is),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
