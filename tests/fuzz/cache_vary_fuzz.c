/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: lines of Vary, a NUL, lines of a request's Accept-Language, which every name is made to
 * mean.
 */
#include "cache_fuzz.h"

#include "cache_vary.h"

static void check_list(const char *names, apr_pool_t *pool)
{
    const char *list = cache_vary_list_add(cache_vary_list_add(NULL, "x", pool), names, pool);
    const char *first = cache_vary_list_next(&list, pool);

    if (!first || strcmp(first, names) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    char *text = apr_pstrmemdup(pool, (const char *)data, size);
    char *value = text + strlen(text) + (strlen(text) < size ? 1 : 0);
    apr_table_t *request = fuzz_lines("Accept-Language", value, pool);
    apr_table_t *response = fuzz_lines("Vary", text, pool);
    const char *names, *again;

    if (cache_vary_parse(&names, response, pool) == CACHE_VARY_FIELDS) {
        apr_table_t *normal = apr_table_make(pool, 1);
        apr_table_setn(normal, "Vary", names);
        if (cache_vary_parse(&again, normal, pool) != CACHE_VARY_FIELDS ||
            strcmp(names, again) != 0)
            abort();
        check_list(names, pool);
        cache_vary_selector(names, request, pool);
    }
    cache_vary_selector("accept-language", request, pool);
    apr_pool_destroy(pool);
    return 0;
}
