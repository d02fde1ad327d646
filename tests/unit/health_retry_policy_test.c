/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include "health_retry_policy.h"

/* A GET that a member had, and failed at. */
static health_retry_case_t get_case(health_attempt_e attempt)
{
    return (health_retry_case_t){
        .attempt = attempt, .made = 1, .allowed = 3, .idempotent = 1, .sent = 1};
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(health_attempt_name(HEALTH_ATTEMPT_TRUNCATED), "truncated");
    assert_string_equal(health_attempt_name(HEALTH_ATTEMPT_PASSED), "passed");
    assert_string_equal(health_attempt_name(HEALTH_ATTEMPT_KINDS), "unknown");
    for (int verdict = HEALTH_RETRY_YES; verdict <= HEALTH_RETRY_USED_UP; verdict++)
        assert_string_not_equal(health_retry_verdict_text((health_retry_verdict_e)verdict),
                                "unknown");
    assert_string_equal(health_retry_verdict_text((health_retry_verdict_e)99), "unknown");
}

static void test_methods(void **state)
{
    static const char *const safe[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"};
    static const char *const unsafe[] = {"POST", "PATCH", "get", "PROPPATCH", "", "GETS"};

    (void)state;
    for (int i = 0; i < 6; i++) {
        assert_true(health_retry_idempotent(safe[i]));
        assert_false(health_retry_idempotent(unsafe[i]));
    }
}

static void test_lists(void **state)
{
    health_retry_on_t on = {0};

    (void)state;
    assert_null(health_retry_on_add(&on, "500"));
    assert_null(health_retry_on_add(&on, "Timeout"));
    assert_true(health_retry_on_status(&on, 500));
    assert_false(health_retry_on_status(&on, 501));
    assert_false(health_retry_on_status(&on, 399));
    assert_false(health_retry_on_status(&on, 600));
    assert_int_equal(on.kinds, 1u << HEALTH_ATTEMPT_TIMEOUT);
    assert_non_null(health_retry_on_add(&on, "passed"));
    assert_non_null(health_retry_on_add(&on, "status"));
    assert_non_null(health_retry_on_add(&on, "600"));
    assert_non_null(health_retry_on_add(&on, "399"));
    assert_non_null(health_retry_on_add(&on, "5xx"));
    assert_non_null(health_retry_on_add(&on, "50"));
    assert_non_null(health_retry_on_add(&on, "50x"));
    assert_non_null(health_retry_on_add(&on, "5000"));
    assert_non_null(health_retry_on_add(&on, ""));
}

static void test_defaults(void **state)
{
    const health_retry_on_t *on = &health_retry_on_default;

    (void)state;
    assert_true(health_retry_on_status(on, 502) && health_retry_on_status(on, 503) &&
                health_retry_on_status(on, 504));
    assert_false(health_retry_on_status(on, 500));
    for (int kind = HEALTH_ATTEMPT_CONNECT; kind < HEALTH_ATTEMPT_STATUS; kind++) {
        health_retry_case_t bad = get_case((health_attempt_e)kind);

        assert_int_equal(health_retry_judge(&bad, on), HEALTH_RETRY_YES);
    }
}

static void test_what_is_listed(void **state)
{
    health_retry_on_t on = {0};
    health_retry_case_t bad = get_case(HEALTH_ATTEMPT_STATUS);

    (void)state;
    bad.status = 500;
    assert_int_equal(health_retry_judge(&bad, &on), HEALTH_RETRY_NOT_LISTED);
    health_retry_on_add(&on, "500");
    assert_int_equal(health_retry_judge(&bad, &on), HEALTH_RETRY_YES);
    bad = get_case(HEALTH_ATTEMPT_TIMEOUT);
    assert_int_equal(health_retry_judge(&bad, &on), HEALTH_RETRY_NOT_LISTED);
    bad = get_case(HEALTH_ATTEMPT_PASSED);
    on.kinds = ~0u;
    assert_int_equal(health_retry_judge(&bad, &on), HEALTH_RETRY_NOT_LISTED);
}

static void test_what_forbids(void **state)
{
    const health_retry_on_t *on = &health_retry_on_default;
    health_retry_case_t bad = get_case(HEALTH_ATTEMPT_EMPTY);

    (void)state;
    bad.made = 3;
    assert_int_equal(health_retry_judge(&bad, on), HEALTH_RETRY_USED_UP);
    bad.bound = 1;
    assert_int_equal(health_retry_judge(&bad, on), HEALTH_RETRY_BOUND);
    bad.body_lost = 1;
    assert_int_equal(health_retry_judge(&bad, on), HEALTH_RETRY_BODY_LOST);
    bad.idempotent = 0;
    assert_int_equal(health_retry_judge(&bad, on), HEALTH_RETRY_UNSAFE);
    bad.aborted = 1;
    assert_int_equal(health_retry_judge(&bad, on), HEALTH_RETRY_ABORTED);
    bad.answered = 1;
    assert_int_equal(health_retry_judge(&bad, on), HEALTH_RETRY_ANSWERED);
}

static void test_not_sent_is_safe_for_all_methods(void **state)
{
    health_retry_case_t bad = get_case(HEALTH_ATTEMPT_CONNECT);

    (void)state;
    bad.idempotent = bad.sent = 0;
    assert_int_equal(health_retry_judge(&bad, &health_retry_on_default), HEALTH_RETRY_YES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_methods),
                                       cmocka_unit_test(test_lists),
                                       cmocka_unit_test(test_defaults),
                                       cmocka_unit_test(test_what_is_listed),
                                       cmocka_unit_test(test_what_forbids),
                                       cmocka_unit_test(test_not_sent_is_safe_for_all_methods)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
