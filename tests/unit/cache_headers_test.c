/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_headers.h"

static apr_table_t *storable(apr_pool_t *pool, const char *lines)
{
    apr_table_t *response = fields(pool, lines);
    cache_directives_t told;

    cache_directives_parse(&told, response, pool);
    return cache_headers_storable(response, &told, pool);
}

static void fields_of_one_connection_are_not_stored(void **state)
{
    static const char *const never[] = {"Connection",
                                        "Keep-Alive",
                                        "Proxy-Connection",
                                        "Proxy-Authenticate",
                                        "Proxy-Authorization",
                                        "Proxy-Authentication-Info",
                                        "TE",
                                        "Trailer",
                                        "Transfer-Encoding",
                                        "Upgrade",
                                        "Content-Length",
                                        "Age",
                                        "X-Named",
                                        "X-Other"};
    apr_table_t *stored = storable(
        *state, "connection: close, x-named\nConnection: X-OTHER\nKeep-Alive: 1\n"
                "Proxy-Connection: 1\nProxy-Authenticate: 1\nProxy-Authorization: 1\n"
                "Proxy-Authentication-Info: 1\nTE: 1\nTrailer: 1\nTransfer-Encoding: 1\n"
                "Upgrade: 1\nContent-Length: 1\nAge: 1\nX-Named: 1\nX-Other: 1\nX-Kept: 1");

    for (size_t i = 0; i < COUNT(never); i++)
        assert_null(apr_table_get(stored, never[i]));
    assert_string_equal(apr_table_get(stored, "X-Kept"), "1");
}

static void fields_that_directives_name_are_not_stored(void **state)
{
    apr_table_t *stored = storable(*state, "Cache-Control: private=\"x-a\", no-cache=\"X-B, "
                                           "set-cookie\"\nX-A: 1\nX-B: 1\nSet-Cookie: 1\nX-C: 1");

    assert_null(apr_table_get(stored, "X-A"));
    assert_null(apr_table_get(stored, "X-B"));
    assert_null(apr_table_get(stored, "Set-Cookie"));
    assert_non_null(apr_table_get(stored, "X-C"));
    assert_non_null(apr_table_get(stored, "Cache-Control"));
}

static void fields_that_cannot_be_sent_are_not_stored(void **state)
{
    apr_table_t *response = apr_table_make(*state, 2);
    cache_directives_t told;

    apr_table_setn(response, "X Y", "1");
    apr_table_setn(response, "X-Split", "1\r\nInjected: 1");
    apr_table_setn(response, "X-Kept", "1");
    cache_directives_parse(&told, response, *state);
    assert_int_equal(apr_table_elts(cache_headers_storable(response, &told, *state))->nelts, 1);
}

static void several_lines_stay_several(void **state)
{
    apr_table_t *stored = storable(*state, "Link: a\nLink: b");

    assert_string_equal(apr_table_getm(*state, stored, "Link"), "a,b");
}

static void a_304_replaces_what_it_has(void **state)
{
    apr_table_t *stored =
        fields(*state, "Link: a\nLink: b\nX-Kept: 1\nETag: \"1\"\nContent-Encoding: gzip\n"
                       "Content-Type: text/plain\nX-Named: old");
    apr_table_t *fresh = fields(
        *state, "Link: c\nLink: d\nX-New: 2\nContent-Encoding: br\nContent-Range: x\n"
                "Content-Length: 0\nContent-Type: text/html\nConnection: X-Named\nX-Named: new");
    cache_directives_t told;
    apr_table_t *updated;

    cache_directives_parse(&told, fresh, *state);
    updated = cache_headers_update(stored, fresh, &told, *state);
    assert_string_equal(apr_table_getm(*state, updated, "Link"), "c,d");
    assert_string_equal(apr_table_get(updated, "X-Kept"), "1");
    assert_string_equal(apr_table_get(updated, "X-New"), "2");
    assert_string_equal(apr_table_get(updated, "Content-Encoding"), "gzip");
    assert_string_equal(apr_table_get(updated, "Content-Type"), "text/html");
    assert_string_equal(apr_table_get(updated, "X-Named"), "old");
    assert_null(apr_table_get(updated, "Content-Range"));
    assert_null(apr_table_get(updated, "Content-Length"));
    assert_string_equal(apr_table_getm(*state, stored, "Link"), "a,b");
}

static void a_304_to_the_client_says_nothing_of_the_content(void **state)
{
    apr_table_t *headers =
        fields(*state, "Content-Type: a\nContent-Length: 1\nContent-Encoding: a\nETag: \"1\"\n"
                       "Content-Language: a\nContent-Range: a\nTransfer-Encoding: a\nVary: a");

    cache_headers_strip_for_304(headers);
    assert_int_equal(apr_table_elts(headers)->nelts, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(fields_of_one_connection_are_not_stored),
        POOL_TEST(fields_that_directives_name_are_not_stored),
        POOL_TEST(fields_that_cannot_be_sent_are_not_stored),
        POOL_TEST(several_lines_stay_several),
        POOL_TEST(a_304_replaces_what_it_has),
        POOL_TEST(a_304_to_the_client_says_nothing_of_the_content),
    };

    return RUN_TESTS(tests);
}
