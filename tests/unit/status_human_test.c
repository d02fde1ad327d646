/* SPDX-License-Identifier: Apache-2.0 */
#include "status_testing.h"

#include "status_human.h"

static void seconds_lose_needless_zeros(void **state)
{
    apr_pool_t *pool = *state;

    assert_string_equal(status_human_seconds(0, pool), "0");
    assert_string_equal(status_human_seconds(250000, pool), "0.25");
    assert_string_equal(status_human_seconds(5000000, pool), "5");
    assert_string_equal(status_human_seconds(100000000, pool), "100");
    assert_string_equal(status_human_seconds(1, pool), "0.000001");
    assert_string_equal(status_human_seconds(-1500000, pool), "-1.5");
    assert_string_equal(status_human_seconds(INT64_MAX, pool), "9223372036854.775807");
    assert_string_equal(status_human_seconds(INT64_MIN, pool), "-9223372036854.775808");
}

static void instants_are_utc(void **state)
{
    apr_pool_t *pool = *state;
    apr_time_t when = apr_time_make(1000000000, 123456);

    assert_string_equal(status_human_instant(when, pool), "2001-09-09T01:46:40.123Z");
    assert_string_equal(status_human_clock(when, pool), "2001-09-09 01:46:40 UTC");
}

static void impossible_instants_are_none(void **state)
{
    apr_pool_t *pool = *state;

    assert_null(status_human_instant(0, pool));
    assert_null(status_human_instant(-1, pool));
    assert_null(status_human_instant(INT64_MAX, pool));
    assert_null(status_human_clock(INT64_MIN, pool));
    assert_string_equal(status_human_instant(apr_time_from_sec(INT64_C(253402300799)), pool),
                        "9999-12-31T23:59:59.000Z");
    assert_null(status_human_instant(apr_time_from_sec(INT64_C(253402300800)), pool));
}

static void durations_name_two_units(void **state)
{
    apr_pool_t *pool = *state;

    assert_string_equal(status_human_duration(0, pool), "0 s");
    assert_string_equal(status_human_duration(850, pool), "850 us");
    assert_string_equal(status_human_duration(12500, pool), "12.5 ms");
    assert_string_equal(status_human_duration(999999, pool), "999.9 ms");
    assert_string_equal(status_human_duration(5000000, pool), "5 s");
    assert_string_equal(status_human_duration(59990000, pool), "59.9 s");
    assert_string_equal(status_human_duration(200000000, pool), "3 min 20 s");
    assert_string_equal(status_human_duration(3600000000, pool), "1 h");
    assert_string_equal(status_human_duration(INT64_C(187200000000), pool), "2 d 4 h");
    assert_string_equal(status_human_duration(-5000000, pool), "-5 s");
    assert_string_equal(status_human_duration(INT64_MIN, pool), "-106751991 d 4 h");
}

static void counts_are_grouped(void **state)
{
    apr_pool_t *pool = *state;

    assert_string_equal(status_human_count(0, pool), "0");
    assert_string_equal(status_human_count(999, pool), "999");
    assert_string_equal(status_human_count(1000, pool), "1,000");
    assert_string_equal(status_human_count(1234567, pool), "1,234,567");
    assert_string_equal(status_human_count(-1234, pool), "-1,234");
    assert_string_equal(status_human_count(INT64_MIN, pool), "-9,223,372,036,854,775,808");
}

static void bytes_have_binary_units(void **state)
{
    apr_pool_t *pool = *state;

    assert_string_equal(status_human_bytes(0, pool), "0 B");
    assert_string_equal(status_human_bytes(1023, pool), "1023 B");
    assert_string_equal(status_human_bytes(1536, pool), "1.5 KiB");
    assert_string_equal(status_human_bytes(64 << 20, pool), "64.0 MiB");
    assert_string_equal(status_human_bytes(INT64_MAX, pool), "8.0 EiB");
    assert_string_equal(status_human_bytes(-2048, pool), "-2.0 KiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(seconds_lose_needless_zeros),  POOL_TEST(instants_are_utc),
        POOL_TEST(impossible_instants_are_none), POOL_TEST(durations_name_two_units),
        POOL_TEST(counts_are_grouped),           POOL_TEST(bytes_have_binary_units),
    };

    return RUN_TESTS(tests);
}
