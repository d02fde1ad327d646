/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of the memcached client: spellings of servers, first lines of answers, keys and
 * expiry. */
#include "common_support.h"

#include <apr_strings.h>

#include "memcache_protocol.h"
#include "memcache_server.h"

static void right_spellings_are_read(void **state)
{
    static const struct {
        const char *spelling, *host, *path;
        int port;
    } right[] = {
        {"localhost", "localhost", NULL, 11211},
        {"cache-1.example.net:1", "cache-1.example.net", NULL, 1},
        {"127.0.0.1:65535", "127.0.0.1", NULL, 65535},
        {"my_cache", "my_cache", NULL, 11211},
        {"[::1]", "::1", NULL, 11211},
        {"[2001:db8::1]:11212", "2001:db8::1", NULL, 11212},
        {"[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", NULL, 1},
        {"[fe80::1%eth0]:1", "fe80::1%eth0", NULL, 1},
        {"/run/memcached.sock", NULL, "/run/memcached.sock", 0},
        {"/with space:1", NULL, "/with space:1", 0},
    };
    tier_memcache_server_t server;

    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        assert_null(tier_memcache_server_parse(&server, right[i].spelling, *state));
        assert_null(tier_memcache_check_server(right[i].spelling, *state));
        assert_string_equal(server.name, right[i].spelling);
        assert_int_equal(server.port, right[i].port);
        assert_true(right[i].host ? !strcmp(server.host, right[i].host) : !server.host);
        assert_true(right[i].path ? !strcmp(server.path, right[i].path) : !server.path);
    }
}

/* The sentence says what is allowed: httpd prints it after the directive. */
static void wrong_spellings_are_refused_with_a_sentence(void **state)
{
    static const char *const wrong[] = {"",           ":1",
                                        "host:",      "host:0",
                                        "host:65536", "host:99999999999999999999",
                                        "host:1x",    "host:-1",
                                        "host: 1",    "ho st",
                                        "host\n",     "-host",
                                        ".host",      "::1",
                                        "::1:1",      "1:2:3",
                                        "[::1",       "[]",
                                        "[]:1",       "[host]",
                                        "[::1]x",     "[::1]:",
                                        "[::1]:0",    "[1.2.3.4]",
                                        "[::1%]",     "[:: 1]",
                                        "host/x",     "\xc3\xa4",
                                        "host:1:2",   "[::1%et h]",
                                        "/tmp\x01",   "[::1]:1:1",
                                        "a,b",        "http://host",
                                        "*",          "host=1"};
    char longest[400];
    const char *sentence;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        sentence = tier_memcache_check_server(wrong[i], *state);
        if (!sentence)
            fail_msg("was taken: %s", wrong[i]);
        assert_true(strstr(sentence, "[IPv6 address][:port]") || strstr(sentence, "1 to 65535") ||
                    strstr(sentence, "control characters"));
    }
    memset(longest, 'a', sizeof(longest));
    longest[254] = '\0';
    assert_non_null(tier_memcache_check_server(longest, *state));
    longest[253] = '\0';
    assert_null(tier_memcache_check_server(longest, *state));
    longest[0] = '/';
    longest[108] = '\0';
    assert_string_equal(tier_memcache_check_server(longest, *state),
                        "the path of a socket has at most 107 bytes");
    longest[107] = '\0';
    assert_null(tier_memcache_check_server(longest, *state));
}

