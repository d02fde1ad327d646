/* SPDX-License-Identifier: Apache-2.0 */
/* Tags: HTML standard 13.2.5.8 and 13.2.5.32 to 40. */
#include "assets_html_private.h"

#include "assets_text.h"

#include <string.h>

/* What ends a run of bytes. */
enum { ENDS_NAME = 1, ENDS_ATTRIBUTE = 2, ENDS_BARE = 4 };

static const unsigned char classes[256] = {['\t'] = ENDS_NAME | ENDS_ATTRIBUTE | ENDS_BARE,
                                           ['\n'] = ENDS_NAME | ENDS_ATTRIBUTE | ENDS_BARE,
                                           ['\f'] = ENDS_NAME | ENDS_ATTRIBUTE | ENDS_BARE,
                                           ['\r'] = ENDS_NAME | ENDS_ATTRIBUTE | ENDS_BARE,
                                           [' '] = ENDS_NAME | ENDS_ATTRIBUTE | ENDS_BARE,
                                           ['/'] = ENDS_NAME | ENDS_ATTRIBUTE,
                                           ['>'] = ENDS_NAME | ENDS_ATTRIBUTE | ENDS_BARE,
                                           ['='] = ENDS_ATTRIBUTE};

static const char *run(const html_chunk_t *chunk, const char *p, unsigned char ends)
{
    while (p < chunk->end && !(classes[(unsigned char)*p] & ends))
        p++;
    return p;
}

static const char *skip_space(const html_chunk_t *chunk, const char *p)
{
    while (p < chunk->end && assets_text_is_space(*p))
        p++;
    return p;
}

void html_tag_begin(assets_html_t *html, apr_off_t mark, int is_held)
{
    html->state = HTML_NAME;
    html->mark = mark;
    html->is_held = is_held;
    html->is_end_tag = 0;
    html->is_self_closing = 0;
    html->name_size = 0;
    html->attribute_count = 0;
    html->has_attribute = 0;
}

/* Attributes. */

static apr_uint32_t from_mark(const assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    return (apr_uint32_t)(html_place(chunk, p) - html->mark);
}

const unsigned short html_sizes_of[32] = {
    ['b' & 31] = 1 << 10, ['c' & 31] = 1 << 7 | 1 << 11,         ['d' & 31] = 1 << 4,
    ['f' & 31] = 1 << 10, ['h' & 31] = 1 << 4 | 1 << 10,         ['i' & 31] = 1 << 9 | 1 << 11,
    ['p' & 31] = 1 << 6,  ['s' & 31] = 1 << 3 | 1 << 5 | 1 << 6, ['x' & 31] = 1 << 10};

static void end_attribute(assets_html_t *html)
{
    const html_attribute_t *attribute = &html->attribute;

    if (html->has_attribute && html_begins_as_ours(attribute->first, attribute->name_size) &&
        html->attribute_count < HTML_ATTRIBUTES)
        html->attributes[html->attribute_count++] = *attribute;
    html->has_attribute = 0;
}

static const char *begin_attribute(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    end_attribute(html);
    html->attribute = (html_attribute_t){0};
    if (html->is_held) {
        html->attribute.name = from_mark(html, chunk, p);
        html->attribute.first = *p;
        html->has_attribute = 1;
    }
    html->state = HTML_ATTRIBUTE;
    return p + 1; /* the first character may even be '=' */
}

static void begin_value(assets_html_t *html, const html_chunk_t *chunk, const char *p,
                        html_state_e state, char quote)
{
    html->state = state;
    if (html->has_attribute) {
        html->attribute.value = from_mark(html, chunk, p);
        html->attribute.quote = quote;
    }
}

static void end_value(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    if (html->has_attribute)
        html->attribute.value_size = from_mark(html, chunk, p) - html->attribute.value;
    end_attribute(html);
}

/* The end of a tag. */

static void enter_raw(assets_html_t *html, assets_element_e element)
{
    html->raw = element;
    html->state = element == ASSETS_ELEMENT_PLAINTEXT ? HTML_PLAINTEXT : HTML_RAW;
    html->script = HTML_SCRIPT_PLAIN;
    if (element == ASSETS_ELEMENT_STYLE) {
        html->has_css = 1;
        assets_css_init(&html->css, html->judge, &html->edits, html->held.pool);
    }
}

static void judge_bytes(assets_html_t *html, assets_element_e element, const char *tag,
                        apr_size_t size)
{
    html_judge(html, element, tag);
    if (html->judge->hint && !html->is_in_body &&
        (element == ASSETS_ELEMENT_LINK || element == ASSETS_ELEMENT_SCRIPT))
        html_hint(html, element, tag, size);
}

static void judge_tag(assets_html_t *html, const html_chunk_t *chunk, const char *p,
                      assets_element_e element)
{
    apr_size_t size = from_mark(html, chunk, p);

    if (!html->is_held || html->attribute_count == 0 || size > ASSETS_HELD_MAX)
        return;
    if (html->mark >= chunk->offset) {
        judge_bytes(html, element, chunk->data + (html->mark - chunk->offset), size);
    } else if (assets_held_add(&html->held, chunk->data, size - html->held.size)) {
        judge_bytes(html, element, html->held.data, size);
    }
}

