/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_html_private.h"

#include "assets_text.h"

#include <string.h>

assets_html_t *assets_html_create(const assets_judge_t *judge, int is_xml, apr_pool_t *pool)
{
    assets_html_t *html = apr_pcalloc(pool, sizeof(*html));

    html->judge = judge;
    html->is_xml = is_xml;
    html->held.pool = pool;
    html->css.held.pool = pool;
    html->sheet.held.pool = pool;
    apr_pool_create(&html->edits.pool, pool);
    return html;
}

/* Data. */

static const char *begin_open(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    html->state = HTML_TAG_OPEN;
    html->is_held = 1;
    html->mark = html_place(chunk, p);
    return p + 1;
}

static const char *in_sheet(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    const char *open = memchr(p, '<', (apr_size_t)(chunk->end - p));

    html_sheet_add(html, html_place(chunk, p), html_place(chunk, open ? open : chunk->end), 0);
    return open ? begin_open(html, chunk, open) : chunk->end;
}

static const char *in_data(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    if (html->sheet.is_open)
        return in_sheet(html, chunk, p);
    html->state = HTML_DATA;
    p = html_tags_whole(html, chunk, p);
    if (html->state != HTML_DATA || p == chunk->end)
        return p;
    return begin_open(html, chunk, p);
}

static int begins_name(const assets_html_t *html, char c)
{
    return assets_text_is_alpha(c) ||
           (html->is_xml && (c == '_' || c == ':' || (unsigned char)c >= 0x80));
}

static const char *behind_open(assets_html_t *html, const char *p)
{
    if (begins_name(html, *p)) {
        html_tag_begin(html, html->mark, 1);
        return p;
    }
    html_let_go(html);
    if (*p == '/') {
        html->state = HTML_END_TAG_OPEN;
    } else if (*p == '!') {
        html->state = HTML_MARKUP_OPEN;
        html->peek_size = 0;
    } else if (*p == '?') {
        html->state = html->is_xml ? HTML_PROCESSING : HTML_BOGUS;
        html->run = 0;
    } else {
        html->state = HTML_DATA;
        if (html->sheet.is_open)
            html_sheet_add(html, html->mark, html->mark + 1, 0);
        return p;
    }
    return p + 1;
}

static const char *behind_end_open(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    if (begins_name(html, *p)) {
        html_tag_begin(html, html_place(chunk, p), 0);
        html->is_end_tag = 1;
        return p;
    }
    html->state = *p == '>' ? HTML_DATA : HTML_BOGUS;
    return p + 1;
}

/* Comments and what is read like them. */

static void begin_comment(assets_html_t *html)
{
    html->state = HTML_COMMENT;
    memcpy(html->last, "---", 3);
    html->last_size = 2;
}

/* Is what was peeked, with c, the beginning of word? */
static int goes_on(const assets_html_t *html, const char *word, char c)
{
    return memcmp(html->peek, word, html->peek_size) == 0 && word[html->peek_size] == c;
}

static const char *behind_markup(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    int has_cdata = html->is_xml || assets_foreign_is_in(&html->foreign);
    const char *word = has_cdata && html->peek_size > 0 && html->peek[0] == '[' ? "[CDATA[" : "--";

    if (html->peek_size == 0 && has_cdata && *p == '[')
        word = "[CDATA[";
    if (!goes_on(html, word, *p)) {
        html->state = HTML_BOGUS; /* nothing peeked ends it */
        html->in_subset = 0;
        return p;
    }
    html->peek[html->peek_size++] = *p;
    if (word[html->peek_size] == '\0') {
        html->run = 0;
        html->state = HTML_CDATA;
        html->sheet.cdata = html_place(chunk, p + 1);
        if (word[0] == '-')
            begin_comment(html);
    }
    return p + 1;
}

/* Remembers the last bytes of a comment. */
static void note_comment(assets_html_t *html, const char *p, const char *end)
{
    if (end - p > 3)
        p = end - 3;
    html->last_size += (apr_size_t)(end - p);
    if (html->last_size > 5)
        html->last_size = 5;
    for (; p < end; p++) {
        html->last[0] = html->last[1];
        html->last[1] = html->last[2];
        html->last[2] = *p;
    }
}

