/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tags that are whole in a chunk and written as nearly all are, read at one go. Anything else is
 * for the states of assets_html_tag.c, which read it from its '<' on; both give the same.
 */
#include "assets_html_private.h"

#include "assets_skip.h"
#include "assets_text.h"

#include <string.h>

/* One tag that is read. */
typedef struct reader_t {
    assets_html_t *html;
    assets_skip_t skip;
    const char *open; /* its '<' */
} reader_t;

/* Returns the quote that ends the value at p, whose own one is before it. */
static const char *find_quote(assets_skip_t *skip, const char *p)
{
    char quote = p[-1];

    do {
        p = assets_skip_next(skip, p, &skip->quote);
    } while (p && *p != quote && p++);
    return p;
}

/* Returns the end of a value without quotes. */
static const char *find_end(assets_skip_t *skip, const char *p)
{
    const char *end = assets_skip_next(skip, p, &skip->stop);

    if (end == p)
        return NULL;
    while (end && (*end == '/' || *end == '='))
        end = assets_skip_next(skip, end + 1, &skip->stop);
    return end;
}

/* The attribute's name is size bytes; stop is behind it or its value. */
static int keep_attribute(reader_t *reader, const char *name, apr_size_t size, const char *value,
                          const char *stop, char quote)
{
    assets_html_t *html = reader->html;

    if (html->attribute_count == HTML_ATTRIBUTES - 1)
        return 0;
    html->attributes[html->attribute_count++] =
        (html_attribute_t){(apr_uint32_t)(name - reader->open),
                           (apr_uint32_t)size,
                           (apr_uint32_t)(value - reader->open),
                           (apr_uint32_t)(stop - value),
                           quote,
                           *name};
    return 1;
}

/* Reads the attribute at p; returns its end; NULL: not here. */
static const char *read_attribute(reader_t *reader, const char *p)
{
    const char *stop = assets_skip_next(&reader->skip, p, &reader->skip.stop);
    const char *value = stop, *next = stop;
    char quote = 0;

    if (!stop || stop == p)
        return NULL;
    if (*stop == '=') {
        value = stop + 1;
        if (value == reader->skip.end)
            return NULL;
        if (*value == '"' || *value == '\'') {
            quote = *value++;
            next = find_quote(&reader->skip, value);
        } else {
            next = find_end(&reader->skip, value);
        }
        if (!next)
            return NULL;
    }
    if (html_begins_as_ours(*p, (apr_size_t)(stop - p)) &&
        !keep_attribute(reader, p, (apr_size_t)(stop - p), value, next, quote))
        return NULL;
    return quote ? next + 1 : next;
}

/* Reads what is behind the name; returns the tag's '>'. */
static const char *read_attributes(reader_t *reader, const char *p)
{
    const char *end = reader->skip.end;

    while (p && p < end) {
        if (*p == '>')
            return p;
        if (*p == '/' && end - p > 1 && p[1] == '>') {
            reader->html->is_self_closing = 1;
            return p + 1;
        }
        if (!assets_text_is_space(*p))
            return NULL;
        do {
            if (++p == end)
                return NULL;
        } while (assets_text_is_space(*p));
        if (*p != '>' && *p != '/')
            p = read_attribute(reader, p);
    }
    return NULL;
}

static void take_name(assets_html_t *html, const char *name, apr_size_t size)
{
    for (html->name_size = 0; html->name_size < size && html->name_size < ASSETS_ELEMENT_NAME;
         html->name_size++)
        html->name[html->name_size] = assets_text_lower(name[html->name_size]);
}

/* Most tags have neither a name that matters nor a reference: nothing is to be done about them. */
static const char *end_start_tag(reader_t *reader, const html_chunk_t *chunk, apr_size_t name_size,
                                 const char *close)
{
    assets_html_t *html = reader->html;
    int is_other = html->foreign.depth == 0 && !assets_element_may_be(reader->open[1], name_size);

    if (is_other && html->attribute_count == 0)
        return close + 1;
    html->mark = html_place(chunk, reader->open);
    html->name_end = name_size + 1;
    if (is_other && close - reader->open <= (apr_off_t)ASSETS_HELD_MAX) {
        html_judge(html, ASSETS_ELEMENT_OTHER, reader->open);
        return close + 1;
    }
    take_name(html, reader->open + 1, name_size);
    html->is_end_tag = html->has_attribute = 0;
    html->is_held = 1;
    return html_tag_end(html, chunk, close);
}

/* Outside of foreign content nobody asks which element ends. */
static const char *read_end_tag(reader_t *reader)
{
    const char *stop = assets_skip_next(&reader->skip, reader->open + 2, &reader->skip.stop);

    return reader->html->foreign.depth == 0 && stop && *stop == '>' ? stop + 1 : NULL;
}

static const char *read_tag(reader_t *reader, const html_chunk_t *chunk)
{
    const char *open = reader->open;
    const char *close, *stop;

    if (chunk->end - open < 3)
        return NULL;
    if (open[1] == '/')
        return assets_text_is_alpha(open[2]) ? read_end_tag(reader) : NULL;
    if (!assets_text_is_alpha(open[1]))
        return NULL;
    reader->html->attribute_count = 0;
    reader->html->is_self_closing = 0;
    stop = assets_skip_next(&reader->skip, open + 1, &reader->skip.stop);
    close = read_attributes(reader, stop);
    if (!close)
        return NULL;
    return end_start_tag(reader, chunk, (apr_size_t)(stop - open - 1), close);
}

/* Returns the next '<'; NULL: there is none. Beyond the window is text mostly: memchr takes bigger
 * steps. */
static const char *find_open(const assets_skip_t *skip, const char *p)
{
    if (assets_skip_has(skip, p)) {
        apr_uint64_t bits = skip->open >> (p - skip->base);

        if (bits)
            return p + __builtin_ctzll(bits);
        p = skip->base + ASSETS_SKIP_WIDTH;
    }
    return p < skip->end ? memchr(p, '<', (apr_size_t)(skip->end - p)) : NULL;
}

const char *html_tags_whole(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    reader_t reader = {html, {NULL, chunk->end, 0, 0, 0}, NULL};

    while (html->state == HTML_DATA && (reader.open = find_open(&reader.skip, p)) != NULL) {
        p = read_tag(&reader, chunk);
        if (!p)
            return reader.open;
    }
    return html->state == HTML_DATA ? chunk->end : p;
}
