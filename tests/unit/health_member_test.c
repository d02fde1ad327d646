/* SPDX-License-Identifier: Apache-2.0 */
#include "health_testing.h"

#include "health_member.h"

static apr_time_t now;

/* Judges a row of outcomes, '+' and '-', with rise 2 and fall 3; returns how many transitions came
 * of it. */
static int judge(health_member_t *member, const char *row)
{
    int transitions = 0;

    for (; *row; row++) {
        health_outcome_t outcome = {*row == '+', 1000, ++now,
                                    *row == '+' ? "status 200" : "refused"};
        health_state_e from;

        transitions += health_member_judge(member, 2, 3, &outcome, &from);
    }
    return transitions;
}

static void checking_until_proven(void **state)
{
    health_member_t member;

    (void)state;
    health_member_init(&member, 5);
    assert_int_equal(member.state, HEALTH_CHECKING);
    assert_int_equal(member.since, 5);
    assert_int_equal(judge(&member, "--"), 0);
    assert_int_equal(member.state, HEALTH_CHECKING);
    assert_int_equal(judge(&member, "+"), 1);
    assert_int_equal(member.state, HEALTH_UP);
    health_member_init(&member, 5);
    assert_int_equal(judge(&member, "---"), 1);
    assert_int_equal(member.state, HEALTH_DOWN);
}

static void counts_are_strictly_consecutive(void **state)
{
    health_member_t member;

    (void)state;
    health_member_init(&member, 0);
    assert_int_equal(judge(&member, "+--+--+--+--+--+"), 1);
    assert_int_equal(member.state, HEALTH_UP);
    assert_int_equal(judge(&member, "---"), 1);
    assert_int_equal(member.state, HEALTH_DOWN);
    assert_int_equal(judge(&member, "+-+-+-+-"), 0);
    assert_int_equal(member.state, HEALTH_DOWN);
    assert_int_equal(judge(&member, "++"), 1);
    assert_int_equal(member.state, HEALTH_UP);
    assert_int_equal(member.passes, 2);
    assert_int_equal(member.failures, 0);
}

static void last_probes_are_kept(void **state)
{
    health_member_t member;

    (void)state;
    health_member_init(&member, 0);
    assert_null(health_member_past(&member, 0));
    judge(&member, "+-");
    assert_false(health_member_past(&member, 0)->passed);
    assert_string_equal(health_member_past(&member, 0)->result, "refused");
    assert_true(health_member_past(&member, 1)->passed);
    assert_string_equal(health_member_past(&member, 1)->result, "status 200");
    assert_int_equal(health_member_past(&member, 1)->latency, 1000);
    assert_int_equal(health_member_past(&member, 1)->when, now - 1);
    assert_null(health_member_past(&member, 2));
    judge(&member, "+++++++++");
    for (apr_uint32_t i = 0; i < HEALTH_PROBES; i++)
        assert_int_equal(health_member_past(&member, i)->when, now - i);
    assert_null(health_member_past(&member, HEALTH_PROBES));
    /* The file of a full restart keeps the count and not the probes. */
    memset(member.past, 0, sizeof(member.past));
    assert_null(health_member_past(&member, 0));
}

static void counters_and_latency(void **state)
{
    health_outcome_t slow = {1, 9000, 7, "status 200"};
    health_outcome_t failed = {0, 50, 8, "timeout"};
    health_member_t member;
    health_state_e from;

    (void)state;
    health_member_init(&member, 0);
    judge(&member, "+");
    assert_int_equal(member.latency_average, 1000);
    health_member_judge(&member, 2, 3, &slow, &from);
    assert_int_equal(member.latency, 9000);
    assert_int_equal(member.latency_average, 2000);
    health_member_judge(&member, 2, 3, &failed, &from);
    assert_int_equal(member.latency, 9000);
    assert_int_equal(member.probes, 3);
    assert_int_equal(member.probes_failed, 1);
    assert_int_equal(member.probed, 8);
    assert_int_equal(member.failed, 8);
    assert_string_equal(health_member_past(&member, 0)->result, "timeout");
}

static void history_keeps_the_latest(void **state)
{
    health_member_t member;

    (void)state;
    now = 0;
    health_member_init(&member, 0);
    assert_null(health_member_history(&member, 0));
    judge(&member, "+---");
    assert_int_equal(health_member_history(&member, 0)->to, HEALTH_DOWN);
    assert_int_equal(health_member_history(&member, 0)->from, HEALTH_UP);
    assert_int_equal(health_member_history(&member, 0)->when, 4);
    assert_string_equal(health_member_history(&member, 0)->reason, "refused");
    assert_int_equal(health_member_history(&member, 1)->to, HEALTH_UP);
    assert_int_equal(health_member_history(&member, 1)->from, HEALTH_CHECKING);
    assert_null(health_member_history(&member, 2));
    for (int i = 0; i < 20; i++)
        judge(&member, "++---");
    assert_int_equal(member.transitions, 42);
    for (apr_uint32_t i = 0; i < HEALTH_HISTORY; i++)
        assert_int_equal(health_member_history(&member, i)->to, i % 2 ? HEALTH_UP : HEALTH_DOWN);
    assert_null(health_member_history(&member, HEALTH_HISTORY));
    assert_int_equal(member.since, health_member_history(&member, 0)->when);
}

static void long_results_are_cut(void **state)
{
    char text[500];
    health_outcome_t outcome = {0, 0, 1, text};
    health_member_t member;
    health_state_e from;

    (void)state;
    memset(text, 'x', sizeof(text));
    text[499] = '\0';
    health_member_init(&member, 0);
    assert_int_equal(health_member_judge(&member, 1, 1, &outcome, &from), 1);
    assert_int_equal(from, HEALTH_CHECKING);
    assert_int_equal(strlen(health_member_past(&member, 0)->result), HEALTH_TEXT - 1);
    assert_int_equal(strlen(member.history[0].reason), HEALTH_TEXT - 1);
}

static void bitmap(void **state)
{
    health_member_t member;
    char text[65];

    (void)state;
    health_member_init(&member, 0);
    health_member_bitmap_text(&member, text);
    assert_string_equal(text, "");
    judge(&member, "+-+");
    health_member_bitmap_text(&member, text);
    assert_string_equal(text, "+-+");
    for (int i = 0; i < 70; i++)
        judge(&member, i % 2 ? "-" : "+");
    health_member_bitmap_text(&member, text);
    assert_int_equal(strlen(text), 64);
    assert_string_equal(text + 60, "+-+-");
    /* What another process left is no more trusted than it must be. */
    member.probes_in_bitmap = 1000;
    health_member_bitmap_text(&member, text);
    assert_int_equal(strlen(text), 64);
}

static void names_of_states(void **state)
{
    (void)state;
    assert_string_equal(health_member_state_name(HEALTH_CHECKING), "checking");
    assert_string_equal(health_member_state_name(HEALTH_UP), "up");
    assert_string_equal(health_member_state_name(HEALTH_DOWN), "down");
    assert_string_equal(health_member_state_name(77), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checking_until_proven),
        cmocka_unit_test(counts_are_strictly_consecutive),
        cmocka_unit_test(last_probes_are_kept),
        cmocka_unit_test(counters_and_latency),
        cmocka_unit_test(history_keeps_the_latest),
        cmocka_unit_test(long_results_are_cut),
        cmocka_unit_test(bitmap),
        cmocka_unit_test(names_of_states),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
