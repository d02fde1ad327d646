/* SPDX-License-Identifier: Apache-2.0 */
#include "health_talk.h"

#include "health_check_http.h"
#include "health_http.h"
#include "health_http_dialogue.h"

static health_verdict_e probe(const char *text, tier_result_t *result, apr_pool_t *pool)
{
    health_check_t check;
    void *dialogue;

    health_check_defaults(&check);
    dialogue = health_http_protocol.begin(&check, pool);
    return health_http_protocol.feed(dialogue, text, strlen(text), result, pool);
}

static void verdicts(void **state)
{
    char filler[HEALTH_HTTP_MAX_HEAD + 100];
    tier_result_t result;

    assert_int_equal(probe("HTTP/1.1 200 OK\r\n", &result, *state), HEALTH_MORE);
    assert_int_equal(probe("HTTP/1.1 200 OK\r\n\r\n", &result, *state), HEALTH_PASS);
    assert_string_equal(result.detail, "status 200 OK");
    assert_int_equal(probe("HTTP/1.1 503 Down\r\n\r\n", &result, *state), HEALTH_FAIL);
    assert_string_equal(tier_result_text(&result, *state), "bad_status: status 503 Down");
    assert_int_equal(probe("HTTP/1.1 503\r\n\r\n", &result, *state), HEALTH_FAIL);
    assert_string_equal(tier_result_text(&result, *state), "bad_status: status 503");
    assert_int_equal(probe("junk", &result, *state), HEALTH_FAIL);
    assert_string_equal(result.problem, "malformed");
    memset(filler, 'a', sizeof(filler) - 1);
    filler[sizeof(filler) - 1] = '\0';
    memcpy(filler, "HTTP/1.1 200 OK\r\nX:", 19);
    assert_int_equal(probe(filler, &result, *state), HEALTH_FAIL);
    assert_string_equal(result.problem, "too_long");
}

static const health_advice_t *advice_of(const health_check_t *check, const char *text,
                                        health_verdict_e expected, apr_pool_t *pool)
{
    void *dialogue = health_http_protocol.begin(check, pool);
    tier_result_t result;

    assert_int_equal(health_http_protocol.feed(dialogue, text, strlen(text), &result, pool),
                     expected);
    return health_http_protocol.advice(dialogue);
}

/* A status of drain= passes whatever status= and the body say; others that pass end the drain, and
 * failures leave it as it is. */