static void every_answer_is_told_apart(void **state)
{
    static const struct {
        const char *line;
        tier_memcache_answer_e kind;
    } answers[] = {
        {"END\r\n", TIER_MEMCACHE_END},
        {"STORED\r\n", TIER_MEMCACHE_STORED},
        {"NOT_STORED\r\n", TIER_MEMCACHE_NOT_STORED},
        {"DELETED\r\n", TIER_MEMCACHE_DELETED},
        {"NOT_FOUND\r\n", TIER_MEMCACHE_NOT_FOUND},
        {"SERVER_ERROR object too large for cache\r\n", TIER_MEMCACHE_TOO_LARGE},
        {"SERVER_ERROR out of memory storing object\r\n", TIER_MEMCACHE_TOO_LARGE},
        {"SERVER_ERROR Out of memory during read\r\n", TIER_MEMCACHE_TOO_LARGE},
        {"VERSION 1.6.18\r\n", TIER_MEMCACHE_VERSION},
        {"VALUE key 1 2\r\n", TIER_MEMCACHE_VALUE},
        {"VALUE key 1 2", TIER_MEMCACHE_MORE},
        {"VALUE key 1 2\r", TIER_MEMCACHE_MORE},
        {"", TIER_MEMCACHE_MORE},
        {"EN", TIER_MEMCACHE_MORE},
        {"END\n", TIER_MEMCACHE_WRONG},
        {"END\r\r\n", TIER_MEMCACHE_WRONG},
        {"ENDS\r\n", TIER_MEMCACHE_WRONG},
        {"STOREDX\r\n", TIER_MEMCACHE_WRONG},
        {"VERSION\r\n", TIER_MEMCACHE_WRONG},
        {"VALUE keys 1 2\r\n", TIER_MEMCACHE_WRONG},
        {"VALUE ke 1 2\r\n", TIER_MEMCACHE_WRONG},
        {"ENDX\n", TIER_MEMCACHE_WRONG},
        {"VALUE key 1 2X\n", TIER_MEMCACHE_WRONG},
        {"VALUE key,1 2\r\n", TIER_MEMCACHE_WRONG},
        {"VALUE key 1,2\r\n", TIER_MEMCACHE_WRONG},
        {"VALUE key 1\r\n", TIER_MEMCACHE_WRONG},
        {"VALUE key 1 \r\n", TIER_MEMCACHE_WRONG},
        {"VALUE key  2\r\n", TIER_MEMCACHE_WRONG},
        {"VALUE key 1 2 3\r\n", TIER_MEMCACHE_WRONG},
        {"SERVER_ERROR\r\n", TIER_MEMCACHE_WRONG},
        {"ERROR\r\n", TIER_MEMCACHE_WRONG},
    };

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        size_t size = strlen(answers[i].line);
        /* Exactly as long as the answer, so that a sanitizer sees a read past it. */
        char *data = apr_pmemdup(*state, answers[i].line, size ? size : 1);
        tier_memcache_answer_t answer = tier_memcache_answer_read(data, size, "key", 3);

        if (answer.kind != answers[i].kind)
            fail_msg("%s is %d", answers[i].line, answer.kind);
        assert_int_equal(
            answer.line,
            answer.kind == TIER_MEMCACHE_MORE || answer.kind == TIER_MEMCACHE_WRONG ? 0 : size);
        assert_int_equal(answer.flags, answer.kind == TIER_MEMCACHE_VALUE);
        assert_int_equal(answer.size, answer.kind == TIER_MEMCACHE_VALUE ? 2 : 0);
    }
}

static void a_line_has_a_longest_length(void **state)
{
    char line[TIER_MEMCACHE_MAX_LINE + 2];

    (void)state;
    memset(line, 'x', sizeof(line));
    memcpy(line, "VERSION ", 8);
    assert_int_equal(tier_memcache_answer_read(line, TIER_MEMCACHE_MAX_LINE - 1, "", 0).kind,
                     TIER_MEMCACHE_MORE);
    assert_int_equal(tier_memcache_answer_read(line, TIER_MEMCACHE_MAX_LINE, "", 0).kind,
                     TIER_MEMCACHE_WRONG);
    memcpy(line + TIER_MEMCACHE_MAX_LINE - 2, "\r\n", 2);
    assert_int_equal(tier_memcache_answer_read(line, sizeof(line), "", 0).kind,
                     TIER_MEMCACHE_VERSION);
    memcpy(line + TIER_MEMCACHE_MAX_LINE - 2, "xx\r\n", 4);
    assert_int_equal(tier_memcache_answer_read(line, sizeof(line), "", 0).kind,
                     TIER_MEMCACHE_WRONG);
}

