/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a field's value, read as If-None-Match, Link, Content-Type, Content-Security-Policy and
 * Accept-Encoding. */
#include "cache_fuzz.h"

#include "assets_accept.h"
#include "assets_csp.h"
#include "assets_etag.h"
#include "assets_link.h"
#include "assets_page.h"
#include "assets_scan.h"

static void check_tags(const char *value, apr_pool_t *pool)
{
    int is_ours, is_other;
    const char *made = assets_etag_make(value, 7, pool);
    const char *list = assets_etag_restore(value, 7, &is_ours, &is_other, pool);

    if (list && strpbrk(list, "\r\n") && !strpbrk(value, "\r\n"))
        abort();
    /* One that is a tag comes back as it was. */
    if (value[0] == '"' && strcspn(value + 1, "\"") == strlen(value) - 2) {
        list = assets_etag_restore(made, 7, &is_ours, &is_other, pool);
        if (!list || !is_ours || strcmp(list, value) != 0)
            abort();
    }
}

/* What is chosen is there and is wanted, no less than anything else that is there (RFC 9110 section
 * 12.5.3). */
static void check_negotiation(const char *value)
{
    static const assets_coding_e order[ASSETS_CODINGS] = {ASSETS_CODING_GZIP, ASSETS_CODING_BR,
                                                          ASSETS_CODING_ZSTD};
    int weights[ASSETS_CODINGS + 1];

    assets_accept_read(weights, value);
    for (int i = 0; i <= ASSETS_CODINGS; i++) {
        if (weights[i] < 0 || weights[i] > 1000)
            abort();
    }
    for (unsigned there = 0; there < 1u << ASSETS_CODINGS; there++) {
        assets_coding_e best = assets_accept_best(weights, order, ASSETS_CODINGS, there);

        if (best != ASSETS_CODING_NONE && (!(there >> best & 1) || weights[best] == 0))
            abort();
        for (int i = 0; i <= ASSETS_CODINGS; i++) {
            if ((i == ASSETS_CODING_NONE || (there >> i & 1)) && weights[i] > weights[best])
                abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    const char *value = apr_pstrmemdup(pool, (const char *)data, size);
    assets_map_t *map = assets_map_create(pool);
    assets_page_t page = {map, assets_url_base("www.example.com", "/", pool), pool};
    assets_judge_t judge = {assets_page_judge, &page};
    int is_unreadable;

    assets_map_add(map, "/a/", "/new/");
    check_tags(value, pool);
    assets_link_rewrite(value, &judge, pool);
    assets_link_rewrite_head(value, &judge, pool);
    assets_scan_kind(value, &is_unreadable);
    assets_csp_allows(value, "cdn.example.net");
    check_negotiation(value);
    apr_pool_destroy(pool);
    return 0;
}
