/* SPDX-License-Identifier: Apache-2.0 */
#include "health_testing.h"

#include "health_http_body.h"

static health_body_e feed_all(health_http_body_t *body, health_framing_e framing, int length,
                              const char *text, size_t piece, apr_pool_t *pool)
{
    health_http_t head = {.framing = framing, .length = length};
    health_body_e state = HEALTH_BODY_MORE;

    health_http_body_init(body, &head, 0, 16, pool);
    for (size_t size = strlen(text); size > 0 && state == HEALTH_BODY_MORE;) {
        size_t part = piece < size ? piece : size;

        state = health_http_body_feed(body, text, part);
        text += part;
        size -= part;
    }
    return state;
}

static void bodies(void **state)
{
    static const struct {
        health_framing_e framing;
        int length;
        const char *text;
        health_body_e expected;
        const char *kept;
    } cases[] = {
        {HEALTH_FRAMING_CLOSE, 0, "abc", HEALTH_BODY_MORE, "abc"},
        {HEALTH_FRAMING_CLOSE, 0, "0123456789abcdefXYZ", HEALTH_BODY_FULL, "0123456789abcdef"},
        {HEALTH_FRAMING_LENGTH, 3, "abcdef", HEALTH_BODY_END, "abc"},
        {HEALTH_FRAMING_LENGTH, 16, "0123456789abcdef", HEALTH_BODY_END, "0123456789abcdef"},
        {HEALTH_FRAMING_LENGTH, 30, "0123456789abcdefXYZ", HEALTH_BODY_FULL, "0123456789abcdef"},
        {HEALTH_FRAMING_LENGTH, 5, "abc", HEALTH_BODY_MORE, "abc"},
        {HEALTH_FRAMING_CHUNKED, 0, "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n", HEALTH_BODY_END, "abcde"},
        {HEALTH_FRAMING_CHUNKED, 0, "3\nabc\n0\n", HEALTH_BODY_END, "abc"},
        {HEALTH_FRAMING_CHUNKED, 0, "A\r\n0123456789\r\n00\r\n\r\n", HEALTH_BODY_END, "0123456789"},
        {HEALTH_FRAMING_CHUNKED, 0, "ff\r\n0123456789abcdefXYZ", HEALTH_BODY_FULL,
         "0123456789abcdef"},
        {HEALTH_FRAMING_CHUNKED, 0, "g\r\n", HEALTH_BODY_MALFORMED, ""},
        {HEALTH_FRAMING_CHUNKED, 0, "\r\n", HEALTH_BODY_MALFORMED, ""},
        {HEALTH_FRAMING_CHUNKED, 0, "-1\r\n", HEALTH_BODY_MALFORMED, ""},
        {HEALTH_FRAMING_CHUNKED, 0, "ffffffffffffffff\r\n", HEALTH_BODY_MALFORMED, ""},
        {HEALTH_FRAMING_CHUNKED, 0, "1\r\nabc\r\n", HEALTH_BODY_MALFORMED, "a"},
        {HEALTH_FRAMING_UNKNOWN, 0, "abc", HEALTH_BODY_MALFORMED, ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static const size_t pieces[] = {1, 2, 1000};

        for (size_t j = 0; j < 3; j++) {
            health_http_body_t body;

            assert_int_equal(feed_all(&body, cases[i].framing, cases[i].length, cases[i].text,
                                      pieces[j], *state),
                             cases[i].expected);
            assert_int_equal(body.size, strlen(cases[i].kept));
            if (body.size)
                assert_memory_equal(body.bytes, cases[i].kept, body.size);
            assert_true((cases[i].expected == HEALTH_BODY_MALFORMED) == (body.complaint != NULL));
        }
    }
}

static void empty_answers(void **state)
{
    health_http_t head = {.framing = HEALTH_FRAMING_CHUNKED};
    health_http_body_t body;

    health_http_body_init(&body, &head, 1, 16, *state);
    assert_int_equal(health_http_body_feed(&body, "abc", 3), HEALTH_BODY_END);
    assert_int_equal(body.size, 0);
    head.framing = HEALTH_FRAMING_LENGTH;
    health_http_body_init(&body, &head, 0, 16, *state);
    assert_int_equal(health_http_body_feed(&body, "", 0), HEALTH_BODY_END);
}

static void closed(void **state)
{
    health_http_body_t body;

    feed_all(&body, HEALTH_FRAMING_CLOSE, 0, "abc", 9, *state);
    assert_int_equal(health_http_body_closed(&body), HEALTH_BODY_END);
    feed_all(&body, HEALTH_FRAMING_LENGTH, 9, "abc", 9, *state);
    assert_int_equal(health_http_body_closed(&body), HEALTH_BODY_MALFORMED);
}

static void large_bodies_are_kept_whole(void **state)
{
    health_http_t head = {.framing = HEALTH_FRAMING_CLOSE};
    health_http_body_t body;
    char part[1000];

    health_http_body_init(&body, &head, 0, 1 << 20, *state);
    for (int i = 0; i < 100; i++) {
        memset(part, 'a' + i % 26, sizeof(part));
        assert_int_equal(health_http_body_feed(&body, part, sizeof(part)), HEALTH_BODY_MORE);
    }
    assert_int_equal(body.size, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(body.bytes[i], 'a' + i / 1000 % 26);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(bodies),
        test_with_pool(empty_answers),
        test_with_pool(closed),
        test_with_pool(large_bodies_are_kept_whole),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
