/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_text.h"

static const char *joined(const char *list, apr_pool_t *pool)
{
    const char *text = "";
    cache_span_t element;

    while (cache_text_next(&list, &element))
        text = apr_pstrcat(pool, text, *text ? "|" : "",
                           apr_pstrmemdup(pool, element.data, element.size), NULL);
    return text;
}

static void a_list_is_cut_at_commas_outside_quotes(void **state)
{
    static const char *const cases[][2] = {
        {"a,b", "a|b"},
        {" a \t,\t b ", "a|b"},
        {",,a,,b,,", "a|b"},
        {"", ""},
        {" , ,", ""},
        {"a=\"x,y\", b", "a=\"x,y\"|b"},
        {"a=\"x\\\",y\", b", "a=\"x\\\",y\"|b"},
        {"a=\"never closed, b", "a=\"never closed|b"},
        {"a=\"ends\\", "a=\"ends\\"},
        {"\"\",b", "\"\"|b"},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(joined(cases[i][0], *state), cases[i][1]);
}

static void delta_seconds_are_digits_and_end_somewhere(void **state)
{
    (void)state;
    assert_int_equal(cache_text_delta(cache_text_span("0")), 0);
    assert_int_equal(cache_text_delta(cache_text_span("003600")), 3600);
    assert_int_equal(cache_text_delta(cache_text_span("2147483648")), CACHE_DELTA_MAX);
    assert_int_equal(cache_text_delta(cache_text_span("99999999999999999999999999")),
                     CACHE_DELTA_MAX);
    assert_int_equal(cache_text_delta(cache_text_span("")), -1);
    assert_int_equal(cache_text_delta(cache_text_span("-1")), -1);
    assert_int_equal(cache_text_delta(cache_text_span("1.0")), -1);
    assert_int_equal(cache_text_delta(cache_text_span("1 ")), -1);
    assert_int_equal(cache_text_delta(cache_text_span("0x1")), -1);
}

static void tokens_have_the_characters_of_rfc_9110(void **state)
{
    static const char known[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[] = {'a', (char)c, 'b', '\0'};
        cache_span_t span = {text, 3};

        if (cache_text_is_token(span) != (c != 0 && strchr(known, c) != NULL))
            fail_msg("character %d", c);
    }
}

static void tokens_and_values(void **state)
{
    (void)state;
    assert_true(cache_text_is_token(cache_text_span("max-age!#$%&'*+.^_`|~09")));
    assert_false(cache_text_is_token(cache_text_span("")));
    assert_false(cache_text_is_token(cache_text_span("a b")));
    assert_false(cache_text_is_token(cache_text_span("a:")));
    assert_false(cache_text_is_token(cache_text_span("\xc3\xa4")));
    assert_true(cache_text_is_value(cache_text_span("a\tb \xc3\xa4")));
    assert_false(cache_text_is_value(cache_text_span("a\r\nb")));
    assert_false(cache_text_is_value(cache_text_span("\x7f")));
}

/* Every byte at every place, among all there may be. */
static void values_have_no_control_characters(void **state)
{
    char text[21];

    (void)state;
    for (int at = 0; at < 20; at++) {
        for (int byte = 0; byte < 256; byte++) {
            int is_allowed = byte == '\t' || (byte >= ' ' && byte != 0x7f);
            cache_span_t span = {text, 20};
            memset(text, at % 2 ? '\xff' : '\t', sizeof(text));
            text[at] = (char)byte;
            assert_int_equal(cache_text_is_value(span), is_allowed);
        }
    }
}

static void quoted_strings_lose_quotes_and_escapes(void **state)
{
    assert_string_equal(cache_text_unquote(cache_text_span("\"a\\\"b\\\\\""), *state), "a\"b\\");
    assert_string_equal(cache_text_unquote(cache_text_span("\"\""), *state), "");
    assert_null(cache_text_unquote(cache_text_span("\""), *state));
    assert_null(cache_text_unquote(cache_text_span("abc"), *state));
    assert_null(cache_text_unquote(cache_text_span("\"a\"b\""), *state));
    assert_null(cache_text_unquote(cache_text_span("\"a\\\""), *state));
}

static void words_in_lists(void **state)
{
    (void)state;
    assert_true(cache_text_list_has("a, No-Cache", "no-cache"));
    assert_false(cache_text_list_has("no-cachet", "no-cache"));
    assert_false(cache_text_list_has(NULL, "no-cache"));
}

static void lines_of_one_name(void **state)
{
    apr_table_t *table = fields(*state, "Vary: a\nVia: b\nVARY: c\nVar: d\nVary-X: e");
    int at = 0;

    assert_string_equal(cache_text_line(table, "Vary", &at), "a");
    assert_string_equal(cache_text_line(table, "Vary", &at), "c");
    assert_null(cache_text_line(table, "Vary", &at));
    assert_null(cache_text_line(table, "Vary", &at));
    at = 0;
    assert_null(cache_text_line(table, "Age", &at));
}

static void numbers_are_written(void **state)
{
    static const struct {
        apr_int64_t number;
        const char *text;
    } cases[] = {{0, "0"},
                 {7, "7"},
                 {-10, "-10"},
                 {APR_INT64_MAX, "9223372036854775807"},
                 {APR_INT64_MIN, "-9223372036854775808"}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[32] = {0};
        char *end = cache_text_put_number(text, cases[i].number);

        assert_ptr_equal(end, text + strlen(text));
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(a_list_is_cut_at_commas_outside_quotes),
        POOL_TEST(delta_seconds_are_digits_and_end_somewhere),
        POOL_TEST(tokens_have_the_characters_of_rfc_9110),
        POOL_TEST(tokens_and_values),
        POOL_TEST(values_have_no_control_characters),
        POOL_TEST(quoted_strings_lose_quotes_and_escapes),
        POOL_TEST(words_in_lists),
        POOL_TEST(lines_of_one_name),
        POOL_TEST(numbers_are_written),
    };

    return RUN_TESTS(tests);
}
