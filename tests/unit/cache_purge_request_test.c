/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_purge_request.h"

static const char *parse(cache_purge_request_t *request, const char *lines, apr_pool_t *pool)
{
    apr_array_header_t *names = apr_array_make(pool, 2, sizeof(const char *));

    APR_ARRAY_PUSH(names, const char *) = "Surrogate-Key";
    APR_ARRAY_PUSH(names, const char *) = "Cache-Tag";
    return cache_purge_request_read(request, fields(pool, lines), names, "s:80", "Shop.test", pool);
}

static void what_is_asked_for(void **state)
{
    static const struct {
        const char *lines;
        cache_purge_scope_e scope;
        int is_soft, tags;
    } cases[] = {
        {"A: b", CACHE_PURGE_URL, 0, 0},
        {"Purge-Scope: url", CACHE_PURGE_URL, 0, 0},
        {"Soft-Purge: 1", CACHE_PURGE_URL, 1, 0},
        {"Soft-Purge: 0", CACHE_PURGE_URL, 0, 0},
        {"fastly-soft-purge: true", CACHE_PURGE_URL, 1, 0},
        {"Surrogate-Key: a b", CACHE_PURGE_TAGS, 0, 2},
        {"Cache-Tag: a,b\nSurrogate-Key: c\nPurge-Scope: TAGS\nSoft-Purge: 1", CACHE_PURGE_TAGS, 1,
         3},
        {"Purge-Scope: host", CACHE_PURGE_HOST, 0, 1},
        {"Purge-Scope:  All ", CACHE_PURGE_SITE, 0, 1},
    };
    cache_purge_request_t request;

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_null(parse(&request, cases[i].lines, *state));
        assert_int_equal(request.scope, cases[i].scope);
        assert_int_equal(request.is_soft, cases[i].is_soft);
        assert_int_equal(request.tags->nelts, cases[i].tags);
    }
    assert_null(parse(&request, "Purge-Scope: host", *state));
    assert_true(APR_ARRAY_IDX(request.tags, 0, cache_tag_t) ==
                cache_tags_host("s:80", "shop.test"));
    assert_null(parse(&request, "Purge-Scope: all", *state));
    assert_true(APR_ARRAY_IDX(request.tags, 0, cache_tag_t) == cache_tags_site("s:80"));
    assert_string_equal(cache_purge_scope_name(CACHE_PURGE_SITE), "all");
}

/* Nothing is purged where it is not clear what. */
static void what_is_not_understood(void **state)
{
    static const char *const cases[] = {
        "Purge-Scope: everything",
        "Purge-Scope: ",
        "Purge-Scope: tags",
        "Purge-Scope: all\nCache-Tag: a",
        "Purge-Scope: url\nCache-Tag: a",
        "Cache-Tag: , ",
        "Soft-Purge: maybe",
        "Soft-Purge: 1\nFastly-Soft-Purge: x",
    };
    cache_purge_request_t request;
    char *many = apr_pstrdup(*state, "Cache-Tag: a");

    for (size_t i = 0; i < COUNT(cases); i++) {
        if (!parse(&request, cases[i], *state))
            fail_msg("%s", cases[i]);
    }
    for (int i = 0; i < CACHE_TAGS_MOST; i++)
        many = apr_psprintf(*state, "%s %d", many, i);
    assert_non_null(parse(&request, many, *state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(what_is_asked_for),
        POOL_TEST(what_is_not_understood),
    };
    return RUN_TESTS(tests);
}
