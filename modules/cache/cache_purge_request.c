/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_purge_request.h"

static const char *const names[CACHE_PURGE_SCOPES] = {"url", "tags", "host", "all"};

const char *cache_purge_scope_name(cache_purge_scope_e scope)
{
    return names[scope];
}

/* Returns 1, 0, or -1 where value is neither. */
static int read_flag(const char *value)
{
    cache_span_t span = cache_text_trim(cache_text_span(value));

    if (cache_text_is(span, "1") || cache_text_is(span, "true"))
        return 1;
    return cache_text_is(span, "0") || cache_text_is(span, "false") ? 0 : -1;
}

static const char *read_soft(cache_purge_request_t *request, const apr_table_t *headers)
{
    static const char *const fields[] = {"Soft-Purge", "Fastly-Soft-Purge"};

    for (int i = 0; i < 2; i++) {
        const char *value = apr_table_get(headers, fields[i]);
        int flag = value ? read_flag(value) : 0;

        if (flag < 0)
            return "Soft-Purge is 1 or 0";
        request->is_soft |= flag;
    }
    return NULL;
}

static int names_tags(const apr_table_t *headers, const apr_array_header_t *tag_fields)
{
    for (int i = 0; i < tag_fields->nelts; i++) {
        if (apr_table_get(headers, APR_ARRAY_IDX(tag_fields, i, const char *)))
            return 1;
    }
    return 0;
}

static const char *read_scope(cache_purge_request_t *request, const apr_table_t *headers,
                              int has_tags)
{
    const char *value = apr_table_get(headers, "Purge-Scope");
    cache_span_t span;

    if (!value) {
        request->scope = has_tags ? CACHE_PURGE_TAGS : CACHE_PURGE_URL;
        return NULL;
    }
    span = cache_text_trim(cache_text_span(value));
    for (int i = 0; i < CACHE_PURGE_SCOPES; i++) {
        if (!cache_text_is(span, names[i]))
            continue;
        request->scope = (cache_purge_scope_e)i;
        if ((request->scope == CACHE_PURGE_TAGS) != has_tags)
            return "tags are named, or Purge-Scope says so, but not both";
        return NULL;
    }
    return "Purge-Scope is url, tags, host or all";
}

const char *cache_purge_request_read(cache_purge_request_t *request, const apr_table_t *headers,
                                     const apr_array_header_t *tag_fields, const char *site,
                                     const char *host, apr_pool_t *pool)
{
    int has_tags = names_tags(headers, tag_fields);
    const char *problem;

    request->is_soft = 0;
    request->tags = apr_array_make(pool, 4, sizeof(cache_tag_t));
    problem = read_soft(request, headers);
    if (!problem)
        problem = read_scope(request, headers, has_tags);
    if (problem)
        return problem;
    for (int i = 0; i < tag_fields->nelts; i++)
        cache_tags_add(request->tags, site, headers, APR_ARRAY_IDX(tag_fields, i, const char *));
    if (request->scope == CACHE_PURGE_HOST)
        APR_ARRAY_PUSH(request->tags, cache_tag_t) = cache_tags_host(site, host);
    if (request->scope == CACHE_PURGE_SITE)
        APR_ARRAY_PUSH(request->tags, cache_tag_t) = cache_tags_site(site);
    if (request->scope == CACHE_PURGE_TAGS && request->tags->nelts == 0)
        return "the field for tags names none";
    return request->tags->nelts > CACHE_TAGS_MOST ? "more than 256 tags in one request" : NULL;
}
