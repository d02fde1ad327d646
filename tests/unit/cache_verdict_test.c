/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_verdict.h"

typedef struct case_t {
    const char *response;
    cache_verdict_e verdict;
    int status;
    int authorized;
    const char *method;
    const char *request;
} case_t;

static const cache_heuristic_t none = {0, 0};
static const cache_heuristic_t usual = {10, 86400};

static cache_verdict_e judge(const case_t *it, int heuristic, apr_pool_t *pool)
{
    cache_directives_t asked, told;
    cache_exchange_t exchange = {cache_exchange_method(it->method ? it->method : "GET")};
    cache_life_t life;

    exchange.request = fields(pool, it->request ? it->request : "");
    exchange.response = fields(pool, it->response);
    cache_directives_parse(&asked, exchange.request, pool);
    cache_directives_parse_response(&told, exchange.response, pool);
    exchange.asked = &asked;
    exchange.told = &told;
    exchange.status = it->status ? it->status : 200;
    exchange.authorized = it->authorized;
    exchange.requested = exchange.received = NOW;
    cache_freshness_life(&life, &exchange, heuristic ? &usual : &none);
    return cache_verdict_of(&exchange, &life, heuristic ? &usual : &none);
}

#define CC "Cache-Control: "

static void what_may_be_stored(void **state)
{
    static const case_t cases[] = {
        {CC "max-age=60", CACHE_STORABLE},
        {CC "max-age=60", CACHE_REFUSED_METHOD, .method = "HEAD"},
        {CC "max-age=60", CACHE_REFUSED_METHOD, .method = "POST"},
        {CC "max-age=60", CACHE_REFUSED_REQUEST, .request = CC "no-store"},
        {CC "max-age=60", CACHE_REFUSED_STATUS, .status = 206},
        {CC "max-age=60", CACHE_REFUSED_STATUS, .status = 304},
        {CC "max-age=60", CACHE_REFUSED_STATUS, .status = 103},
        {CC "max-age=60", CACHE_STORABLE, .status = 599},
        {CC "max-age=60, no-store", CACHE_REFUSED_NO_STORE},
        {CC "max-age=60, no-store, must-understand", CACHE_STORABLE},
        {CC "max-age=60, no-store, must-understand", CACHE_REFUSED_STATUS, .status = 299},
        {CC "max-age=60, must-understand", CACHE_REFUSED_STATUS, .status = 599},
        {CC "max-age=60, private", CACHE_REFUSED_PRIVATE},
        {CC "max-age=60, private=\"x\"", CACHE_STORABLE},
        {CC "max-age=60", CACHE_REFUSED_AUTHORIZATION, .authorized = 1},
        {CC "max-age=60, public", CACHE_STORABLE, .authorized = 1},
        {CC "max-age=60, must-revalidate", CACHE_STORABLE, .authorized = 1},
        {CC "s-maxage=60", CACHE_STORABLE, .authorized = 1},
        {CC "max-age=60, proxy-revalidate", CACHE_REFUSED_AUTHORIZATION, .authorized = 1},
        {CC "max-age=60\nSet-Cookie: a=b", CACHE_REFUSED_SET_COOKIE},
        {CC "max-age=60\nSet-Cookie2: a=b", CACHE_REFUSED_SET_COOKIE},
        {CC "max-age=60, public\nSet-Cookie: a=b", CACHE_STORABLE},
        {CC "s-maxage=60\nSet-Cookie: a=b", CACHE_STORABLE},
        {"CDN-Cache-Control: max-age=60\nSet-Cookie: a=b", CACHE_STORABLE},
        {CC "max-age=60, no-cache=\"Set-Cookie\"\nSet-Cookie: a=b", CACHE_STORABLE},
        {CC "max-age=60, private=\"set-cookie\"\nSet-Cookie: a=b", CACHE_STORABLE},
        {CC "max-age=60\nVary: *", CACHE_REFUSED_VARY},
        {"X: y", CACHE_REFUSED_NO_FRESHNESS},
        {"Last-Modified: Sun, 06 Nov 1994 07:49:37 GMT", CACHE_REFUSED_NO_FRESHNESS},
        {CC "max-age=0", CACHE_REFUSED_EXPIRED},
        {"Expires: 0", CACHE_REFUSED_EXPIRED},
        {CC "max-age=0\nETag: \"a\"", CACHE_STORABLE},
        {CC "no-cache\nETag: \"a\"", CACHE_STORABLE},
        {CC "no-cache", CACHE_REFUSED_EXPIRED},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        cache_verdict_e verdict = judge(&cases[i], 0, *state);
        if (verdict != cases[i].verdict)
            fail_msg("case %d, %s: %s", (int)i, cases[i].response, cache_verdict_name(verdict));
    }
}

