/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_date.h"

static void the_three_forms_are_the_same_moment(void **state)
{
    static const char *const forms[] = {
        "Sun, 06 Nov 1994 08:49:37 GMT",  "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",       "sUN, 06 nOV 1994 08:49:37 gMt",
        "SUNDAY, 06-NOV-94 08:49:37 gmt", "sun nov  6 08:49:37 1994"};
    apr_time_t date;

    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        assert_true(cache_date_parse(forms[i], NOW, &date));
        assert_int_equal(date, NOW);
    }
}

static void everything_else_is_no_date(void **state)
{
    static const char *const wrong[] = {"",
                                        "0",
                                        "-1",
                                        "now",
                                        "Sun",
                                        "Sunday",
                                        "Sun,",
                                        "Sun, 06 Nov 1994 08:49:37",
                                        "Sun, 06 Nov 1994 08:49:37 UTC",
                                        "Sun, 06 Nov 1994 08:49:37 +0000",
                                        "Sun, 06 Nov 1994 08:49:37 GMT ",
                                        " Sun, 06 Nov 1994 08:49:37 GMT",
                                        "Sun, 06 Nov 94 08:49:37 GMT",
                                        "Sun 06 Nov 1994 08:49:37 GMT",
                                        "Sun, 06  Nov  1994 08:49:37 GMT",
                                        "Sun, 06-Nov-1994 08:49:37 GMT",
                                        "Sun, 06 Nov 1994 08.49.37 GMT",
                                        "Sun, 06 Nov 1994 8:49:37 GMT",
                                        "Sun, 6 Nov 1994 08:49:37 GMT",
                                        "Sun, 00 Nov 1994 08:49:37 GMT",
                                        "Sun, 31 Nov 1994 08:49:37 GMT",
                                        "Sun, 29 Feb 1995 08:49:37 GMT",
                                        "Sun, 29 Feb 1900 08:49:37 GMT",
                                        "Sun, 06 Nov 1994 24:00:00 GMT",
                                        "Sun, 06 Nov 1994 08:60:00 GMT",
                                        "Sun, 06 Nov 1994 08:49:61 GMT",
                                        "Sun, 06 Nov 1994 08:49:37 GMTx",
                                        "Sunday, 06 Nov 1994 08:49:37 GMT",
                                        "Sun, 06-Nov-94 08:49:37 GMT",
                                        "Sunday, 06-Nov-1994 08:49:37 GMT",
                                        "Sun Nov 6 08:49:37 1994",
                                        "Sun Nov  6 08:49:37 1994 GMT",
                                        "Sun Nov 06 8:49:37 1994",
                                        "Mit, 06 Nov 1994 08:49:37 GMT",
                                        "Sun\x0c 06 Nov 1994 08:49:37 GMT",
                                        "Sun, 06 Nov 1994 08\x1a"
                                        "49:37 GMT",
                                        "1994-11-06T08:49:37Z"};
    apr_time_t date;

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        if (cache_date_parse(wrong[i], NOW, &date))
            fail_msg("\"%s\" was taken for a date", wrong[i]);
    }
}

static void assert_date(const char *text, apr_time_t now, apr_int64_t seconds)
{
    apr_time_t date;

    if (!cache_date_parse(text, now, &date))
        fail_msg("\"%s\" was not taken for a date", text);
    assert_int_equal(date, SECONDS(seconds));
}

static void the_calendar(void **state)
{
    (void)state;
    assert_date("Thu, 01 Jan 1970 00:00:00 GMT", NOW, 0);
    assert_date("Wed, 31 Dec 1969 23:59:59 GMT", NOW, -1);
    assert_date("Tue, 29 Feb 2000 12:00:00 GMT", NOW, 951825600);
    assert_date("Sat, 31 Dec 2016 23:59:60 GMT", NOW, 1483228800); /* a leap second */
    assert_date("Fri, 31 Dec 9999 23:59:59 GMT", NOW, 253402300799);
    assert_date("Sat, 01 Jan 0000 00:00:00 GMT", NOW, -62167219200);
    assert_date("Sun Nov 16 08:49:37 1994", NOW, 784111777 + 864000);
}

static void two_digits_mean_the_year_within_fifty(void **state)
{
    (void)state;
    assert_date("Thursday, 01-Jan-70 00:00:00 GMT", NOW, 0);
    assert_date("Friday, 01-Jan-44 00:00:00 GMT", NOW, 2335219200);  /* 2044: fifty years ahead */
    assert_date("Monday, 01-Jan-45 00:00:00 GMT", NOW, -788918400);  /* 1945: not 2045 */
    assert_date("Saturday, 01-Jan-00 00:00:00 GMT", NOW, 946684800); /* 2000 */
    assert_date("Sunday, 06-Nov-94 08:49:37 GMT", SECONDS(1790000000),
                784111777); /* asked in 2026 */
}

static void dates_are_written_as_they_are_read(void **state)
{
    char text[CACHE_DATE_SIZE];

    (void)state;
    cache_date_format(text, NOW + 999999);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    cache_date_format(text, APR_INT64_MAX);
    assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
    cache_date_format(text, -APR_INT64_MAX);
    assert_string_equal(text, "Sat, 01 Jan 0000 00:00:00 GMT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_three_forms_are_the_same_moment),
        cmocka_unit_test(everything_else_is_no_date),
        cmocka_unit_test(the_calendar),
        cmocka_unit_test(two_digits_mean_the_year_within_fifty),
        cmocka_unit_test(dates_are_written_as_they_are_read),
    };

    return RUN_TESTS(tests);
}
