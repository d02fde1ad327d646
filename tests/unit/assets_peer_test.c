/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "assets_peer.h"

static void urls_of_web_boxes(void **state)
{
    static const char *const bad[] = {"box",          "https://box",  "http://",
                                      "http://box/",  "http://box:x", "ftp://box",
                                      "http://u@box", "http://box:0x"};
    const char *host;
    apr_port_t port;

    assert_true(assets_peer_read("http://box", &host, &port, *state));
    assert_string_equal(host, "box");
    assert_int_equal(port, 80);
    assert_true(assets_peer_read("http://10.0.0.2:8080", &host, &port, *state));
    assert_string_equal(host, "10.0.0.2");
    assert_int_equal(port, 8080);
    assert_true(assets_peer_read("http://[::1]:81", &host, &port, *state));
    assert_string_equal(host, "::1");
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(assets_peer_read(bad[i], &host, &port, *state));
}

static void heads_that_count(void **state)
{
    char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nCONTENT-LENGTH:  12 \r\nA: b\r\nA: "
                  "c\r\nEmpty:\r\n\r\n";
    apr_table_t *fields;
    apr_off_t length;

    assert_true(assets_peer_head(head, &fields, &length, *state));
    assert_int_equal(length, 12);
    assert_string_equal(apr_table_get(fields, "content-type"), "text/css");
    assert_string_equal(apr_table_getm(*state, fields, "a"), "b,c");
    assert_string_equal(apr_table_get(fields, "empty"), "");
}

static void heads_that_do_not(void **state)
{
    static const char *const cases[] = {
        "",
        "\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 2000 OK\r\nContent-Length: 1\r\n\r\n",
        "HTTP/2 200\r\nContent-Length: 1\r\n\r\n",
        "ICY 200 OK\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1234567890123456\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nno field\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nA : x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n folded: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nA: x\ry\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nA: x\x01\r\n\r\n",
    };
    apr_table_t *fields;
    apr_off_t length;

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_false(assets_peer_head(apr_pstrdup(*state, cases[i]), &fields, &length, *state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(urls_of_web_boxes),
        POOL_TEST(heads_that_count),
        POOL_TEST(heads_that_do_not),
    };

    return RUN_TESTS(tests);
}