/* Before '>': is it "-->", "--!>", or one of the short forms "<!-->" and "<!--->"? */
static int comment_ends(const assets_html_t *html)
{
    const char *last = html->last;

    if (last[1] == '-' && last[2] == '-')
        return 1;
    /* The dashes that open the comment are not those of "--!>". */
    return html->last_size == 5 && last[0] == '-' && last[1] == '-' && last[2] == '!';
}

static const char *in_comment(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    const char *close = memchr(p, '>', (apr_size_t)(chunk->end - p));

    note_comment(html, p, close ? close : chunk->end);
    if (!close)
        return chunk->end;
    if (comment_ends(html)) {
        html->state = HTML_DATA;
    } else {
        note_comment(html, close, close + 1);
    }
    return close + 1;
}

static const char *in_bogus(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    if (!html->is_xml) {
        p = memchr(p, '>', (apr_size_t)(chunk->end - p));
        if (!p)
            return chunk->end;
    }
    if (*p == '[') {
        html->in_subset = 1;
    } else if (*p == ']') {
        html->in_subset = 0;
    } else if (*p == '>' && !html->in_subset) {
        html->state = HTML_DATA;
    }
    return p + 1;
}

/* "?>" and "]]>": so many bytes of a kind before '>'. */
static const char *in_run(assets_html_t *html, const html_chunk_t *chunk, const char *p, char kind,
                          apr_size_t count)
{
    for (; p < chunk->end; p++) {
        if (*p == kind) {
            html->run++;
        } else if (*p == '>' && html->run >= count) {
            html->state = HTML_DATA;
            return p + 1;
        } else {
            html->run = 0;
        }
    }
    return p;
}

static const char *in_cdata(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    p = in_run(html, chunk, p, ']', 2);
    if (html->state == HTML_DATA && html->sheet.is_open)
        html_sheet_add(html, html->sheet.cdata, html_place(chunk, p) - 3, 1);
    return p;
}

/* The whole. */

static const char *step(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    switch (html->state) {
    case HTML_DATA:
    case HTML_SHEET:
        return in_data(html, chunk, p);
    case HTML_TAG_OPEN:
        return behind_open(html, p);
    case HTML_END_TAG_OPEN:
        return behind_end_open(html, chunk, p);
    case HTML_MARKUP_OPEN:
        return behind_markup(html, chunk, p);
    case HTML_COMMENT:
        return in_comment(html, chunk, p);
    case HTML_BOGUS:
        return in_bogus(html, chunk, p);
    case HTML_PROCESSING:
        return in_run(html, chunk, p, '?', 1);
    case HTML_CDATA:
        return in_cdata(html, chunk, p);
    case HTML_RAW:
    case HTML_RAW_OPEN:
        return html_raw_step(html, chunk, p);
    case HTML_PLAINTEXT:
        return chunk->end;
    default:
        return html_tag_step(html, chunk, p);
    }
}

/* The chunk ends within a start tag. */
static void keep(assets_html_t *html, const html_chunk_t *chunk)
{
    apr_off_t from = html->mark + (apr_off_t)html->held.size;

    if (html->is_held && !assets_held_add(&html->held, chunk->data + (from - chunk->offset),
                                          (apr_size_t)(html_place(chunk, chunk->end) - from)))
        html_let_go(html);
}

const apr_array_header_t *assets_html_feed(assets_html_t *html, const char *data, apr_size_t size)
{
    html_chunk_t chunk = {data, data + size, html->offset};
    const char *p = data;

    assets_edits_begin(&html->edits);
    while (p < chunk.end)
        p = step(html, &chunk, p);
    keep(html, &chunk);
    html_sheet_keep(html, &chunk);
    html->offset += (apr_off_t)size;
    return html->edits.list;
}

const apr_array_header_t *assets_html_end(assets_html_t *html)
{
    assets_edits_begin(&html->edits);
    if (html->has_css)
        assets_css_end(&html->css, html->offset);
    html_let_go(html);
    html_sheet_drop(html);
    return html->edits.list;
}

apr_off_t assets_html_safe(const assets_html_t *html)
{
    if (html->sheet.is_open)
        return html->sheet.mark;
    if (html->is_held)
        return html->mark;
    return html->has_css ? assets_css_safe(&html->css, html->offset) : html->offset;
}
