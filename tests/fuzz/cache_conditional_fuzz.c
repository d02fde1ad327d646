/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a stored ETag, then lines of If-None-Match. */
#include "cache_fuzz.h"

#include "cache_conditional.h"

static int is_valid(const char *etag)
{
    const char *quoted = strncmp(etag, "W/", 2) == 0 ? etag + 2 : etag;
    const char *end = *quoted == '"' ? strchr(quoted + 1, '"') : NULL;

    return end && end[1] == '\0';
}

static int matches(apr_table_t *request, const apr_table_t *stored)
{
    return cache_conditional_not_modified(request, stored, 0, 0);
}

/* A client that names the stored tag, wherever in a list, has what is stored. */
static void check(const char *etag, const apr_table_t *stored, apr_pool_t *pool)
{
    apr_table_t *alone = apr_table_make(pool, 1), *last = apr_table_make(pool, 1);

    apr_table_setn(alone, "If-None-Match", etag);
    apr_table_setn(last, "If-None-Match", apr_pstrcat(pool, "\"a,\\\", W/\"b\" ,, ", etag, NULL));
    if (!matches(alone, stored) || !matches(last, stored))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    char *rest = apr_pstrmemdup(pool, (const char *)data, size);
    char *etag = apr_strtok(rest, "\n", &rest);
    apr_table_t *stored = apr_table_make(pool, 1), *any = apr_table_make(pool, 1);
    apr_table_t *request;
    const char *first;

    if (etag) {
        apr_table_setn(stored, "ETag", etag);
        apr_table_setn(any, "If-None-Match", "*");
        request = fuzz_lines("If-None-Match", rest, pool);
        first = apr_table_get(request, "If-None-Match");
        matches(request, stored);
        if (!matches(any, stored))
            abort();
        if (is_valid(etag))
            check(etag, stored, pool);
        if (first && cache_conditional_strong_match(etag, first) &&
            !(cache_conditional_weak_match(etag, first) &&
              cache_conditional_strong_match(first, etag)))
            abort();
    }
    apr_pool_destroy(pool);
    return 0;
}
