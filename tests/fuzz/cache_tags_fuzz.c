/* SPDX-License-Identifier: Apache-2.0 */
/* Input: lines of Cache-Tag, a NUL, and a text that a record could have in the place of its tags.
 */
#include "cache_fuzz.h"

#include "cache_tags.h"

static void read_text(const char *text)
{
    int count = cache_tags_count(text);
    apr_uint64_t epoch;

    for (int i = 0; i < count; i++)
        cache_tags_get(text, i, &epoch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    char *text = apr_pstrmemdup(pool, (const char *)data, size);
    const char *stored = text + strlen(text) + (strlen(text) < size ? 1 : 0);
    apr_array_header_t *tags = apr_array_make(pool, 4, sizeof(cache_tag_t));
    apr_uint64_t epoch;
    char *made;

    read_text(stored);
    cache_tags_add(tags, "site:80", fuzz_lines("Cache-Tag", text, pool), "Cache-Tag");
    if (tags->nelts > CACHE_TAGS_MOST + 1)
        abort();
    made = cache_tags_text(tags, pool);
    if (cache_tags_count(made) != (tags->nelts > CACHE_TAGS_MOST ? 0 : tags->nelts))
        abort();
    for (int i = 0; i < cache_tags_count(made); i++) {
        cache_tags_set_epoch(made, i, (apr_uint64_t)i + 1);
        if (cache_tags_get(made, i, &epoch) != APR_ARRAY_IDX(tags, i, cache_tag_t) ||
            epoch != (apr_uint64_t)i + 1)
            abort();
    }
    apr_pool_destroy(pool);
    return 0;
}
