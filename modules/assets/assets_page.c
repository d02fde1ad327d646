/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_page.h"

#include "assets_fingerprint.h"
#include "assets_text.h"
#include "assets_version.h"

#include <apr_strings.h>

#include <string.h>

/* A longer one may be a token of somebody's. */
#define LONGEST_QUERY 24

/* Sets *change for a reference whose path's first matched bytes become to. */
static void describe(assets_change_t *change, const assets_url_t *url, apr_size_t matched,
                     const char *to, apr_pool_t *pool)
{
    apr_size_t to_size = strlen(to);
    int has_host = assets_url_origin_size(to, to_size) > 0;

    change->from = has_host || url->is_other ? url->first : url->start;
    change->text = to;
    change->size = to_size;
    if (url->is_plain && matched >= url->lead) {
        change->to = url->start + (matched - url->lead);
    } else {
        /* Of the path, what the reference does not spell out itself has to be written. */
        apr_size_t end = url->is_plain ? url->lead : url->size;

        change->to = url->is_plain ? url->start : url->end;
        change->text =
            apr_pstrcat(pool, to, apr_pstrmemdup(pool, url->path + matched, end - matched), NULL);
        change->size = to_size + (end - matched);
    }
}

/* A name with a fingerprint needs no version in the query: that becomes part of the change, too. */
static void drop_version(const assets_page_t *page, assets_change_t *change,
                         const assets_url_t *url, const char *to, const char *text, apr_size_t size,
                         apr_pool_t *pool)
{
    apr_size_t end = url->end;
    apr_uint64_t fingerprint;

    if (!page->versions || change->to != end || end >= size || text[end] != '?')
        return;
    while (end < size && text[end] != '#' && (unsigned char)text[end] > ' ')
        end++;
    if (assets_version_of(page->versions, text + url->end + 1, end - url->end - 1) &&
        assets_fingerprint_split(to, &fingerprint, pool))
        change->to = end;
}

/* A path may have a NUL in it: a byte that no rule has, but what follows it is kept. */
static int is_odd(const assets_url_t *url)
{
    return !url->is_checked && memchr(url->path, '\0', url->size) != NULL;
}

/* A path in the place of an URL: with a <base> on another site it would lead there. */
static int is_lost(const assets_page_t *page, const assets_url_t *url, const char *to)
{
    return url->is_other && page->base.is_elsewhere && assets_url_origin_size(to, strlen(to)) == 0;
}

static const char *host_of(const char *url, apr_pool_t *pool)
{
    const char *host = strstr(url, "//") + 2;

    return apr_pstrmemdup(pool, host, strcspn(host, "/?#"));
}

static int changes_nothing(const assets_change_t *change, const char *text)
{
    return change->size == change->to - change->from &&
           memcmp(change->text, text + change->from, change->size) == 0;
}

int assets_page_judge(void *baton, assets_reference_e kind, const char *text, apr_size_t size,
                      assets_change_t *change, apr_pool_t *pool)
{
    assets_page_t *page = baton;
    const char *to = NULL;
    assets_url_t url;
    apr_size_t matched;

    if (kind == ASSETS_REFERENCE_BASE) {
        assets_url_rebase(&page->base, text, size, page->pool);
        return 0;
    }
    page->seen++;
    if (!assets_url_resolve(&url, &page->base, text, size, pool) || is_odd(&url))
        return 0;
    matched = assets_map_find(page->map, url.path, url.size, &to);
    if (matched == 0 || is_lost(page, &url, to))
        return 0;
    describe(change, &url, matched, to, pool);
    drop_version(page, change, &url, to, text, size, pool);
    if (changes_nothing(change, text))
        return 0;
    change->is_elsewhere =
        !url.is_other && assets_url_is_elsewhere(&page->base, change->text, change->size);
    if (change->is_elsewhere && !page->elsewhere)
        page->elsewhere = host_of(change->text, page->pool);
    page->changed++;
    return 1;
}

/* Returns the query behind a path, or NULL where it may be more than a version. */
static const char *short_query(const char *rest)
{
    apr_size_t size = strcspn(rest, "#");

    if (size > LONGEST_QUERY || (size > 0 && rest[0] != '?'))
        return NULL;
    for (apr_size_t i = 1; i < size; i++) {
        if (!assets_text_is_alnum(rest[i]) && !strchr("._-=", rest[i]))
            return NULL;
    }
    return rest;
}

void assets_page_hint(void *baton, const assets_hint_t *hint, const char *text, apr_size_t size,
                      apr_pool_t *pool)
{
    const assets_page_t *page = baton;
    assets_page_t look = *page; /* it counts a reference once */
    const char *written = apr_pstrmemdup(pool, text, size);
    const char *path, *query;
    assets_change_t change;
    assets_url_t url;
    int is_changed = assets_page_judge(&look, ASSETS_REFERENCE_URL, text, size, &change, pool);

    if (is_changed)
        written = apr_pstrcat(pool, apr_pstrmemdup(pool, text, change.from),
                              apr_pstrmemdup(pool, change.text, change.size),
                              apr_pstrmemdup(pool, text + change.to, size - change.to), NULL);
    size = strlen(written);
    while (size > 0 && assets_text_is_space(written[size - 1]))
        size--;
    written = apr_pstrmemdup(pool, written, size);
    if (!assets_url_resolve(&url, &page->base, written, size, pool))
        return;
    path = apr_pstrmemdup(pool, url.path, url.size);
    query = short_query(written + url.end);
    if (query && (is_changed || (!url.is_other && page->is_asset(page->is_asset_baton, path))))
        assets_hints_add(
            page->hints, hint,
            apr_pstrcat(pool, path, apr_pstrmemdup(pool, query, strcspn(query, "#")), NULL));
}
