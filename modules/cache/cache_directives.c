/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_directives.h"
#include "cache_dictionary.h"

#include <apr_strings.h>

#include <stddef.h>
#include <string.h>

/*
 * One row a directive: a flag, or a number and where it goes, or a list of field names and where
 * that goes.
 */
typedef struct row_t {
    cache_span_t name;
    apr_uint32_t flag;
    apr_size_t delta;  /* offset of the apr_int64_t; 0 when the directive has none */
    apr_size_t fields; /* offset of the const char *; 0 when the directive has none */
} row_t;

#define AT(field) offsetof(cache_directives_t, field)

static const row_t rows[] = {
    {CACHE_TEXT_SPAN("no-store"), CACHE_CC_NO_STORE, 0, 0},
    {CACHE_TEXT_SPAN("no-cache"), CACHE_CC_NO_CACHE, 0, AT(no_cache_fields)},
    {CACHE_TEXT_SPAN("private"), CACHE_CC_PRIVATE, 0, AT(private_fields)},
    {CACHE_TEXT_SPAN("public"), CACHE_CC_PUBLIC, 0, 0},
    {CACHE_TEXT_SPAN("must-revalidate"), CACHE_CC_MUST_REVALIDATE, 0, 0},
    {CACHE_TEXT_SPAN("proxy-revalidate"), CACHE_CC_PROXY_REVALIDATE, 0, 0},
    {CACHE_TEXT_SPAN("must-understand"), CACHE_CC_MUST_UNDERSTAND, 0, 0},
    {CACHE_TEXT_SPAN("no-transform"), CACHE_CC_NO_TRANSFORM, 0, 0},
    {CACHE_TEXT_SPAN("immutable"), CACHE_CC_IMMUTABLE, 0, 0},
    {CACHE_TEXT_SPAN("only-if-cached"), CACHE_CC_ONLY_IF_CACHED, 0, 0},
    {CACHE_TEXT_SPAN("max-age"), 0, AT(max_age), 0},
    {CACHE_TEXT_SPAN("s-maxage"), 0, AT(s_maxage), 0},
    {CACHE_TEXT_SPAN("min-fresh"), 0, AT(min_fresh), 0},
    {CACHE_TEXT_SPAN("max-stale"), 0, AT(max_stale), 0},
    {CACHE_TEXT_SPAN("stale-while-revalidate"), 0, AT(stale_while_revalidate), 0},
    {CACHE_TEXT_SPAN("stale-if-error"), 0, AT(stale_if_error), 0},
};

typedef struct parse_t {
    cache_directives_t *directives;
    apr_pool_t *pool;
    int refused; /* of a dictionary: a known directive with a value of another type */
} parse_t;

const cache_directives_t cache_directives_none = {0,
                                                  CACHE_DELTA_NONE,
                                                  CACHE_DELTA_NONE,
                                                  CACHE_DELTA_NONE,
                                                  CACHE_DELTA_NONE,
                                                  CACHE_DELTA_NONE,
                                                  CACHE_DELTA_NONE,
                                                  NULL,
                                                  NULL};

static const row_t *find_row(cache_span_t name)
{
    for (apr_size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (cache_text_equals(name, rows[i].name))
            return &rows[i];
    }
    return NULL;
}

/* RFC 9111 section 4.2.1: of conflicting values none is believed. */
static void set_delta(apr_int64_t *slot, apr_int64_t value)
{
    if (*slot == CACHE_DELTA_NONE) {
        *slot = value;
    } else if (*slot != value) {
        *slot = CACHE_DELTA_INVALID;
    }
}

/*
 * Adds the names in value to *list. Returns 0 when one is not a field name, or when there is none
 * at all.
 */
static int add_fields(const char **list, const char *value, apr_pool_t *pool)
{
    cache_span_t name;
    int added = 0;

    while (cache_text_next(&value, &name)) {
        if (!cache_text_is_token(name))
            return 0;
        *list = apr_pstrcat(pool, *list ? *list : "", *list ? "," : "",
                            cache_text_lower(name, pool), NULL);
        added = 1;
    }
    return added;
}