/* What stands in the element, from place on, may be no markup, or CSS. */
static void enter(assets_html_t *html, assets_element_e element, apr_off_t place)
{
    int is_html = !html->is_xml && assets_foreign_start(&html->foreign, element, html->name,
                                                        html->name_size, html->is_self_closing);

    if (is_html && assets_element_is_raw(element)) {
        enter_raw(html, element);
    } else if (!is_html && element == ASSETS_ELEMENT_STYLE && !html->is_self_closing &&
               (html->is_xml || assets_foreign_is_svg(&html->foreign))) {
        html_sheet_begin(html, place);
    }
}

const char *html_tag_end(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    assets_element_e element;

    end_attribute(html);
    html->state = HTML_DATA;
    if (html->sheet.is_open)
        html_sheet_tag(html, chunk, p);
    if (html->is_end_tag && html->foreign.depth == 0)
        return p + 1;
    element = assets_element_find(html->name, html->name_size);
    if (html->is_end_tag) {
        assets_foreign_end(&html->foreign, element, html->name, html->name_size);
        return p + 1;
    }
    judge_tag(html, chunk, p, element);
    html->is_in_body |= element == ASSETS_ELEMENT_BODY;
    html_let_go(html);
    enter(html, element, html_place(chunk, p + 1));
    return p + 1;
}

/* The states. */

static const char *in_name(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    const char *end = run(chunk, p, ENDS_NAME);

    for (; p < end && html->name_size < ASSETS_ELEMENT_NAME; p++)
        html->name[html->name_size++] = assets_text_lower(*p);
    if (end < chunk->end) {
        html->name_end = from_mark(html, chunk, end);
        html->state = HTML_BEFORE_ATTRIBUTE;
    }
    return end;
}

static const char *before_attribute(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    p = skip_space(chunk, p);
    if (p == chunk->end)
        return p;
    if (*p == '>')
        return html_tag_end(html, chunk, p);
    if (*p == '/') {
        html->state = HTML_SELF_CLOSING;
        return p + 1;
    }
    return begin_attribute(html, chunk, p);
}

static const char *in_attribute(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    p = run(chunk, p, ENDS_ATTRIBUTE);
    if (p == chunk->end)
        return p;
    if (html->has_attribute)
        html->attribute.name_size = from_mark(html, chunk, p) - html->attribute.name;
    html->state = HTML_AFTER_ATTRIBUTE;
    return p;
}

static const char *after_attribute(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    p = skip_space(chunk, p);
    if (p == chunk->end)
        return p;
    if (*p == '=') {
        html->state = HTML_BEFORE_VALUE;
        return p + 1;
    }
    end_attribute(html);
    html->state = HTML_BEFORE_ATTRIBUTE;
    return p;
}

static const char *before_value(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    p = skip_space(chunk, p);
    if (p == chunk->end)
        return p;
    if (*p == '"') {
        begin_value(html, chunk, p + 1, HTML_VALUE_DOUBLE, '"');
        return p + 1;
    }
    if (*p == '\'') {
        begin_value(html, chunk, p + 1, HTML_VALUE_SINGLE, '\'');
        return p + 1;
    }
    if (*p == '>')
        return html_tag_end(html, chunk, p);
    begin_value(html, chunk, p, HTML_VALUE_BARE, 0);
    return p;
}

static const char *in_value(assets_html_t *html, const html_chunk_t *chunk, const char *p,
                            char quote)
{
    p = memchr(p, quote, (apr_size_t)(chunk->end - p));
    if (!p)
        return chunk->end;
    end_value(html, chunk, p);
    html->state = HTML_BEFORE_ATTRIBUTE;
    return p + 1;
}

static const char *in_bare_value(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    p = run(chunk, p, ENDS_BARE);
    if (p == chunk->end)
        return p;
    end_value(html, chunk, p);
    html->state = HTML_BEFORE_ATTRIBUTE;
    return p;
}

static const char *behind_slash(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    if (*p == '>') {
        html->is_self_closing = 1;
        return html_tag_end(html, chunk, p);
    }
    html->state = HTML_BEFORE_ATTRIBUTE;
    return p;
}

static const char *step(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    switch (html->state) {
    case HTML_NAME:
        return in_name(html, chunk, p);
    case HTML_BEFORE_ATTRIBUTE:
        return before_attribute(html, chunk, p);
    case HTML_ATTRIBUTE:
        return in_attribute(html, chunk, p);
    case HTML_AFTER_ATTRIBUTE:
        return after_attribute(html, chunk, p);
    case HTML_BEFORE_VALUE:
        return before_value(html, chunk, p);
    case HTML_VALUE_DOUBLE:
        return in_value(html, chunk, p, '"');
    case HTML_VALUE_SINGLE:
        return in_value(html, chunk, p, '\'');
    case HTML_VALUE_BARE:
        return in_bare_value(html, chunk, p);
    default:
        return behind_slash(html, chunk, p);
    }
}

const char *html_tag_step(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    while (p < chunk->end && html->state >= HTML_NAME)
        p = step(html, chunk, p);
    return p;
}
