/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_range.h"

static void content_ranges(void **state)
{
    static const struct {
        const char *text;
        int valid;
        apr_int64_t first, last, total;
    } cases[] = {
        {"bytes 0-9/20", 1, 0, 9, 20},
        {"BYTES 5-5/6", 1, 5, 5, 6},
        {"bytes  0-0/1", 1, 0, 0, 1},
        {"bytes 0-9/*", 0},
        {"bytes */20", 0},
        {"bytes 9-0/20", 0},
        {"bytes 0-20/20", 0},
        {"bytes 0-9/20 ", 0},
        {"bytes 0-9", 0},
        {"bytes -9/20", 0},
        {"bytes 0-/20", 0},
        {"lines 0-9/20", 0},
        {"bytes=0-9/20", 0},
        {"bytes 0-99999999999999999999/999999999999999999999", 0},
        {"", 0},
    };
    cache_range_t range;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (cache_range_parse_content(&range, cases[i].text) != cases[i].valid)
            fail_msg("%s", cases[i].text);
        if (cases[i].valid)
            assert_true(range.first == cases[i].first && range.last == cases[i].last &&
                        range.total == cases[i].total);
    }
    assert_false(cache_range_parse_content(&range, NULL));
}

static void ranges_of_requests(void **state)
{
    static const struct {
        const char *text;
        int valid;
        apr_int64_t first, last;
    } cases[] = {
        {"bytes=0-9", 1, 0, 9},
        {"Bytes=5-", 1, 5, 19},
        {"bytes=-5", 1, 15, 19},
        {"bytes=-50", 1, 0, 19},
        {"bytes=10-100", 1, 10, 19},
        {"bytes= 1-2 ", 1, 1, 2},
        {"bytes=20-", 0},
        {"bytes=-0", 0},
        {"bytes=5-4", 0},
        {"bytes=0-1,3-4", 0},
        {"bytes=-", 0},
        {"bytes=a-b", 0},
        {"bytes=1", 0},
        {"bytes=1-x", 0},
        {"bytes", 0},
        {"bytes=99999999999999999999-", 0},
        {"lines=0-1", 0},
    };
    cache_range_t range;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (cache_range_parse_request(&range, cases[i].text, 20) != cases[i].valid)
            fail_msg("%s", cases[i].text);
        if (cases[i].valid)
            assert_true(range.first == cases[i].first && range.last == cases[i].last &&
                        range.total == 20);
    }
    assert_false(cache_range_parse_request(&range, NULL, 20));
    assert_false(cache_range_parse_request(&range, "bytes=-1", 0));
}

static void how_ranges_lie(void **state)
{
    const cache_range_t head = {0, 4, 10}, middle = {3, 6, 10}, tail = {5, 9, 10}, end = {9, 9, 10};
    const cache_range_t other = {5, 9, 11}, whole = {0, 9, 10};
    cache_range_t missing, both = cache_range_union(&tail, &head);

    (void)state;
    assert_int_equal(cache_range_size(&middle), 4);
    assert_true(cache_range_covers(&whole, &middle) && !cache_range_covers(&middle, &whole));
    assert_false(cache_range_covers(&other, &end));
    assert_true(cache_range_touches(&head, &middle) && cache_range_touches(&head, &tail) &&
                cache_range_touches(&tail, &head));
    assert_false(cache_range_touches(&head, &end) || cache_range_touches(&end, &head) ||
                 cache_range_touches(&head, &other));
    assert_memory_equal(&both, &whole, sizeof(both));
    assert_true(cache_range_missing(&missing, &head) && missing.first == 5 && missing.last == 9);
    assert_true(cache_range_missing(&missing, &end) && missing.first == 0 && missing.last == 8);
    assert_false(cache_range_missing(&missing, &middle));
    assert_false(cache_range_missing(&missing, &whole));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(content_ranges),
        POOL_TEST(ranges_of_requests),
        POOL_TEST(how_ranges_lie),
    };

    return RUN_TESTS(tests);
}