/* value has no data for a directive without "=", and no size for one whose value cannot be read. */
static void apply(parse_t *parse, const row_t *row, cache_span_t value)
{
    char *base = (char *)parse->directives;

    if (row->delta) {
        apr_int64_t delta = cache_text_delta(value);
        if (delta < 0)
            delta =
                !value.data && row->delta == AT(max_stale) ? CACHE_DELTA_MAX : CACHE_DELTA_INVALID;
        set_delta((apr_int64_t *)(void *)(base + row->delta), delta);
        return;
    }
    if (row->fields && value.data &&
        add_fields((const char **)(void *)(base + row->fields),
                   apr_pstrmemdup(parse->pool, value.data, value.size), parse->pool))
        return;
    parse->directives->flags |= row->flag;
}

/*
 * Unreadable is not absent: "no-cache=\"a" is taken for no-cache, "max-age=\"1" for a wrong number.
 */
static cache_span_t readable(cache_span_t value, apr_pool_t *pool)
{
    const char *text;

    if (value.size == 0 || value.data[0] != '"')
        return value;
    text = cache_text_unquote(value, pool);
    return cache_text_span(text ? text : "");
}

/* Splits "name", "name=token" and "name=\"quoted\"". */
static void read_element(parse_t *parse, cache_span_t element)
{
    const char *equals = memchr(element.data, '=', element.size);
    cache_span_t name = element;
    cache_span_t value = {NULL, 0};
    const row_t *row;

    if (equals) {
        name.size = (apr_size_t)(equals - element.data);
        value.data = equals + 1;
        value.size = element.size - name.size - 1;
    }
    /*
     * "max-age =1" has white space where the grammar allows none: known by its name, but its value
     * is not.
     */
    if (cache_text_trim(name).size != name.size) {
        name = cache_text_trim(name);
        value = cache_text_span("");
    }
    row = find_row(name);
    if (row)
        apply(parse, row, readable(value, parse->pool));
}

static void read_lines(parse_t *parse, const apr_table_t *headers)
{
    cache_span_t element;
    const char *line;
    int at = 0;

    while ((line = cache_text_line(headers, "Cache-Control", &at)) != NULL) {
        while (cache_text_next(&line, &element))
            read_element(parse, element);
    }
}

void cache_directives_parse(cache_directives_t *directives, const apr_table_t *headers,
                            apr_pool_t *pool)
{
    parse_t parse = {directives, pool, 0};

    *directives = cache_directives_none;
    read_lines(&parse, headers);
}

/* A dictionary's later member replaces an earlier one of its name (RFC 8941 section 4.2.2). */
static void forget(cache_directives_t *directives, const row_t *row)
{
    char *base = (char *)directives;

    directives->flags &= ~row->flag;
    if (row->delta)
        *(apr_int64_t *)(void *)(base + row->delta) = CACHE_DELTA_NONE;
    if (row->fields)
        *(const char **)(void *)(base + row->fields) = NULL;
}

static void apply_integer(parse_t *parse, const row_t *row, apr_int64_t number)
{
    if (number < 0 || !row->delta) {
        parse->refused = 1;
        return;
    }
    if (number > CACHE_DELTA_MAX)
        number = CACHE_DELTA_MAX;
    set_delta((apr_int64_t *)(void *)((char *)parse->directives + row->delta), number);
}

static void read_member(void *baton, const cache_member_t *member)
{
    parse_t *parse = baton;
    const row_t *row = find_row(member->name);

    if (!row)
        return;
    forget(parse->directives, row);
    if (member->kind == CACHE_MEMBER_INTEGER) {
        apply_integer(parse, row, member->number);
    } else if (member->kind == CACHE_MEMBER_BOOLEAN && row->flag) {
        if (member->number)
            parse->directives->flags |= row->flag;
    } else if (member->kind == CACHE_MEMBER_STRING && row->fields) {
        apply(parse, row, cache_text_span(member->text));
    } else {
        parse->refused = 1;
    }
}

void cache_directives_parse_response(cache_directives_t *directives, const apr_table_t *headers,
                                     apr_pool_t *pool)
{
    parse_t parse = {directives, pool, 0};
    const char *targeted = apr_table_get(headers, "CDN-Cache-Control");

    *directives = cache_directives_none;
    if (targeted)
        targeted = apr_table_getm(pool, headers, "CDN-Cache-Control");
    if (targeted && cache_dictionary_parse(targeted, read_member, &parse, pool) > 0 &&
        !parse.refused) {
        directives->flags |= CACHE_CC_TARGETED;
        return;
    }
    cache_directives_parse(directives, headers, pool);
}
