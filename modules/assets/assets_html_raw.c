/* SPDX-License-Identifier: Apache-2.0 */
/* Raw text: HTML standard 13.2.5.9 to 31. */
#include "assets_html_private.h"

#include "assets_text.h"

#include <string.h>

/* Which word behind '<' would make a difference, by its first letter; NULL: none. */
static const char *word_for(const assets_html_t *html, char first)
{
    if (first == '!' && html->raw == ASSETS_ELEMENT_SCRIPT && html->script == HTML_SCRIPT_PLAIN)
        return "!--";
    if (first == 's' && html->raw == ASSETS_ELEMENT_SCRIPT && html->script == HTML_SCRIPT_ESCAPED)
        return "script";
    return NULL;
}

/* The peeked bytes with c are "/" and a part of the element's name. */
static int is_closing(const assets_html_t *html, char c)
{
    const char *name = assets_element_name(html->raw);

    if (html->peek_size == 0)
        return c == '/';
    return html->peek[0] == '/' && name[html->peek_size - 1] == c;
}

static int goes_on(const assets_html_t *html, char c)
{
    const char *word = word_for(html, html->peek_size ? html->peek[0] : c);

    return is_closing(html, c) || (word && word[html->peek_size] == c && c != '\0');
}

static int is_whole(const assets_html_t *html)
{
    const char *word;

    if (html->peek_size == 0)
        return 0;
    if (html->peek[0] == '/')
        return html->peek_size == strlen(assets_element_name(html->raw)) + 1;
    word = word_for(html, html->peek[0]);
    return word && html->peek_size == strlen(word);
}

/* Leaves raw text: what follows the name is read as of any tag. */
static void close_element(assets_html_t *html)
{
    html->has_css = 0;
    html_tag_begin(html, html->mark, 0);
    html->is_end_tag = 1;
    html->state = HTML_BEFORE_ATTRIBUTE;
}

/* "</script", "<script" or "</style" is whole, and p is the byte behind it that ends the name. */
static const char *act(assets_html_t *html, const char *p)
{
    html->state = HTML_RAW;
    html->run = 0;
    if (html->peek[0] == 's') {
        html->script = HTML_SCRIPT_DOUBLE;
    } else if (html->script == HTML_SCRIPT_DOUBLE) {
        html->script = HTML_SCRIPT_ESCAPED;
    } else {
        close_element(html);
        return p;
    }
    return p + 1;
}

static const char *behind_open(assets_html_t *html, const char *p)
{
    char c = assets_text_lower(*p);

    if (is_whole(html)) {
        if (assets_text_is_space(c) || c == '/' || c == '>')
            return act(html, p);
    } else if (goes_on(html, c)) {
        html->peek[html->peek_size++] = c;
        if (c == '-' && is_whole(html)) {
            html->script = HTML_SCRIPT_ESCAPED;
            html->state = HTML_RAW;
            html->run = 2; /* "<!-->" is whole */
        }
        return p + 1;
    }
    html->state = HTML_RAW;
    return p;
}

static const char *begin_open(assets_html_t *html, const char *p)
{
    html->state = HTML_RAW_OPEN;
    html->peek_size = 0;
    html->run = 0;
    return p + 1;
}

/* In "<!--" of a script. */
static const char *in_escaped(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    for (; p < chunk->end; p++) {
        if (*p == '<')
            return begin_open(html, p);
        if (*p == '-') {
            html->run++;
        } else if (*p == '>' && html->run >= 2) {
            html->script = HTML_SCRIPT_PLAIN;
            return p + 1;
        } else {
            html->run = 0;
        }
    }
    return p;
}

static const char *in_raw(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    if (html->script != HTML_SCRIPT_PLAIN)
        return in_escaped(html, chunk, p);
    p = memchr(p, '<', (apr_size_t)(chunk->end - p));
    return p ? begin_open(html, p) : chunk->end;
}

const char *html_raw_step(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    const char *next = html->state == HTML_RAW ? in_raw(html, chunk, p) : behind_open(html, p);

    /* What may turn out to be "</style" is read as CSS, too: no reference ends in it. */
    if (html->has_css && next > p)
        assets_css_feed(&html->css, p, (apr_size_t)(next - p), html_place(chunk, p));
    return next;
}
