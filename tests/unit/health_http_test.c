/* SPDX-License-Identifier: Apache-2.0 */
#include "health_testing.h"

#include "health_http.h"

/* Feeds text whole and byte by byte: both must say the same. */
static health_http_e parse_bytes(const char *text, size_t size, health_http_t *parser)
{
    health_http_t slow;
    health_http_e verdict, slow_verdict = HEALTH_HTTP_MORE;

    health_http_init(parser);
    verdict = health_http_feed(parser, text, size);
    health_http_init(&slow);
    for (size_t i = 0; i < size && slow_verdict == HEALTH_HTTP_MORE; i++)
        slow_verdict = health_http_feed(&slow, text + i, 1);
    assert_int_equal(verdict, slow_verdict);
    assert_int_equal(parser->status, slow.status);
    assert_string_equal(parser->reason, slow.reason);
    return verdict;
}

static health_http_e parse(const char *text, health_http_t *parser)
{
    return parse_bytes(text, strlen(text), parser);
}

static void good_answers(void **state)
{
    static const struct {
        const char *text;
        int status;
        const char *reason;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", 200, "OK"},
        {"HTTP/1.0 404 Not Found\r\nServer: x\r\n\r\nbody", 404, "Not Found"},
        {"HTTP/1.1 204\r\n\r\n", 204, ""},
        {"HTTP/1.1 204 \r\n\r\n", 204, ""},
        {"HTTP/1.1 204\n\n", 204, ""},
        {"HTTP/1.1 200 OK\nA: b\n\n", 200, "OK"},
        {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\td\r\nE:\r\n\r\n", 200, "OK"},
        {"HTTP/1.1 200 OK\r\nA:\xff\x01\r\n\r\n", 200, "OK"},
        {"HTTP/1.1 999 Odd\r\n\r\n", 999, "Odd"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 500 "
         "No\r\n\r\n",
         500, "No"},
        {"HTTP/1.1 101 Switching Protocols\r\n\r\n", 101, "Switching Protocols"},
        {"HTTP/1.1 200 \x1b[31m\xe4\r\n\r\n", 200, "?[31m?"},
        {"HTTP/1.1 200 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n", 200,
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        health_http_t parser;

        assert_int_equal(parse(cases[i].text, &parser), HEALTH_HTTP_COMPLETE);
        assert_int_equal(parser.status, cases[i].status);
        assert_string_equal(parser.reason, cases[i].reason);
    }
}

static void malformed_answers(void **state)
{
    static const char *const cases[] = {
        "\r\n",
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "HTTP/1.x 200 OK\r\n\r\n",
        "HTTP/1.10 200 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 020 OK\r\n\r\n",
        "HTTP/1.1 OK\r\n\r\n",
        "HTTP/1.1 200 OK\rX",
        "HTTP/1.1 200\rX",
        "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
        "HTTP/1.1 200 OK\r\nName\r\n\r\n",
        "HTTP/1.1 200 OK\r\nN\xe4me: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\rX",
        "HTTP/1.1 200 OK\r\n\rX",
        "HTTP/1.1 100 Continue\r\n\r\n200 OK",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        health_http_t parser;

        assert_int_equal(parse(cases[i], &parser), HEALTH_HTTP_MALFORMED);
        assert_non_null(parser.complaint);
        /* What was wrong stays wrong. */
        assert_int_equal(health_http_feed(&parser, "HTTP/1.1 200 OK\r\n\r\n", 19),
                         HEALTH_HTTP_MALFORMED);
    }
}

static void zero_bytes_are_malformed(void **state)
{
    health_http_t parser;

    (void)state;
    assert_int_equal(parse_bytes("HTTP/1.1 200 O\0K", 16, &parser), HEALTH_HTTP_MALFORMED);
    assert_int_equal(parse_bytes("HTTP/1.1 200 OK\r\nA\0: b", 22, &parser), HEALTH_HTTP_MALFORMED);
    assert_int_equal(parse_bytes("HTTP/1.1 200 OK\r\nA: \0", 21, &parser), HEALTH_HTTP_MALFORMED);
    assert_int_equal(parse_bytes("\0", 1, &parser), HEALTH_HTTP_OTHER);
}

static void unfinished_answers(void **state)
{
    static const char whole[] =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n";
    health_http_t parser;

    (void)state;
    for (size_t size = 0; size < sizeof(whole) - 1; size++)
        assert_int_equal(parse_bytes(whole, size, &parser), HEALTH_HTTP_MORE);
    assert_int_equal(parse(whole, &parser), HEALTH_HTTP_COMPLETE);
}

static void head_is_bounded(void **state)
{
    static const char line[] = "X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    health_http_t parser;
    int lines = 0;

    (void)state;
    health_http_init(&parser);
    assert_int_equal(health_http_feed(&parser, "HTTP/1.1 200 OK\r\n", 17), HEALTH_HTTP_MORE);
    while (health_http_feed(&parser, line, sizeof(line) - 1) == HEALTH_HTTP_MORE)
        lines++;
    assert_int_equal(lines, (HEALTH_HTTP_MAX_HEAD - 17) / (sizeof(line) - 1));
    assert_int_equal(health_http_feed(&parser, "\r\n", 2), HEALTH_HTTP_TOO_LONG);
    assert_int_equal(health_http_feed(&parser, "more", 4), HEALTH_HTTP_TOO_LONG);
    health_http_init(&parser);
    for (lines = 0; health_http_feed(&parser, interim, sizeof(interim) - 1) == HEALTH_HTTP_MORE;
         lines++)
        assert_true(lines < HEALTH_HTTP_MAX_HEAD);
    assert_int_equal(health_http_feed(&parser, interim, 1), HEALTH_HTTP_TOO_LONG);
}

static void framing(void **state)
{
    static const struct {
        const char *text;
        health_framing_e framing;
        int length;
        const char *location;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", HEALTH_FRAMING_CLOSE, 0, ""},
        {"HTTP/1.1 200 OK\r\ncontent-length: 12 \t\r\n\r\n", HEALTH_FRAMING_LENGTH, 12, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length:12\r\nContent-Length: 12\r\n\r\n",
         HEALTH_FRAMING_LENGTH, 12, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nContent-Length: 13\r\n\r\n",
         HEALTH_FRAMING_UNKNOWN, 12, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 12, 12\r\n\r\n", HEALTH_FRAMING_UNKNOWN, 0, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", HEALTH_FRAMING_UNKNOWN, 0, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", HEALTH_FRAMING_UNKNOWN, 0, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999999\r\n\r\n",
         HEALTH_FRAMING_UNKNOWN, 0, ""},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 5\r\n\r\n",
         HEALTH_FRAMING_CHUNKED, 0, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
         HEALTH_FRAMING_CHUNKED, 5, ""},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", HEALTH_FRAMING_UNKNOWN, 0,
         ""},
        {"HTTP/1.1 200 OK\r\nX-Content-Length: 5\r\nContent-Length-And-So-On: 7\r\n\r\n",
         HEALTH_FRAMING_CLOSE, 0, ""},
        {"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
         HEALTH_FRAMING_CLOSE, 0, ""},
        {"HTTP/1.1 302 Found\r\nLocation: /login\x01 \r\n\r\n", HEALTH_FRAMING_CLOSE, 0, "/login?"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        health_http_t parser;

        assert_int_equal(parse(cases[i].text, &parser), HEALTH_HTTP_COMPLETE);
        assert_int_equal(parser.framing, cases[i].framing);
        assert_int_equal(parser.length, cases[i].length);
        assert_string_equal(parser.location, cases[i].location);
    }
}

/* Of the final answer alone; what was cut is never it. */
static void a_field_that_is_sought(void **state)
{
    static const health_http_line_t sought = {"X-Health", "drain now"};
    static const struct {
        const char *text;
        int found;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nX-Health: drain now\r\n\r\n", 1},
        {"HTTP/1.1 200 OK\r\nx-health:DRAIN NOW \t\r\nA: b\r\n\r\n", 1},
        {"HTTP/1.1 200 OK\r\nX-Health: up\r\nX-Health: drain now\r\nX-Health: up\r\n\r\n", 1},
        {"HTTP/1.1 200 OK\r\nX-Health: drain now, or later\r\n\r\n", 0},
        {"HTTP/1.1 200 OK\r\nX-Health: drain\r\n\r\n", 0},
        {"HTTP/1.1 200 OK\r\nX-Healthy: drain now\r\n\r\n", 0},
        {"HTTP/1.1 103 Hints\r\nX-Health: drain now\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 0},
        {"HTTP/1.1 200 OK\r\nX-Health: drain now aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaa\r\n\r\n",
         0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        health_http_t parser;

        health_http_init(&parser);
        parser.sought = &sought;
        assert_int_equal(health_http_feed(&parser, cases[i].text, strlen(cases[i].text)),
                         HEALTH_HTTP_COMPLETE);
        assert_int_equal(parser.found, cases[i].found);
        assert_int_equal(parse(cases[i].text, &parser), HEALTH_HTTP_COMPLETE);
        assert_int_equal(parser.found, 0);
    }
}

static void other_protocols(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        const char *what;
    } cases[] = {
        {"\x15\x03\x01\x00\x02\x02\x46", 7, "TLS"},
        {"\x00\x00\x12\x04\x00\x00\x00\x00\x00", 9, "HTTP/2"},
        {"<html>", 6, "HTTP/0.9"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        health_http_t parser;

        assert_int_equal(parse_bytes(cases[i].text, cases[i].size, &parser), HEALTH_HTTP_OTHER);
        assert_non_null(strstr(parser.complaint, cases[i].what));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_answers),
        cmocka_unit_test(malformed_answers),
        cmocka_unit_test(zero_bytes_are_malformed),
        cmocka_unit_test(unfinished_answers),
        cmocka_unit_test(head_is_bounded),
        cmocka_unit_test(framing),
        cmocka_unit_test(a_field_that_is_sought),
        cmocka_unit_test(other_protocols),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
