/* SPDX-License-Identifier: Apache-2.0 */
/* Input: lines of the form "Name: value" as a PURGE request may have them. */
#include "cache_fuzz.h"

#include "cache_purge_request.h"

static apr_table_t *read_fields(char *text, apr_pool_t *pool)
{
    apr_table_t *table = apr_table_make(pool, 4);
    char *line;

    while ((line = apr_strtok(text, "\n", &text)) != NULL) {
        char *colon = strchr(line, ':');

        if (!colon)
            continue;
        *colon = '\0';
        apr_table_addn(table, line, colon + 1);
    }
    return table;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    apr_table_t *fields = read_fields(apr_pstrmemdup(pool, (const char *)data, size), pool);
    apr_array_header_t *names = apr_array_make(pool, 1, sizeof(const char *));
    cache_purge_request_t request;

    APR_ARRAY_PUSH(names, const char *) = "Cache-Tag";
    if (!cache_purge_request_read(&request, fields, names, "site:80", "host", pool)) {
        if ((unsigned)request.scope >= CACHE_PURGE_SCOPES || request.tags->nelts > CACHE_TAGS_MOST)
            abort();
        /* Nothing but a URL is purged without a tag, and a URL never with one. */
        if ((request.scope == CACHE_PURGE_URL) != (request.tags->nelts == 0))
            abort();
    }
    apr_pool_destroy(pool);
    return 0;
}
