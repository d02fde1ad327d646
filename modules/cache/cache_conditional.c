/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_conditional.h"
#include "cache_date.h"
#include "cache_freshness.h"
#include "cache_text.h"

#include <string.h>

typedef struct tag_t {
    int weak;
    cache_span_t opaque; /* with its quotes */
} tag_t;

static tag_t make_tag(cache_span_t text)
{
    tag_t tag = {0, text};

    if (text.size >= 2 && text.data[0] == 'W' && text.data[1] == '/') {
        tag.weak = 1;
        tag.opaque.data += 2;
        tag.opaque.size -= 2;
    }
    return tag;
}

static int is_same(tag_t one, tag_t other)
{
    return one.opaque.size == other.opaque.size &&
           memcmp(one.opaque.data, other.opaque.data, one.opaque.size) == 0;
}

static tag_t tag_of(const char *text)
{
    return make_tag(cache_text_trim(cache_text_span(text)));
}

int cache_conditional_weak_match(const char *one, const char *other)
{
    return is_same(tag_of(one), tag_of(other));
}

int cache_conditional_strong_match(const char *one, const char *other)
{
    tag_t first = tag_of(one);
    tag_t second = tag_of(other);

    return !first.weak && !second.weak && is_same(first, second);
}

/*
 * An entity tag has no escapes, unlike a quoted string: it ends at the next quote. One without
 * quotes, which the grammar does not know but origins send, ends at the comma.
 */
static int next_tag(const char **cursor, cache_span_t *tag)
{
    const char *at = *cursor + strspn(*cursor, " \t,");
    const char *quote = at + (strncmp(at, "W/\"", 3) == 0 ? 2 : 0);
    const char *end = *quote == '"' ? strchr(quote + 1, '"') : NULL;
    cache_span_t whole = {at, 0};

    if (*at == '\0')
        return 0;
    end = end ? end + 1 : at + strcspn(at, ",");
    whole.size = (apr_size_t)(end - at);
    *tag = cache_text_trim(whole);
    *cursor = end;
    return 1;
}

typedef struct search_t {
    const char *etag; /* the stored one, or NULL */
    int found;
} search_t;

static int search_line(void *baton, const char *key, const char *line)
{
    search_t *search = baton;
    cache_span_t tag;

    (void)key;
    while (!search->found && next_tag(&line, &tag)) {
        if (tag.size == 1 && tag.data[0] == '*') {
            search->found = 1;
        } else if (search->etag) {
            search->found = is_same(make_tag(tag), tag_of(search->etag));
        }
    }
    return !search->found;
}

static apr_time_t modified_at(const apr_table_t *stored, apr_time_t received, apr_time_t now)
{
    const char *text = apr_table_get(stored, "Last-Modified");
    apr_time_t modified;

    if (text && cache_date_parse(text, now, &modified))
        return modified;
    return cache_freshness_date(stored, received);
}

int cache_conditional_not_modified(const apr_table_t *request, const apr_table_t *stored,
                                   apr_time_t received, apr_time_t now)
{
    const char *since = apr_table_get(request, "If-Modified-Since");
    apr_time_t date;

    if (apr_table_get(request, "If-None-Match")) {
        search_t search = {apr_table_get(stored, "ETag"), 0};
        apr_table_do(search_line, &search, request, "If-None-Match", NULL);
        return search.found;
    }
    return since && cache_date_parse(since, now, &date) &&
           modified_at(stored, received, now) <= date;
}

int cache_conditional_is_for_origin(const apr_table_t *request)
{
    return apr_table_get(request, "If-Match") != NULL ||
           apr_table_get(request, "If-Unmodified-Since") != NULL;
}

int cache_conditional_selects(const apr_table_t *not_modified, const apr_table_t *stored)
{
    const char *etag = apr_table_get(not_modified, "ETag");
    const char *stored_etag = apr_table_get(stored, "ETag");
    const char *modified = apr_table_get(not_modified, "Last-Modified");
    const char *stored_modified = apr_table_get(stored, "Last-Modified");

    if (etag)
        return stored_etag && cache_conditional_weak_match(etag, stored_etag);
    return !modified || !stored_modified || strcmp(modified, stored_modified) == 0;
}

int cache_conditional_describes(const apr_table_t *head, const apr_table_t *stored,
                                apr_size_t body_size)
{
    const char *etag = apr_table_get(head, "ETag");
    const char *stored_etag = apr_table_get(stored, "ETag");
    const char *modified = apr_table_get(head, "Last-Modified");
    const char *stored_modified = apr_table_get(stored, "Last-Modified");
    const char *length = apr_table_get(head, "Content-Length");

    if (etag && !(stored_etag && cache_conditional_weak_match(etag, stored_etag)))
        return 0;
    if (modified && !(stored_modified && strcmp(modified, stored_modified) == 0))
        return 0;
    return !length || cache_text_delta(cache_text_span(length)) == (apr_int64_t)body_size;
}
