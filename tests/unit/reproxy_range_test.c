/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_testing.h"

#include "reproxy_range.h"

static void fields_of_clients(void **state)
{
    static const struct {
        const char *text;
        int count;
        apr_off_t first, last; /* of the last one */
    } cases[] = {
        {"bytes=0-9", 1, 0, 9},
        {"bytes=5-", 1, 5, -1},
        {"bytes=-7", 1, -1, 7},
        {"Bytes= 0-9 , 20-29", 2, 20, 29},
        {"bytes=,0-0,,1-1,", 2, 1, 1},
        {"bytes=0-9223372036854775", 1, 0, 9223372036854775},
        {"bytes=", 0, 0, 0},
        {"bytes=9-0", 0, 0, 0},
        {"bytes=a-b", 0, 0, 0},
        {"bytes=0", 0, 0, 0},
        {"bytes=-", 0, 0, 0},
        {"bytes=0-1-2", 0, 0, 0},
        {"bytes=0-1 2-3", 0, 0, 0},
        {"lines=0-1", 0, 0, 0},
        {"bytes 0-1", 0, 0, 0},
        {"bytes=0-99999999999999999999", 0, 0, 0},
        {"bytes=0-1,2-3,4-5,6-7", 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        reproxy_span_t spans[3];

        assert_int_equal(reproxy_range_parse(cases[i].text, spans, 3), cases[i].count);
        if (cases[i].count == 0)
            continue;
        assert_int_equal(spans[cases[i].count - 1].first, cases[i].first);
        assert_int_equal(spans[cases[i].count - 1].last, cases[i].last);
    }
}

static void resolved(void **state)
{
    static const struct {
        reproxy_span_t span;
        apr_off_t size;
        int satisfiable;
        reproxy_span_t to;
    } cases[] = {
        {{0, 9}, 100, 1, {0, 9}},  {{0, 9}, 5, 1, {0, 4}},    {{5, -1}, 10, 1, {5, 9}},
        {{-1, 3}, 10, 1, {7, 9}},  {{-1, 30}, 10, 1, {0, 9}}, {{9, 9}, 10, 1, {9, 9}},
        {{10, 11}, 10, 0, {0, 0}}, {{10, -1}, 10, 0, {0, 0}}, {{-1, 0}, 10, 0, {0, 0}},
        {{0, -1}, 0, 0, {0, 0}},   {{-1, 5}, 0, 0, {0, 0}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        reproxy_span_t span = cases[i].span;

        assert_int_equal(reproxy_range_resolve(&span, cases[i].size), cases[i].satisfiable);
        if (cases[i].satisfiable)
            assert_memory_equal(&span, &cases[i].to, sizeof(span));
    }
}

static void fields_of_storage(void **state)
{
    static const struct {
        const char *text;
        int good;
        apr_off_t first, last, size;
    } cases[] = {
        {"bytes 0-9/100", 1, 0, 9, 100}, {"Bytes  5-5/6", 1, 5, 5, 6},
        {"bytes 0-9/*", 1, 0, 9, -1},    {"bytes */100", 1, -1, -1, 100},
        {"bytes */*", 0, 0, 0, 0},       {"bytes 9-0/100", 0, 0, 0, 0},
        {"bytes 0-100/100", 0, 0, 0, 0}, {"bytes 0-9", 0, 0, 0, 0},
        {"bytes 0-9/100x", 0, 0, 0, 0},  {"bytes 0-9/", 0, 0, 0, 0},
        {"bytes=0-9/100", 0, 0, 0, 0},   {"", 0, 0, 0, 0},
        {"bytes -9/100", 0, 0, 0, 0},    {"bytes 0-9/99999999999999999999", 0, 0, 0, 0},
        {"bytes 0-9/*x", 0, 0, 0, 0},    {"bytes 0_9/100", 0, 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        reproxy_span_t span;
        apr_off_t size;

        assert_int_equal(reproxy_range_content(cases[i].text, &span, &size), cases[i].good);
        if (!cases[i].good)
            continue;
        assert_int_equal(span.first, cases[i].first);
        assert_int_equal(span.last, cases[i].last);
        assert_int_equal(size, cases[i].size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fields_of_clients),
                                       cmocka_unit_test(resolved),
                                       cmocka_unit_test(fields_of_storage)};

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
