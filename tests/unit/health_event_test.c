/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include "health_event.h"

static void test_text(void **state)
{
    const health_transition_t change = {.when = APR_INT64_C(1700000000123456),
                                        .from = HEALTH_UP,
                                        .to = HEALTH_DOWN,
                                        .reason = "refused: \"a\\b\"\n\x01\xc3\xa4"};
    health_key_t key;

    assert_true(health_key_set(&key, "www:80", "balancer://app", "http://127.0.0.1:1"));
    assert_string_equal(
        health_event_text(&key, &change, *state),
        "{\"balancer\": \"balancer://app\", \"virtual_host\": \"www:80\", \"member\": "
        "\"http://127.0.0.1:1\", \"from\": \"up\", \"to\": \"down\", \"reason\": "
        "\"refused: \\\"a\\\\b\\\"\\u000a\\u0001\?\?\", \"time\": "
        "\"2023-11-14T22:13:20.123456Z\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {test_with_pool(test_text)};

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
