/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a byte that chooses rules, then a query. */
#include "cache_fuzz.h"

#include "cache_query.h"

static void add(apr_array_header_t **list, const char *pattern, apr_pool_t *pool)
{
    if (!*list)
        *list = apr_array_make(pool, 2, sizeof(const char *));
    APR_ARRAY_PUSH(*list, const char *) = pattern;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    apr_array_header_t *keep = NULL;
    apr_array_header_t *drop = NULL;
    unsigned chosen = size ? data[0] : 0;
    const char *query =
        apr_pstrmemdup(pool, (const char *)data + (size ? 1 : 0), size ? size - 1 : 0);
    cache_query_rules_t rules = {(int)(chosen & 1)};
    const char *once, *twice;

    if (chosen & 2)
        add(&keep, "a*", pool);
    if (chosen & 4)
        add(&drop, "*b*", pool);
    rules.keep = keep;
    rules.drop = drop;
    once = cache_query_normalise(&rules, query, pool);
    twice = cache_query_normalise(&rules, once, pool);
    if (strlen(once) > strlen(query) || strcmp(once, twice) != 0)
        abort();
    apr_pool_destroy(pool);
    return 0;
}
