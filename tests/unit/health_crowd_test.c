/* SPDX-License-Identifier: Apache-2.0 */
#include "health_live.h"

#include "health_crowd.h"

#define NOW apr_time_from_sec(1000)

/* Four members that pass their checks, of which half may be ejected; the balancer is counted. */
static apr_hash_t *open_crowd(live_balancer_t *b, apr_pool_t *pool)
{
    apr_hash_t *targets = apr_hash_make(pool);

    open_live(b, 1, pool);
    health_outlier_defaults(&b->settings.outlier);
    for (int i = 0; i < LIVE_MEMBERS; i++) {
        health_target_t *target = b->members[i].target;

        check_says(&b->members[i], HEALTH_UP, 0);
        apr_hash_set(targets, &target->key, sizeof(target->key), target);
        health_group_count(&b->group, HEALTH_STANDING_READY, 0);
    }
    return targets;
}

/* Member i has answered 200 requests, so many of them with failures. */
static void serve(live_balancer_t *b, int i, int failures)
{
    for (int n = 0; n < 200; n++)
        health_outlier_add(&b->members[i].outlier, &b->settings.outlier, n < failures, MS(1), NOW);
}

static void judge(apr_hash_t *targets, apr_pool_t *pool)
{
    apr_pool_t *scratch;

    assert_int_equal(apr_pool_create(&scratch, pool), APR_SUCCESS);
    health_crowd_judge(targets, NOW, scratch);
}

static int count_out(const live_balancer_t *b)
{
    int out = 0;

    for (int i = 0; i < LIVE_MEMBERS; i++)
        out += health_eject_is_out(&b->members[i].eject);
    return out;
}

static void outlier_is_ejected(void **state)
{
    live_balancer_t b;
    apr_hash_t *targets = open_crowd(&b, *state);
    live_member_t *bad = &b.members[2];

    for (int i = 0; i < LIVE_MEMBERS; i++)
        serve(&b, i, i == 2 ? 100 : 0);
    judge(targets, *state);
    assert_int_equal(count_out(&b), 1);
    assert_int_equal(bad->eject.until, NOW + MS(1000));
    assert_int_equal(bad->record->down, 1);
    assert_int_equal(last_state(bad), HEALTH_EJECTED);
    assert_string_equal(last_reason(bad),
                        "only 50% of its requests succeed, fewer than of the others");
    assert_int_equal(b.group.ready, 3);
    assert_int_equal(count_lines(&b.fake.log, "WT1066"), 1);
    assert_non_null(strstr(b.fake.log.lines[0].text, "http://o is an outlier and ejected for 1000 "
                                                     "ms"));
    /* It begins anew: what it did before the ejection is not held against it after. */
    assert_int_equal(health_outlier_sum(&bad->outlier, &b.settings.outlier, NOW).failed, 0);
}

static void nobody_sticks_out(void **state)
{
    live_balancer_t b;
    apr_hash_t *targets = open_crowd(&b, *state);

    for (int i = 0; i < LIVE_MEMBERS; i++)
        serve(&b, i, 100);
    judge(targets, *state);
    assert_int_equal(count_out(&b), 0);
    assert_int_equal(b.fake.log.count, 0);
}

static void only_where_it_is_on(void **state)
{
    live_balancer_t b;
    apr_hash_t *targets = open_crowd(&b, *state);

    for (int i = 0; i < LIVE_MEMBERS; i++)
        serve(&b, i, i == 2 ? 200 : 0);
    b.settings.outlier.on = 0;
    judge(targets, *state);
    assert_int_equal(count_out(&b), 0);
    b.settings.outlier.on = 1;
    b.members[2].target->outlier = NULL;
    judge(targets, *state);
    assert_int_equal(count_out(&b), 0);
}

/* Half of four, of which live requests have ejected one. */
static void no_more_than_the_share(void **state)
{
    live_balancer_t b;
    apr_hash_t *targets = open_crowd(&b, *state);

    eject_live(&b, &b.members[0], NOW);
    b.settings.outlier.success = 0;
    b.settings.outlier.members = 1;
    for (int i = 0; i < LIVE_MEMBERS; i++)
        serve(&b, i, i == 3 ? 0 : 200);
    judge(targets, *state);
    assert_int_equal(count_out(&b), 2);
    assert_false(health_eject_is_out(&b.members[3].eject));
    assert_int_equal(count_lines(&b.fake.log, "WT1066"), 1);
}

static void last_ready_member_stays(void **state)
{
    live_balancer_t b;
    apr_hash_t *targets = open_crowd(&b, *state);

    for (int i = 0; i < LIVE_MEMBERS; i++)
        serve(&b, i, i == 1 ? 200 : 0);
    b.group.ready = 1;
    judge(targets, *state);
    assert_int_equal(count_out(&b), 0);
    b.group.ready = 2;
    judge(targets, *state);
    assert_true(health_eject_is_out(&b.members[1].eject));
}

static void nobody_in_a_panic(void **state)
{
    live_balancer_t b;
    apr_hash_t *targets = open_crowd(&b, *state);

    for (int i = 0; i < LIVE_MEMBERS; i++)
        serve(&b, i, i == 1 ? 200 : 0);
    b.panic = HEALTH_PANIC_FEW;
    judge(targets, *state);
    assert_int_equal(count_out(&b), 0);
}

/* Two fail half of their requests, but their balancer has no others. */
static void balancers_are_judged_apart(void **state)
{
    live_balancer_t b;
    apr_hash_t *targets = open_crowd(&b, *state);
    health_group_t other;

    b.settings.outlier.members = 2;
    other = b.group;
    for (int i = 0; i < LIVE_MEMBERS; i++)
        serve(&b, i, i < 2 ? 100 : 0);
    b.members[0].target->group = b.members[1].target->group = &other;
    judge(targets, *state);
    assert_int_equal(count_out(&b), 0);
    b.members[1].target->group = &b.group;
    judge(targets, *state);
    assert_int_equal(count_out(&b), 1);
    assert_true(health_eject_is_out(&b.members[1].eject));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(outlier_is_ejected),         test_with_pool(nobody_sticks_out),
        test_with_pool(only_where_it_is_on),        test_with_pool(no_more_than_the_share),
        test_with_pool(last_ready_member_stays),    test_with_pool(nobody_in_a_panic),
        test_with_pool(balancers_are_judged_apart),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
