/* SPDX-License-Identifier: Apache-2.0 */
#include "health_server.h"

#include "health_action.h"
#include "health_calm.h"

/* A member that a tick has looked at, and that gives the next one nothing to do. */
typedef struct fixture_t {
    fake_server_t fake;
    health_eject_settings_t settings;
    health_eject_t eject;
    health_lookups_t lookups;
    health_group_t group;
    apr_uint32_t panic;
    health_entry_t *entry;
    health_target_t *target;
    tier_loop_t *loop;
} fixture_t;

static void set_state(fixture_t *f, health_state_e state)
{
    health_member_t member = f->entry->record.member;

    member.state = state;
    health_entry_set_member(f->entry, &member);
    health_target_mirror(f->target);
    health_calm_note(f->target);
}

static void set_up(fixture_t *f, apr_pool_t *pool)
{
    health_spec_t spec;

    memset(f, 0, sizeof(*f));
    open_server(&f->fake);
    f->settings = (health_eject_settings_t){2, MS(1000), MS(5000), 50};
    f->fake.records[0] = (record_t){.url = "http://m", .port = 1};
    spec = spec_of(&f->fake, &f->fake.records[0]);
    spec.ejecting = &f->settings;
    spec.eject = &f->eject;
    assert_int_equal(tier_loop_create(&f->loop, 8, pool), APR_SUCCESS);
    f->entry = health_table_claim(new_table(2, pool), &spec.key, apr_time_now());
    assert_int_equal(health_target_create(&f->target, &spec, f->entry, &f->fake.server, &f->lookups,
                                          f->loop, pool),
                     APR_SUCCESS);
    APR_ARRAY_PUSH(f->target->refs, void *) = &f->fake.records[0];
    f->group.panic = &f->panic;
    f->target->group = &f->group;
    set_state(f, HEALTH_UP);
    assert_true(health_calm_holds(f->target));
}

static void test_up_or_down_it_can_be_calm(void **state)
{
    fixture_t f;

    set_up(&f, *state);
    set_state(&f, HEALTH_DOWN);
    assert_int_equal(f.fake.records[0].down, 1);
    assert_true(health_calm_holds(f.target));
    f.panic = HEALTH_PANIC_FEW; /* now it is to be tried all the same */
    assert_false(health_calm_holds(f.target));
    f.panic = HEALTH_PANIC_NO;
    assert_true(health_calm_holds(f.target));
    f.fake.records[0].down = 0; /* the server has overwritten its word */
    assert_false(health_calm_holds(f.target));
    health_target_destroy(f.target, f.loop);
}

static void test_what_others_do_ends_it(void **state)
{
    fixture_t f;
    record_t *record = &f.fake.records[0];

    set_up(&f, *state);
    f.entry->order = HEALTH_ACTION_DRAIN;
    assert_false(health_calm_holds(f.target));
    f.entry->order = HEALTH_ACTION_NONE;
    record->error = 1;
    assert_false(health_calm_holds(f.target));
    record->error = 0;
    record->drains = 1;
    assert_false(health_calm_holds(f.target));
    record->drains = 0;
    f.entry->ramp = MS(1);
    assert_false(health_calm_holds(f.target));
    f.entry->ramp = 0;
    assert_true(health_calm_holds(f.target));
    assert_int_not_equal(health_eject_claim(&f.eject, &f.settings, MS(5)), 0);
    assert_false(health_calm_holds(f.target));
    health_eject_confirm(&f.eject, HEALTH_ATTEMPT_TIMEOUT, 0);
    health_eject_end(&f.eject, MS(6));
    f.eject.noted = 1;
    assert_false(health_calm_holds(f.target)); /* it is still to be forgotten */
    f.eject.count = 0;
    assert_true(health_calm_holds(f.target));
    health_target_destroy(f.target, f.loop);
}

static void change(fixture_t *f, void (*how)(health_member_t *member))
{
    health_member_t member = f->entry->record.member;

    how(&member);
    health_entry_set_member(f->entry, &member);
    assert_false(health_calm_holds(f->target)); /* it is another record */
    health_calm_note(f->target);
}

static void ask_for_drain(health_member_t *member)
{
    member->advice = (health_advice_t){.weight = 100, .drain = 1};
}

static void ask_for_less(health_member_t *member)
{
    member->advice = (health_advice_t){.weight = 30};
}

static void ask_for_all(health_member_t *member)
{
    member->advice = (health_advice_t){.weight = 100};
}

static void maintain(health_member_t *member)
{
    member->mode = HEALTH_MODE_MAINTENANCE;
}

static void eject_it(health_member_t *member)
{
    member->mode = HEALTH_MODE_NORMAL;
    member->ejected_until = 1;
}

static void tell_more(health_member_t *member)
{
    member->ejected_until = 0;
    member->transitions = 1;
}

static void test_a_record_that_wants_something_is_not_calm(void **state)
{
    void (*const how[])(health_member_t *) = {ask_for_drain, ask_for_less, maintain, eject_it,
                                              tell_more};
    fixture_t f;

    for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
        set_up(&f, *state);
        change(&f, ask_for_all);
        assert_true(health_calm_holds(f.target));
        change(&f, how[i]);
        assert_false(health_calm_holds(f.target));
        health_target_destroy(f.target, f.loop);
    }
}

static void test_who_cannot_tell_is_always_looked_at(void **state)
{
    fixture_t f;

    set_up(&f, *state);
    f.fake.server.says = NULL;
    health_calm_note(f.target);
    assert_false(health_calm_holds(f.target));
    health_target_destroy(f.target, f.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(test_up_or_down_it_can_be_calm),
        test_with_pool(test_what_others_do_ends_it),
        test_with_pool(test_a_record_that_wants_something_is_not_calm),
        test_with_pool(test_who_cannot_tell_is_always_looked_at),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