static void numbers_end_where_the_protocol_ends_them(void **state)
{
    tier_memcache_answer_t answer;
    const char *line =
        apr_psprintf(*state, "VALUE k 4294967295 %" APR_SIZE_T_FMT "\r\n", TIER_MEMCACHE_MAX_VALUE);

    answer = tier_memcache_answer_read(line, strlen(line), "k", 1);
    assert_int_equal(answer.kind, TIER_MEMCACHE_VALUE);
    assert_int_equal(answer.flags, 4294967295u);
    assert_int_equal(answer.size, TIER_MEMCACHE_MAX_VALUE);
    line = apr_psprintf(*state, "VALUE k 4294967296 %d\r\n", 1);
    assert_int_equal(tier_memcache_answer_read(line, strlen(line), "k", 1).kind,
                     TIER_MEMCACHE_WRONG);
    line = apr_psprintf(*state, "VALUE k 0 %" APR_SIZE_T_FMT "\r\n", TIER_MEMCACHE_MAX_VALUE + 1);
    assert_int_equal(tier_memcache_answer_read(line, strlen(line), "k", 1).kind,
                     TIER_MEMCACHE_WRONG);
    line = "VALUE k 0 18446744073709551616\r\n";
    assert_int_equal(tier_memcache_answer_read(line, strlen(line), "k", 1).kind,
                     TIER_MEMCACHE_WRONG);
}

static void keys_are_of_visible_bytes(void **state)
{
    char key[TIER_MEMCACHE_MAX_KEY + 1];

    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char text[3] = {'a', (char)byte, 'b'};
        assert_int_equal(tier_memcache_key_allowed(text, 3), byte > ' ' && byte != 0x7f);
    }
    memset(key, 'k', sizeof(key));
    assert_int_equal(tier_memcache_key_allowed(key, 0), 0);
    assert_int_equal(tier_memcache_key_allowed(key, TIER_MEMCACHE_MAX_KEY), 1);
    assert_int_equal(tier_memcache_key_allowed(key, TIER_MEMCACHE_MAX_KEY + 1), 0);
}

static void a_life_of_over_30_days_is_a_date(void **state)
{
    apr_time_t now = apr_time_from_sec(1700000000) + 999999;
    apr_interval_time_t month = apr_time_from_sec(30 * 86400);

    (void)state;
    assert_int_equal(tier_memcache_expiry(0, now), 0);
    assert_int_equal(tier_memcache_expiry(1, now), 1);
    assert_int_equal(tier_memcache_expiry(apr_time_from_sec(1), now), 1);
    assert_int_equal(tier_memcache_expiry(apr_time_from_sec(1) + 1, now), 2);
    assert_int_equal(tier_memcache_expiry(month, now), 30 * 86400);
    assert_int_equal(tier_memcache_expiry(month + 1, now), 1700000001 + 30 * 86400 + 1);
    assert_int_equal(tier_memcache_expiry(apr_time_from_sec(447483646), now), 2147483647);
    assert_int_equal(tier_memcache_expiry(apr_time_from_sec(447483647), now), 0);
    assert_int_equal(tier_memcache_expiry(APR_INT64_MAX, now), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(right_spellings_are_read),
        test_with_pool(wrong_spellings_are_refused_with_a_sentence),
        test_with_pool(every_answer_is_told_apart),
        test_with_pool(a_line_has_a_longest_length),
        test_with_pool(numbers_end_where_the_protocol_ends_them),
        test_with_pool(keys_are_of_visible_bytes),
        test_with_pool(a_life_of_over_30_days_is_a_date),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