static void drains(void **state)
{
    const health_advice_t *advice;
    health_check_t check;

    health_check_defaults(&check);
    assert_null(advice_of(&check, "HTTP/1.1 200 OK\r\n\r\n", HEALTH_PASS, *state));
    check.body = "well";
    assert_null(health_check_parse_statuses(&check.drains, "429,503"));
    advice = advice_of(&check, "HTTP/1.1 503 Leaving\r\n\r\n", HEALTH_PASS, *state);
    assert_true(advice && advice->weight == 100 && advice->drain == 1);
    assert_null(advice_of(&check, "HTTP/1.1 500 Bad\r\n\r\n", HEALTH_FAIL, *state));
    assert_null(
        advice_of(&check, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", HEALTH_FAIL, *state));
    advice =
        advice_of(&check, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell", HEALTH_PASS, *state);
    assert_true(advice && advice->weight == 100 && advice->drain == 0);
}

/* Of an answer that passes; one that fails takes the member down however politely it says so. */
static void drains_by_header(void **state)
{
    const health_advice_t *advice;
    health_check_t check;

    health_check_defaults(&check);
    assert_null(health_check_parse_header(&check.drain_header, "X-Health: drain", *state));
    advice = advice_of(&check, "HTTP/1.1 200 OK\r\nX-Health: Drain\r\n\r\n", HEALTH_PASS, *state);
    assert_true(advice && advice->weight == 100 && advice->drain == 1);
    advice = advice_of(&check, "HTTP/1.1 200 OK\r\nX-Health: up\r\n\r\n", HEALTH_PASS, *state);
    assert_true(advice && advice->drain == 0);
    assert_null(
        advice_of(&check, "HTTP/1.1 503 No\r\nX-Health: drain\r\n\r\n", HEALTH_FAIL, *state));
}

static void drains_by_body(void **state)
{
    static const char leaving[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nwell; but LEAVING...";
    const health_advice_t *advice;
    health_check_t check;

    health_check_defaults(&check);
    check.drain_body = "LEAVING";
    advice = advice_of(&check, leaving, HEALTH_PASS, *state);
    assert_true(advice && advice->weight == 100 && advice->drain == 1);
    check.body = "well"; /* is there first: what comes behind it matters all the same */
    assert_null(advice_of(&check, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nwell; but ",
                          HEALTH_MORE, *state));
    advice = advice_of(&check, leaving, HEALTH_PASS, *state);
    assert_true(advice && advice->drain == 1);
    advice =
        advice_of(&check, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell", HEALTH_PASS, *state);
    assert_true(advice && advice->drain == 0);
    assert_null(advice_of(&check, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nLEAVING",
                          HEALTH_FAIL, *state));
}

static void early_close(void **state)
{
    health_check_t check;
    tier_result_t result;
    void *dialogue;

    health_check_defaults(&check);
    dialogue = health_http_protocol.begin(&check, *state);
    health_http_protocol.feed(dialogue, "HTTP", 4, &result, *state);
    assert_int_equal(health_http_protocol.end(dialogue, &result, *state), HEALTH_FAIL);
    assert_string_equal(result.problem, "closed");
    assert_non_null(strstr(result.detail, "after 4 bytes"));
}

static const char *request_of(const health_check_t *check, apr_pool_t *pool)
{
    return health_http_protocol.request(check, "m", pool);
}

static void requests(void **state)
{
    health_check_t check;
    const char *request;

    health_check_defaults(&check);
    check.uri = "/up?x=1";
    request = health_protocol_of(HEALTH_KIND_HTTP)->request(&check, "[::1]:8080", *state);
    assert_memory_equal(
        request, "GET /up?x=1 HTTP/1.1\r\nHost: [::1]:8080\r\nUser-Agent: webtier-health/", 67);
    assert_string_equal(strstr(request, "Connection:"), "Connection: close\r\n\r\n");
    check.host = "shop.example";
    check.method = "HEAD";
    request = health_protocol_of(HEALTH_KIND_HTTP)->request(&check, "10.0.0.1", *state);
    assert_memory_equal(request, "HEAD /up?x=1 HTTP/1.1\r\nHost: shop.example\r\n", 43);
    assert_null(health_protocol_of(HEALTH_KIND_TCP)->request);
    assert_ptr_equal(health_protocol_of(HEALTH_KIND_HTTPS), &health_http_protocol);
}

static void requests_with_headers(void **state)
{
    health_check_t check;
    const char *request;

    health_check_defaults(&check);
    check.headers = "X-A: b\r\nuser-agent: mine\r\nAccept: text/plain\r\n";
    request = request_of(&check, *state);
    assert_string_equal(request, "GET / HTTP/1.1\r\nHost: m\r\nX-A: b\r\nuser-agent: mine\r\n"
                                 "Accept: text/plain\r\nConnection: close\r\n\r\n");
    check.method = "POST";
    assert_non_null(strstr(request_of(&check, *state), "\r\nContent-Length: 0\r\n"));
    check.method = "PROPFIND";
    assert_null(strstr(request_of(&check, *state), "Content-Length"));
}

static void check_body(const health_check_t *check, const char *text, const char *expected,
                       apr_pool_t *pool)
{
    check_talk(&health_http_protocol, check, text, expected, pool);
}

static void bodies(void **state)
{
    health_check_t check;

    health_check_defaults(&check);
    check.body = "all good";
    check_body(&check, "HTTP/1.1 200 OK\r\n\r\nit is all good", "pass: status 200 OK", *state);
    check_body(&check, "HTTP/1.1 200 OK\r\n\r\nall goof, all goodness", "pass: status 200 OK",
               *state);
    check_body(&check, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nall goo all good",
               "no_match: status 200 OK, but the body's 8 bytes lack what body= asks for", *state);
    check_body(&check, "HTTP/1.1 200 OK\r\n\r\n",
               "no_match: status 200 OK, but the body's 0 bytes lack what body= asks for", *state);
    check_body(&check, "HTTP/1.1 204 None\r\n\r\nall good",
               "no_match: status 204 None, but the body's 0 bytes lack what body= asks for",
               *state);
    check_body(&check, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nshort",
               "closed: the connection was closed before the end of the body", *state);
    check_body(&check,
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nall g\r\n3\r\nood\r\n"
               "0\r\n\r\n",
               "pass: status 200 OK", *state);
    check_body(&check, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nall good",
               "malformed: a chunk's size is no hexadecimal number", *state);
    check_body(&check, "HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\nall good",
               "pass: status 302 Found, to /login", *state);
    check_body(&check, "HTTP/1.1 500 No\r\n\r\nall good", "bad_status: status 500 No", *state);
}

static void expressions(void **state)
{
    health_check_t check;

    health_check_defaults(&check);
    assert_null(health_match_compile(&check.match, "(?m)^db: ok$", *state));
    check_body(&check, "HTTP/1.1 200 OK\r\n\r\ncache: no\ndb: ok\n", "pass: status 200 OK", *state);
    check_body(&check, "HTTP/1.1 200 OK\r\n\r\ndb: okay\n",
               "no_match: status 200 OK, but the body's 9 bytes do not fit match=", *state);
    check.body = "cache: ok";
    check_body(&check, "HTTP/1.1 200 OK\r\n\r\ndb: ok\ncache: ok", "pass: status 200 OK", *state);
    check_body(&check, "HTTP/1.1 200 OK\r\n\r\ndb: ok\ncache: no",
               "no_match: status 200 OK, but the body's 16 bytes lack what body= asks for", *state);
}

/* An answer that never ends is judged by its beginning. */
static void limit(void **state)
{
    char filler[HEALTH_BODY_MIN + 1];
    health_check_t check;
    tier_result_t result;
    void *dialogue;

    health_check_defaults(&check);
    check.limit = HEALTH_BODY_MIN;
    check.body = "needle";
    memset(filler, 'a', HEALTH_BODY_MIN);
    filler[HEALTH_BODY_MIN] = '\0';
    dialogue = health_http_protocol.begin(&check, *state);
    assert_int_equal(
        health_http_protocol.feed(dialogue, "HTTP/1.1 200 OK\r\n\r\n", 19, &result, *state),
        HEALTH_MORE);
    assert_int_equal(health_http_protocol.feed(dialogue, filler, HEALTH_BODY_MIN, &result, *state),
                     HEALTH_FAIL);
    assert_non_null(strstr(result.detail, "the body's first 1024 bytes lack"));
}

static void wrong_protocols(void **state)
{
    tier_result_t result;

    assert_int_equal(probe("\x15\x03\x01", &result, *state), HEALTH_FAIL);
    assert_string_equal(result.problem, "wrong_protocol");
    assert_int_equal(probe("<h1>", &result, *state), HEALTH_FAIL);
    assert_string_equal(result.problem, "wrong_protocol");
}

/* Whether another request may follow on the connection. */
static int reusable(const health_check_t *check, const char *text, apr_pool_t *pool)
{
    void *dialogue = health_http_protocol.begin(check, pool);
    tier_result_t result;

    assert_int_equal(health_http_protocol.feed(dialogue, text, strlen(text), &result, pool),
                     HEALTH_PASS);
    return health_http_protocol.reusable(dialogue);
}

static void connections_that_can_be_kept(void **state)
{
    health_check_t check;

    health_check_defaults(&check);
    assert_true(reusable(&check, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", *state));
    assert_true(reusable(&check, "HTTP/1.1 204 OK\r\n\r\n", *state));
    assert_false(reusable(&check, "HTTP/1.1 204 OK\r\n\r\nx", *state));
    assert_false(reusable(&check, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", *state));
    assert_false(reusable(&check, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP", *state));
    assert_false(reusable(&check, "HTTP/1.1 200 OK\r\n\r\n", *state));
    assert_false(reusable(&check, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", *state));
    assert_false(reusable(
        &check, "HTTP/1.1 200 OK\r\nconnection: Close\r\nContent-Length: 0\r\n\r\n", *state));
    assert_false(
        reusable(&check, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", *state));
    check.method = "HEAD";
    assert_true(reusable(&check, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", *state));
    check.reuse = 2;
    assert_null(strstr(health_http_protocol.request(&check, "m", *state), "Connection"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(verdicts),
        test_with_pool(drains),
        test_with_pool(drains_by_header),
        test_with_pool(drains_by_body),
        test_with_pool(early_close),
        test_with_pool(requests),
        test_with_pool(requests_with_headers),
        test_with_pool(bodies),
        test_with_pool(expressions),
        test_with_pool(limit),
        test_with_pool(wrong_protocols),
        test_with_pool(connections_that_can_be_kept),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
