/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include "result.h"

static void success_has_no_problem(void **state)
{
    tier_result_t result = tier_result_ok();

    assert_int_equal(result.status, APR_SUCCESS);
    assert_null(result.problem);
    assert_null(result.detail);
    assert_string_equal(tier_result_text(&result, *state), "ok");
}

static void a_failure_tells_problem_detail_and_status(void **state)
{
    size_t size = 5;
    tier_result_t result =
        tier_result_fail(*state, APR_ENOENT, "no_file", "%s of %zu bytes", "a", size);

    assert_int_equal(result.status, APR_ENOENT);
    assert_string_equal(result.problem, "no_file");
    assert_string_equal(result.detail, "a of 5 bytes");
    assert_string_equal(tier_result_text(&result, *state),
                        "no_file: a of 5 bytes (No such file or directory)");
}

static void a_failure_is_never_success(void **state)
{
    tier_result_t result = tier_result_fail(*state, APR_SUCCESS, "bad_status", "%d", 503);

    assert_int_equal(result.status, APR_EGENERAL);
    assert_string_equal(tier_result_text(&result, *state), "bad_status: 503");
}

static void a_failure_without_words_still_reads_well(void **state)
{
    tier_result_t silent = tier_result_fail(*state, APR_EGENERAL, "refused", "%s", "");
    tier_result_t bare = {APR_EAGAIN, NULL, NULL};

    assert_null(silent.detail);
    assert_string_equal(tier_result_text(&silent, *state), "refused");
    assert_string_equal(tier_result_text(&bare, *state),
                        "failed (Resource temporarily unavailable)");
}

static void a_long_sentence_is_kept_whole(void **state)
{
    char text[20000];
    tier_result_t result;

    memset(text, 'y', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    result = tier_result_fail(*state, APR_EGENERAL, "long", "%s", text);
    assert_string_equal(result.detail, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(success_has_no_problem),
        test_with_pool(a_failure_tells_problem_detail_and_status),
        test_with_pool(a_failure_is_never_success),
        test_with_pool(a_failure_without_words_still_reads_well),
        test_with_pool(a_long_sentence_is_kept_whole),
    };
    return cmocka_run_group_tests_name("common_result", tests, start_apr, stop_apr);
}
