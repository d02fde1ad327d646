/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_testing.h"

#include "reproxy_chunk.h"

/* Decodes text in pieces of so many bytes. Returns how it ended; what is left over is in *rest. */
static reproxy_chunk_e decode(const char *text, apr_size_t piece, char *body, apr_size_t *rest)
{
    reproxy_chunk_t chunk = {0};
    apr_size_t size = strlen(text), at = 0;
    reproxy_chunk_e result = REPROXY_CHUNK_MORE;

    *body = '\0';
    *rest = 0;
    while (at < size && result == REPROXY_CHUNK_MORE) {
        const char *data = text + at, *run;
        apr_size_t left = size - at < piece ? size - at : piece, run_size;

        at += left;
        while ((result = reproxy_chunk_next(&chunk, &data, &left, &run, &run_size)) ==
               REPROXY_CHUNK_BODY)
            strncat(body, run, run_size);
        *rest = left + size - at;
    }
    return result;
}

static void bodies(void **state)
{
    static const char *const cases[][2] = {
        {"5\r\nhello\r\n0\r\n\r\n", "hello"},
        {"5;a=b;c=\"d\"\r\nhello\r\n6 \r\n world\r\n00\r\nTrailer: x\r\nOther: y\r\n\r\n",
         "hello world"},
        {"A\n0123456789\n0\n\n", "0123456789"},
        {"0\r\n\r\n", ""},
        {"00000000000000a\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
    };
    char body[100];
    apr_size_t rest;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (apr_size_t piece = 1; piece < 70; piece++) {
            assert_int_equal(decode(cases[i][0], piece, body, &rest), REPROXY_CHUNK_END);
            assert_string_equal(body, cases[i][1]);
            assert_int_equal(rest, 0);
        }
    assert_int_equal(decode("0\r\n\r\nHTTP", 100, body, &rest), REPROXY_CHUNK_END);
    assert_int_equal(rest, 4);
}

static void what_is_bad(void **state)
{
    static const char *const cases[] = {
        "\r\n",
        "x\r\n",
        "5x\r\n",
        "-1\r\n",
        " 5\r\n",
        "5\rhello",
        "5\r\nhelloworld",
        "5\r\nhello\rx",
        "0\r\n\rx",
        "8000000000000000\r\n",
        "0x5\r\nhello\r\n",
        ";a\r\n",
    };
    char body[100];
    apr_size_t rest;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (apr_size_t piece = 1; piece < 20; piece++)
            assert_int_equal(decode(cases[i], piece, body, &rest), REPROXY_CHUNK_BAD);
}

static void lines_have_an_end(void **state)
{
    char *text = apr_palloc(*state, 20002), body[100];
    apr_size_t rest;

    memset(text, 'a', 20001);
    text[20001] = '\0';
    memcpy(text, "5;", 2);
    assert_int_equal(decode(text, 1000, body, &rest), REPROXY_CHUNK_BAD);
    memcpy(text, "0\r\n", 3);
    assert_int_equal(decode(text, 1000, body, &rest), REPROXY_CHUNK_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(bodies),
        test_with_pool(what_is_bad),
        test_with_pool(lines_have_an_end),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
