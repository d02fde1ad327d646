/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "assets_marks.h"
#include "assets_policy.h"
#include "assets_record.h"

static void answers_for_everybody_are_kept(void **state)
{
    static const struct {
        int status;
        const char *lines;
        assets_verdict_e verdict;
    } cases[] = {
        {200, "", ASSETS_STORE},
        {200, "Cache-Control: public, max-age=1, x=\"private, no-store\"", ASSETS_STORE},
        {200, "Vary: Accept-Encoding", ASSETS_STORE},
        {200, "Content-Encoding: identity", ASSETS_STORE},
        {404, "", ASSETS_REFUSE_STATUS},
        {206, "", ASSETS_REFUSE_STATUS},
        {200, "Set-Cookie: a=b", ASSETS_REFUSE_COOKIE},
        {200, "Cache-Control: max-age=1, PRIVATE", ASSETS_REFUSE_PRIVATE},
        {200, "Cache-Control: private=\"Set-Cookie\"", ASSETS_REFUSE_PRIVATE},
        {200, "Cache-Control: max-age=1\nCache-Control: no-store", ASSETS_REFUSE_PRIVATE},
        {200, "Vary: Accept-Encoding, Cookie", ASSETS_REFUSE_VARY},
        {200, "Vary: *", ASSETS_REFUSE_VARY},
        {200, "Content-Encoding: gzip", ASSETS_REFUSE_ENCODED},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(assets_policy_judge(cases[i].status, fields(*state, cases[i].lines)),
                         cases[i].verdict);
}

static void what_has_no_field_of_http_is_garbage(void **state)
{
    static const char *const good[] = {"Date: x", "Content-Type: a/b", "Content-Length: 1"};

    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(assets_policy_is_http(fields(*state, good[i])));
    assert_false(assets_policy_is_http(fields(*state, "")));
    assert_false(assets_policy_is_http(fields(*state, "X-Set-By: httpd")));
}

static void they_are_fresh_as_long_as_they_say(void **state)
{
    static const struct {
        const char *lines;
        int seconds;
    } cases[] = {
        {"", 7},
        {"Age: 100", 7},
        {"Cache-Control: max-age=60", 60},
        {"Cache-Control: max-age=60, s-maxage=30", 30},
        {"Cache-Control: max-age=\"60\"\nAge: 20", 40},
        {"Cache-Control: max-age=60\nAge: 70", 0},
        {"Cache-Control: max-age=soon", 0},
        {"Cache-Control: no-cache, max-age=60", 0},
        {"Cache-Control: max-age=99999999999999999999", 315360000},
        {"Expires: Sun, 06 Nov 1994 08:50:37 GMT", 60},
        {"Expires: Sun, 06 Nov 1994 08:50:37 GMT\nDate: Sun, 06 Nov 1994 08:50:27 GMT", 10},
        {"Expires: 0", 0},
        {"Expires: Sun, 06 Nov 1994 08:00:00 GMT", 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(assets_policy_expires(fields(*state, cases[i].lines), NOW, SECONDS(7)) -
                             NOW,
                         SECONDS(cases[i].seconds));
}

static void fields_of_one_message_are_not_kept(void **state)
{
    (void)state;
    assert_false(assets_policy_keeps("connection"));
    assert_false(assets_policy_keeps("Date"));
    assert_false(assets_policy_keeps("Content-Length"));
    assert_true(assets_policy_keeps("Content-Type"));
    assert_true(assets_policy_keeps("Content-Security-Policy"));
}

static void a_record_is_read_as_it_was_written(void **state)
{
    assets_record_t record = {1,
                              NOW,
                              NOW + SECONDS(60),
                              12345,
                              APR_UINT64_C(0xf00000000000001f),
                              7,
                              fields(*state, "A: b\nA: c:d\nEmpty: ")};
    assets_record_t read;
    apr_size_t size;
    const char *data = assets_record_write(&record, &size, *state);

    assert_non_null(data);
    assert_int_equal(assets_record_read(&read, data, size, *state), APR_SUCCESS);
    assert_int_equal(read.is_complete, 1);
    assert_int_equal(read.fetched, NOW);
    assert_int_equal(read.expires, NOW + SECONDS(60));
    assert_int_equal(read.length, 12345);
    assert_true(read.fingerprint == APR_UINT64_C(0xf00000000000001f) && read.version == 7);
    assert_int_equal(apr_table_elts(read.fields)->nelts, 3);
    assert_string_equal(apr_table_getm(*state, read.fields, "A"), "b,c:d");
    /* as earlier versions wrote it */
    assert_int_equal(assets_record_read(&read, "1 1 1 1 5\nA:b\n", 14, *state), APR_SUCCESS);
    assert_true(read.length == 5 && read.fingerprint == 0 && read.version == 0);
    apr_table_setn(record.fields, "Bad", "a\nb");
    assert_null(assets_record_write(&record, &size, *state));
}

static void what_is_no_record_is_none(void **state)
{
    static const char *const cases[] = {"",
                                        "1",
                                        "2 1 1 1 1\n",
                                        "2 1 1 1 1 1\n",
                                        "3 1 1 1 1 1 1\n",
                                        "1 1 1 1\n",
                                        "1 1 1 1 1",
                                        "1 1 x 1 1\n",
                                        "1 1 -1 1 1\n",
                                        "1 1 1 1 1\nA",
                                        "1 1 1 1 1\n:b\n",
                                        "1 1 1 1 1\nAb\n",
                                        "1 1 1 99999999999999999 1\n"};
    assets_record_t read;

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(assets_record_read(&read, cases[i], strlen(cases[i]), *state), APR_EINVAL);
    assert_int_equal(assets_record_read(&read, "1 1 1 1 1\n\0", 11, *state), APR_EINVAL);
}

static void a_clock_put_back_makes_it_stale(void **state)
{
    assets_record_t record = {1, NOW, NOW + SECONDS(60), 1};

    (void)state;
    assert_true(assets_record_is_fresh(&record, NOW + SECONDS(59)));
    assert_false(assets_record_is_fresh(&record, NOW + SECONDS(60)));
    assert_true(assets_record_is_fresh(&record, NOW - SECONDS(50)));
    assert_false(assets_record_is_fresh(&record, NOW - SECONDS(3600)));
}

static void marks_are_kept_for_a_moment(void **state)
{
    assets_marks_t *marks = apr_pcalloc(*state, sizeof(*marks));
    apr_uint64_t id, other;

    assert_int_equal(assets_marks_init(marks), APR_SUCCESS);
    id = assets_marks_id(marks, "/a");
    other = assets_marks_id(marks, "/b");
    assert_true(id != other);
    assert_int_equal(assets_marks_get(marks, id, NOW), ASSETS_MARK_NONE);
    assets_marks_set(marks, id, ASSETS_MARK_NOT_FOUND, NOW, SECONDS(10));
    assert_int_equal(assets_marks_get(marks, id, NOW), ASSETS_MARK_NOT_FOUND);
    assert_int_equal(assets_marks_get(marks, id, NOW + SECONDS(9)), ASSETS_MARK_NOT_FOUND);
    assert_int_equal(assets_marks_get(marks, id, NOW + SECONDS(12)), ASSETS_MARK_NONE);
    /* one of the same place, but of another URL */
    assert_int_equal(assets_marks_get(marks, id ^ (APR_UINT64_C(1) << 63), NOW), ASSETS_MARK_NONE);
    assert_int_equal(assets_marks_get(marks, id ^ (APR_UINT64_C(1) << 33), NOW), ASSETS_MARK_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(answers_for_everybody_are_kept),
        POOL_TEST(what_has_no_field_of_http_is_garbage),
        POOL_TEST(they_are_fresh_as_long_as_they_say),
        POOL_TEST(fields_of_one_message_are_not_kept),
        POOL_TEST(a_record_is_read_as_it_was_written),
        POOL_TEST(what_is_no_record_is_none),
        POOL_TEST(a_clock_put_back_makes_it_stale),
        POOL_TEST(marks_are_kept_for_a_moment),
    };

    return RUN_TESTS(tests);
}
