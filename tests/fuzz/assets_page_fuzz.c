/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a base, a NUL, references in lines. A reference that was changed must, read again, lead to
 * where the rule says, and not be changed a second time.
 */
#include "cache_fuzz.h"

#include "assets_page.h"

static void check(assets_page_t *page, const char *text, apr_pool_t *pool)
{
    apr_size_t size = strlen(text);
    assets_change_t change;
    const char *changed;
    assets_url_t url;

    if (!assets_page_judge(page, ASSETS_REFERENCE_URL, text, size, &change, pool))
        return;
    if (change.from > change.to || change.to > size)
        abort();
    changed = apr_pstrcat(pool, apr_pstrmemdup(pool, text, change.from), change.text,
                          text + change.to, NULL);
    if (!assets_url_resolve(&url, &page->base, changed, strlen(changed), pool))
        abort();
    if (!strstr(changed, "/NEW/") || (!url.is_other && strncmp(url.path, "/NEW/", 5) != 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    char *text = apr_pstrmemdup(pool, (const char *)data, size);
    char *list = text + strlen(text) + (strlen(text) < size ? 1 : 0);
    assets_map_t *map = assets_map_create(pool);
    assets_page_t page = {map, assets_url_base("www.example.com", "/a/b", pool), pool};
    assets_change_t change;
    char *line;

    assets_map_add(map, "/a/", "/NEW/");
    assets_map_add(map, "/a/b/", "//cdn/NEW/");
    assets_map_add(map, "http://x/", "/NEW/x/");
    assets_page_judge(&page, ASSETS_REFERENCE_BASE, text, strlen(text), &change, pool);
    while ((line = apr_strtok(list, "\n", &list)) != NULL)
        check(&page, line, pool);
    apr_pool_destroy(pool);
    return 0;
}
