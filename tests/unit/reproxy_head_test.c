/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_testing.h"

#include "reproxy_head.h"

static reproxy_head_e parse(reproxy_head_t *head, const char *text, apr_pool_t *pool)
{
    apr_size_t used = 0;
    reproxy_head_e result;

    result = reproxy_head_parse(head, &used, apr_pstrdup(pool, text), strlen(text));
    if (result == REPROXY_HEAD_DONE)
        assert_true(used <= strlen(text) && text[used - 1] == '\n');
    return result;
}

static void a_head(void **state)
{
    char text[] = "HTTP/1.1 206 Partial Content\r\nContent-Length: 10\r\n"
                  "content-range:  bytes 0-9/100 \t\r\nX: a\r\nx: b\r\nEmpty:\r\n\r\nbody";
    reproxy_head_t head;
    apr_size_t used = 0;

    assert_int_equal(reproxy_head_parse(&head, &used, text, sizeof(text) - 1), REPROXY_HEAD_DONE);
    assert_string_equal(text + used, "body");
    assert_int_equal(head.status, 206);
    assert_int_equal(head.length, 10);
    assert_int_equal(head.keeps, 1);
    assert_int_equal(head.chunked, 0);
    assert_string_equal(head.content_range, "bytes 0-9/100");
    assert_null(head.etag);
    assert_string_equal(reproxy_head_get(&head, "Content-Range", *state), "bytes 0-9/100");
    assert_string_equal(reproxy_head_get(&head, "X", *state), "a, b");
    assert_string_equal(reproxy_head_get(&head, "Empty", *state), "");
    assert_null(reproxy_head_get(&head, "bytes 0-9/100", *state));
}

static void fields_that_are_looked_at(void **state)
{
    reproxy_head_t head;

    assert_int_equal(parse(&head,
                           "HTTP/1.1 302 Found\nETAG: \"a\"\nEtag: \"b\"\nLast-modified: then\n"
                           "LOCATION:/there\nAccept-Ranges: none\nContent-Range: bytes */9\n"
                           "content-range: bytes */9\n\n",
                           *state),
                     REPROXY_HEAD_DONE);
    assert_string_equal(head.etag, "\"a\"");
    assert_string_equal(head.modified, "then");
    assert_string_equal(head.location, "/there");
    assert_string_equal(head.accept_ranges, "none");
    assert_string_equal(head.content_range, "bytes */9");
    assert_int_equal(parse(&head, "HTTP/1.1 200 OK\r\n\r\n", *state), REPROXY_HEAD_DONE);
    assert_null(head.etag);
    assert_null(reproxy_head_get(&head, "ETag", *state));
}

static void every_beginning_is_incomplete(void **state)
{
    static const char whole[] = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX: a\n\r\n";
    char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX: a\n\r\n";
    reproxy_head_t head;
    apr_size_t used;

    (void)state;
    for (apr_size_t size = 0; size < sizeof(text) - 1; size++) {
        assert_int_equal(reproxy_head_parse(&head, &used, text, size), REPROXY_HEAD_MORE);
        assert_string_equal(text, whole);
    }
    assert_int_equal(reproxy_head_parse(&head, &used, text, sizeof(text) - 1), REPROXY_HEAD_DONE);
}

static void framing(void **state)
{
    static const struct {
        const char *text;
        apr_off_t length;
        int chunked, keeps;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", -1, 0, 1},
        {"HTTP/1.1 200\r\n\r\n", -1, 0, 1},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", 5, 0, 0},
        {"HTTP/1.0 200 OK\nConnection: Keep-Alive\nContent-Length: 5\n\n", 5, 0, 1},
        {"HTTP/1.1 200 OK\r\nConnection: foo, close\r\n\r\n", -1, 0, 0},
        {"HTTP/1.1 200 OK\r\nConnection: close, keep-alive\r\n\r\n", -1, 0, 0},
        {"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", -1, 0, 0},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", -1, 1, 1},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", -1, 1, 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 5, 0, 1},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n", APR_INT64_MAX, 0, 1},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        reproxy_head_t head;

        assert_int_equal(parse(&head, cases[i].text, *state), REPROXY_HEAD_DONE);
        assert_int_equal(head.length, cases[i].length);
        assert_int_equal(head.chunked, cases[i].chunked);
        assert_int_equal(head.keeps, cases[i].keeps);
    }
}

static void what_is_bad(void **state)
{
    static const char *const cases[] = {
        "SSH-2.0\r\n\r\n",
        "G",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.x 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: x\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: x\ry\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: x\x01y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length:\r\n\r\n",
        "HTTP/1.1 206 Part\r\nContent-Range: bytes 0-1/9\r\nContent-Range: bytes 0-2/9\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA(: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: x\x7Fy\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        reproxy_head_t head;

        assert_int_equal(parse(&head, cases[i], *state), REPROXY_HEAD_BAD);
    }
}

static void a_nul_and_too_many_fields(void **state)
{
    char with_nul[] = "HTTP/1.1 200 OK\r\nA: x\0y\r\n\r\n";
    reproxy_head_t head;
    apr_size_t used;
    char *many = apr_pstrdup(*state, "HTTP/1.1 200 OK\r\n");

    assert_int_equal(reproxy_head_parse(&head, &used, with_nul, sizeof(with_nul) - 1),
                     REPROXY_HEAD_BAD);
    for (int i = 0; i < 201; i++)
        many = apr_pstrcat(*state, many, "A: b\r\n", NULL);
    assert_int_equal(parse(&head, apr_pstrcat(*state, many, "\r\n", NULL), *state),
                     REPROXY_HEAD_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(a_head),
        test_with_pool(fields_that_are_looked_at),
        test_with_pool(every_beginning_is_incomplete),
        test_with_pool(framing),
        test_with_pool(what_is_bad),
        test_with_pool(a_nul_and_too_many_fields),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