static void heuristics_where_they_are_on(void **state)
{
    static const case_t known = {"Last-Modified: Sun, 06 Nov 1994 07:49:37 GMT", CACHE_STORABLE};
    static const case_t bare = {"X: y", CACHE_REFUSED_NO_FRESHNESS};
    case_t personal = {known.response, .request = "Cookie: a=b"};

    assert_int_equal(judge(&known, 1, *state), CACHE_STORABLE);
    assert_int_equal(judge(&bare, 1, *state), CACHE_REFUSED_NO_FRESHNESS);
    assert_int_equal(judge(&personal, 1, *state), CACHE_REFUSED_COOKIE);
    assert_int_equal(judge(&personal, 0, *state), CACHE_REFUSED_NO_FRESHNESS);
    personal.status = 500;
    assert_int_equal(judge(&personal, 1, *state), CACHE_REFUSED_NO_FRESHNESS);
    personal.status = 200;
    personal.response = "X: y";
    assert_int_equal(judge(&personal, 1, *state), CACHE_REFUSED_NO_FRESHNESS);
}

static void statuses_that_are_understood(void **state)
{
    for (int status = 200; status < 600; status++) {
        case_t it = {CC "max-age=60, must-understand", CACHE_STORABLE, .status = status};
        int expected = (status <= 205) || (status >= 300 && status <= 303) || status == 305 ||
                       status == 307 || status == 308 || (status >= 400 && status <= 417) ||
                       status == 421 || status == 422 || status == 426 ||
                       (status >= 500 && status <= 505);
        assert_int_equal(judge(&it, 0, *state) == CACHE_STORABLE, expected);
    }
}

static void verdicts_have_names_that_are_tokens(void **state)
{
    (void)state;
    for (int i = 0; i < CACHE_VERDICTS; i++)
        assert_true(cache_text_is_token(cache_text_span(cache_verdict_name((cache_verdict_e)i))));
    assert_string_equal(cache_verdict_name(CACHE_VERDICTS), "unknown");
    assert_string_equal(cache_verdict_name(CACHE_REFUSED_STORE), "store");
}

static void methods(void **state)
{
    (void)state;
    assert_int_equal(cache_exchange_method("GET"), CACHE_METHOD_GET);
    assert_int_equal(cache_exchange_method("HEAD"), CACHE_METHOD_HEAD);
    assert_int_equal(cache_exchange_method("OPTIONS"), CACHE_METHOD_SAFE);
    assert_int_equal(cache_exchange_method("PROPFIND"), CACHE_METHOD_SAFE);
    assert_int_equal(cache_exchange_method("get"), CACHE_METHOD_UNSAFE);
    assert_int_equal(cache_exchange_method("FOO"), CACHE_METHOD_UNSAFE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(what_may_be_stored),
        POOL_TEST(heuristics_where_they_are_on),
        POOL_TEST(statuses_that_are_understood),
        POOL_TEST(verdicts_have_names_that_are_tokens),
        POOL_TEST(methods),
    };

    return RUN_TESTS(tests);
}
