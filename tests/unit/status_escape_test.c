/* SPDX-License-Identifier: Apache-2.0 */
#include "status_testing.h"

#include "status_escape.h"

#define FFFD "\xEF\xBF\xBD"

typedef void (*escape_fn)(status_buffer_t *buffer, const char *text);

static const char *escaped(escape_fn escape, const char *text, apr_pool_t *pool)
{
    status_buffer_t buffer;

    status_buffer_init(&buffer, pool);
    escape(&buffer, text);
    assert_int_equal(buffer.size, strlen(buffer.data));
    return buffer.data;
}

static void json(void **state)
{
    assert_string_equal(escaped(status_escape_json, "a\"b\\c\n\t\r\x01\x1f\x7f", *state),
                        "a\\\"b\\\\c\\n\\t\\u000d\\u0001\\u001f\\u007f");
    assert_string_equal(escaped(status_escape_json, NULL, *state), "");
}

static void html(void **state)
{
    assert_string_equal(escaped(status_escape_html, "<b a='1' c=\"2\">&\n", *state),
                        "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;\n");
    assert_string_equal(escaped(status_escape_html, "\x01\x1b\r", *state), FFFD FFFD FFFD);
}

static void html_has_no_noncharacters(void **state)
{
    assert_string_equal(escaped(status_escape_html, "x\xEF\xBF\xBF\xEF\xBF\xBE", *state),
                        "x" FFFD FFFD);
}

static void label(void **state)
{
    assert_string_equal(escaped(status_escape_label, "a\"b\\c\nd\re", *state),
                        "a\\\"b\\\\c\\nd" FFFD "e");
}

static void help_keeps_quotes(void **state)
{
    assert_string_equal(escaped(status_escape_help, "a\"b\\c\nd", *state), "a\"b\\\\c\\nd");
}

static void metric_name(void **state)
{
    assert_string_equal(escaped(status_escape_metric_name, "aZ_9-.\xC3\xA9", *state), "aZ_9____");
    assert_string_equal(escaped(status_escape_metric_name, NULL, *state), "");
}

static void valid_utf8_stays(void **state)
{
    static const char *const texts[] = {
        "\xC2\x80",         "\xDF\xBF",         "\xE0\xA0\x80",     "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xF0\x90\x80\x80", "\xF3\xBF\xBF\xBF", "\xF4\x8F\xBF\xBF", "na\xC3\xAFve",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_string_equal(escaped(status_escape_json, texts[i], *state), texts[i]);
}

/* Each pair: ill-formed bytes, and what the standard advises in their place. */
static void ill_formed_utf8_is_replaced(void **state)
{
    static const char *const pairs[][2] = {
        {"\x80", FFFD},                            /* continuation alone */
        {"\xC0\xAF", FFFD FFFD},                   /* overlong slash */
        {"\xE0\x80\xAF", FFFD FFFD FFFD},          /* overlong in three */
        {"\xED\xA0\x80", FFFD FFFD FFFD},          /* surrogate */
        {"\xF4\x90\x80\x80", FFFD FFFD FFFD FFFD}, /* beyond U+10FFFF */
        {"\xF5", FFFD},
        {"\xFF\xFE", FFFD FFFD},
        {"\xE2\x82", FFFD}, /* cut at the end: one maximal subpart */
        {"\xE2\x82"
         "a",
         FFFD "a"}, /* cut in the middle */
        {"\xF0\x9F\x98", FFFD},
        {"\xC3", FFFD},
        {"\xE2", FFFD},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        assert_string_equal(escaped(status_escape_json, pairs[i][0], *state), pairs[i][1]);
}

static void buffers_grow(void **state)
{
    status_buffer_t buffer;

    status_buffer_init(&buffer, *state);
    for (int i = 0; i < 10000; i++)
        status_buffer_format(&buffer, "%05d", i);
    assert_int_equal(buffer.size, 50000);
    assert_memory_equal(buffer.data, "0000000001", 10);
    assert_string_equal(buffer.data + 49990, "0999809999");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(json),
        POOL_TEST(html),
        POOL_TEST(label),
        POOL_TEST(html_has_no_noncharacters),
        POOL_TEST(metric_name),
        POOL_TEST(help_keeps_quotes),
        POOL_TEST(buffers_grow),
        POOL_TEST(valid_utf8_stays),
        POOL_TEST(ill_formed_utf8_is_replaced),
    };

    return RUN_TESTS(tests);
}
