/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_query.h"

static apr_array_header_t *list(const char *words, apr_pool_t *pool)
{
    apr_array_header_t *made;
    char *rest;
    char *word;

    if (!words)
        return NULL;
    made = apr_array_make(pool, 2, sizeof(const char *));
    rest = apr_pstrdup(pool, words);
    while ((word = apr_strtok(rest, " ", &rest)) != NULL)
        APR_ARRAY_PUSH(made, const char *) = word;
    return made;
}

static void queries(void **state)
{
    static const struct {
        int sort;
        const char *keep, *drop, *query, *result;
    } cases[] = {
        {0, NULL, NULL, "b=1&&a", "b=1&&a"},
        {1, NULL, NULL, "", ""},
        {1, NULL, NULL, "b=1&a=2", "a=2&b=1"},
        {1, NULL, NULL, "&b=1&&a=2&", "a=2&b=1"},
        {1, NULL, NULL, "a=2&b=1&a=1", "a=2&a=1&b=1"},
        {1, NULL, NULL, "ab=1&a=2&a", "a=2&a&ab=1"},
        {1, NULL, NULL, "c&b&a&e&d", "a&b&c&d&e"},
        {1, NULL, NULL, "x[]=2&x[]=1", "x[]=2&x[]=1"},
        {0, NULL, "utm_* gclid", "a=1&utm_source=x&gclid=2&b", "a=1&b"},
        {0, NULL, "utm_*", "utm_a=1&utm_b", ""},
        {0, NULL, "utm_*", "utm%5fa=1&ut%6D_b&c", "c"},
        {0, NULL, "utm_*", "a=utm_x&UTM_a=1", "a=utm_x&UTM_a=1"},
        {0, NULL, "utm_*", "utm_a=1;callback=evil&b", "b"},
        {0, NULL, "a*c", "a+c=1&abc=2&ac", ""},
        {0, NULL, "a", "a%=1&a%4=2&a%zz=3", "a%=1&a%4=2&a%zz=3"},
        {0, "id page", NULL, "x=1&page=2&id=3", "page=2&id=3"},
        {1, "id page", NULL, "page=2&id=3&=4", "id=3&page=2"},
        {0, "*", "x", "x=1&y=2", "y=2"},
        {0, "nothing", NULL, "x=1", ""},
        {1, NULL, NULL, "b=%00&a=\xff", "a=\xff&b=%00"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        cache_query_rules_t rules = {cases[i].sort, list(cases[i].keep, *state),
                                     list(cases[i].drop, *state)};
        assert_string_equal(cache_query_normalise(&rules, cases[i].query, *state), cases[i].result);
    }
}

/* As many as fit a request line; stays in the order of their coming where the names are alike. */
static void many_parameters(void **state)
{
    cache_query_rules_t rules = {1};
    char *query = apr_pstrdup(*state, "");
    char *wanted = apr_pstrdup(*state, "");

    for (int i = 999; i >= 0; i--)
        query = apr_psprintf(*state, "%s%s%03d=%d&a=%d", query, *query ? "&" : "", i, i, 999 - i);
    for (int i = 0; i < 1000; i++)
        wanted = apr_psprintf(*state, "%s%s%03d=%d", wanted, *wanted ? "&" : "", i, i);
    for (int i = 0; i < 1000; i++)
        wanted = apr_psprintf(*state, "%s&a=%d", wanted, i);
    assert_string_equal(cache_query_normalise(&rules, query, *state), wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(queries),
        POOL_TEST(many_parameters),
    };
    return RUN_TESTS(tests);
}
