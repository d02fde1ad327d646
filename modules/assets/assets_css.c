/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_css.h"

#include "assets_text.h"

#include <apr_lib.h>

#include <string.h>

/* One feed: the chunk, and where it stands. */
typedef struct chunk_t {
    const char *data, *end;
    apr_off_t offset;
} chunk_t;

static apr_off_t place(const chunk_t *chunk, const char *p)
{
    return chunk->offset + (p - chunk->data);
}

void assets_css_init(assets_css_t *css, const assets_judge_t *judge, assets_edits_t *edits,
                     apr_pool_t *pool)
{
    assets_held_t held = css->held;

    memset(css, 0, sizeof(*css));
    css->judge = judge;
    css->edits = edits;
    css->held = held;
    css->held.pool = pool;
    css->held.size = 0;
}

/* References. */

static void hold_from(assets_css_t *css, apr_off_t mark)
{
    css->is_held = 1;
    css->mark = mark;
    css->held.size = 0;
}

static void let_go(assets_css_t *css)
{
    css->is_held = 0;
    css->held.size = 0;
}

/* The URL that begins at css->mark is these bytes. */
static void judge(assets_css_t *css, const char *source, apr_size_t size)
{
    assets_change_t change;
    assets_text_t text;
    apr_size_t from, to;
    const char *written;
    apr_size_t length;

    assets_edits_note(css->edits, size);
    assets_text_from_css(&text, source, size, css->edits->pool);
    if (!css->judge->judge(css->judge->baton, ASSETS_REFERENCE_URL, text.data, text.size, &change,
                           css->edits->pool))
        return;
    from = assets_text_place(&text, change.from);
    to = assets_text_place(&text, change.to);
    length = assets_text_to_css(&written, change.text, change.size, css->quote, css->edits->pool);
    assets_edits_add(css->edits, css->mark + (apr_off_t)from, to - from, written, length);
}

/* The reference ends at offset end of the stream; what closes it stands at closed, or behind. */
static void found(assets_css_t *css, const chunk_t *chunk, apr_off_t end, apr_off_t closed)
{
    apr_size_t size = (apr_size_t)(end - css->mark);

    if (!css->is_held)
        return;
    if (closed - css->mark > (apr_off_t)ASSETS_HELD_MAX) {
        let_go(css);
        return;
    }
    if (css->mark >= chunk->offset) {
        judge(css, chunk->data + (css->mark - chunk->offset), size);
    } else {
        /* What was held may reach beyond the URL: white space before the parenthesis. */
        if (size > css->held.size)
            assets_held_add(&css->held, chunk->data, size - css->held.size);
        judge(css, css->held.data, size);
    }
    let_go(css);
}

/* The chunk ends within a reference. */
static void keep(assets_css_t *css, const chunk_t *chunk)
{
    apr_off_t from = css->mark + (apr_off_t)css->held.size;

    if (css->is_held && !assets_held_add(&css->held, chunk->data + (from - chunk->offset),
                                         (apr_size_t)(place(chunk, chunk->end) - from)))
        let_go(css);
}

/* Names. */

static int is_name(char c)
{
    return assets_text_is_alnum(c) || c == '_' || c == '-' || (unsigned char)c >= 0x80;
}

static void add_to_name(assets_css_t *css, char c)
{
    if (css->name_size < ASSETS_CSS_NAME)
        css->name[css->name_size] = assets_text_lower(c);
    if (css->name_size <= ASSETS_CSS_NAME)
        css->name_size++;
}

static int name_is(const assets_css_t *css, const char *word)
{
    return css->name_size <= ASSETS_CSS_NAME && css->name_size == strlen(word) &&
           memcmp(css->name, word, css->name_size) == 0;
}

static void open_parenthesis(assets_css_t *css)
{
    css->depth++;
    css->is_import = 0;
}

static void close_parenthesis(assets_css_t *css)
{
    if (css->image_set == css->depth)
        css->image_set = 0;
    if (css->depth > 0)
        css->depth--;
    css->is_import = 0;
}

/* The name is over before p. */
static const char *end_name(assets_css_t *css, const char *p)
{
    css->state = ASSETS_CSS_TOP;
    if (*p != '(') {
        css->is_import = name_is(css, "@import");
        return p;
    }
    if (name_is(css, "url")) {
        css->state = ASSETS_CSS_URL_START;
        css->is_import = 0;
        return p + 1;
    }
    open_parenthesis(css);
    if (name_is(css, "image-set") || name_is(css, "-webkit-image-set"))
        css->image_set = css->depth;
    return p + 1;
}

static const char *in_name(assets_css_t *css, const chunk_t *chunk, const char *p)
{
    while (p < chunk->end && is_name(*p))
        add_to_name(css, *p++);
    if (p == chunk->end)
        return p;
    if (*p != '\\')
        return end_name(css, p);
    add_to_name(css, '\\'); /* a name with an escape is none of ours, so it need not be decoded */
    css->state = ASSETS_CSS_NAME_ESCAPE;
    return p + 1;
}

/* Strings and url(). */

static void begin_string(assets_css_t *css, const chunk_t *chunk, const char *p, int is_reference)
{
    css->state = ASSETS_CSS_STRING;
    css->quote = *p;
    css->is_reference = is_reference;
    css->is_import = 0;
    if (is_reference)
        hold_from(css, place(chunk, p + 1));
}

static int is_newline(char c)
{
    return c == '\n' || c == '\r' || c == '\f';
}

/* An escape of hexadecimal digits ends with white space, which belongs to it. */
static const char *in_escape(assets_css_t *css, const char *p)
{
    int is_url = css->state == ASSETS_CSS_URL_ESCAPE;

    if (apr_isxdigit(*p) && css->digits < 6) {
        css->digits++;
        return p + 1;
    }
    css->state = is_url ? ASSETS_CSS_URL : ASSETS_CSS_STRING;
    if (css->digits > 0 && !assets_text_is_space(*p))
        return p;
    if (is_url && css->digits == 0 && is_newline(*p)) {
        let_go(css);
        css->state = ASSETS_CSS_BAD_URL;
        return p;
    }
    if (*p == '\r')
        css->state = is_url ? ASSETS_CSS_URL_CR : ASSETS_CSS_STRING_CR;
    return p + 1;
}

static const char *behind_cr(assets_css_t *css, const char *p)
{
    css->state = css->state == ASSETS_CSS_URL_CR ? ASSETS_CSS_URL : ASSETS_CSS_STRING;
    return *p == '\n' ? p + 1 : p;
}

static const char *begin_escape(assets_css_t *css, const char *p, assets_css_state_e state)
{
    css->state = state;
    css->digits = 0;
    return p + 1;
}

static const char *in_string(assets_css_t *css, const chunk_t *chunk, const char *p)
{
    while (p < chunk->end && *p != css->quote && *p != '\\' && !is_newline(*p))
        p++;
    if (p == chunk->end)
        return p;
    if (*p == '\\')
        return begin_escape(css, p, ASSETS_CSS_STRING_ESCAPE);
    css->state = ASSETS_CSS_TOP;
    if (css->is_reference && *p == css->quote) {
        found(css, chunk, place(chunk, p), place(chunk, p));
    } else {
        let_go(css); /* a bad string: it ends with its line */
    }
    css->is_reference = 0;
    return p + 1;
}

static const char *at_url(assets_css_t *css, const chunk_t *chunk, const char *p)
{
    while (p < chunk->end && assets_text_is_space(*p))
        p++;
    if (p == chunk->end)
        return p;
    if (*p == '"' || *p == '\'') {
        open_parenthesis(css);
        begin_string(css, chunk, p, 1);
        return p + 1;
    }
    css->state = ASSETS_CSS_URL;
    css->quote = 0;
    hold_from(css, place(chunk, p));
    return p;
}

static int ends_url(char c)
{
    return c == ')' || c == '\\' || c == '"' || c == '\'' || c == '(' || assets_text_is_space(c) ||
           ((unsigned char)c < 0x20) || c == 0x7f;
}

static const char *in_url(assets_css_t *css, const chunk_t *chunk, const char *p)
{
    while (p < chunk->end && !ends_url(*p))
        p++;
    if (p == chunk->end)
        return p;
    if (*p == ')') {
        found(css, chunk, place(chunk, p), place(chunk, p));
        css->state = ASSETS_CSS_TOP;
    } else if (*p == '\\') {
        return begin_escape(css, p, ASSETS_CSS_URL_ESCAPE);
    } else if (assets_text_is_space(*p)) {
        css->url_end = place(chunk, p);
        css->state = ASSETS_CSS_URL_SPACE;
    } else {
        let_go(css);
        css->state = ASSETS_CSS_BAD_URL;
    }
    return p + 1;
}

static const char *behind_url(assets_css_t *css, const chunk_t *chunk, const char *p)
{
    while (p < chunk->end && assets_text_is_space(*p))
        p++;
    if (p == chunk->end)
        return p;
    if (*p == ')') {
        found(css, chunk, css->url_end, place(chunk, p));
        css->state = ASSETS_CSS_TOP;
        return p + 1;
    }
    let_go(css);
    css->state = ASSETS_CSS_BAD_URL;
    return p;
}

static const char *in_bad_url(assets_css_t *css, const chunk_t *chunk, const char *p)
{
    while (p < chunk->end && *p != ')' && *p != '\\')
        p++;
    if (p == chunk->end)
        return p;
    css->state = *p == ')' ? ASSETS_CSS_TOP : ASSETS_CSS_BAD_URL_ESCAPE;
    return p + 1;
}

/* Everything else. */

static const char *begin_name(assets_css_t *css, const char *p)
{
    css->state = ASSETS_CSS_NAME_STATE;
    css->name_size = 0;
    if (*p == '@' || *p == '#') {
        add_to_name(css, *p);
        return p + 1;
    }
    return p;
}

static const char *at_top(assets_css_t *css, const chunk_t *chunk, const char *p)
{
    char c = *p;

    if (is_name(c) || c == '@' || c == '#' || c == '\\')
        return begin_name(css, p);
    if (c == '"' || c == '\'') {
        begin_string(css, chunk, p,
                     css->is_import || (css->image_set > 0 && css->image_set == css->depth));
    } else if (c == '/') {
        css->state = ASSETS_CSS_SLASH;
    } else if (c == '(') {
        open_parenthesis(css);
    } else if (c == ')') {
        close_parenthesis(css);
    } else if (!assets_text_is_space(c)) {
        css->is_import = 0;
    }
    return p + 1;
}

static const char *in_comment(assets_css_t *css, const chunk_t *chunk, const char *p)
{
    const char *star = memchr(p, '*', (apr_size_t)(chunk->end - p));

    if (!star)
        return chunk->end;
    css->state = ASSETS_CSS_COMMENT_STAR;
    return star + 1;
}

static const char *behind_star(assets_css_t *css, const char *p)
{
    if (*p == '/') {
        css->state = ASSETS_CSS_TOP;
    } else if (*p != '*') {
        css->state = ASSETS_CSS_COMMENT;
    }
    return p + 1;
}

static const char *behind_slash(assets_css_t *css, const char *p)
{
    if (*p == '*') {
        css->state = ASSETS_CSS_COMMENT;
        return p + 1;
    }
    css->state = ASSETS_CSS_TOP;
    css->is_import = 0;
    return p;
}

static const char *step(assets_css_t *css, const chunk_t *chunk, const char *p)
{
    switch (css->state) {
    case ASSETS_CSS_TOP:
        return at_top(css, chunk, p);
    case ASSETS_CSS_NAME_STATE:
        return in_name(css, chunk, p);
    case ASSETS_CSS_NAME_ESCAPE:
        css->state = ASSETS_CSS_NAME_STATE;
        return p + 1;
    case ASSETS_CSS_SLASH:
        return behind_slash(css, p);
    case ASSETS_CSS_COMMENT:
        return in_comment(css, chunk, p);
    case ASSETS_CSS_COMMENT_STAR:
        return behind_star(css, p);
    case ASSETS_CSS_STRING:
        return in_string(css, chunk, p);
    case ASSETS_CSS_STRING_ESCAPE:
    case ASSETS_CSS_URL_ESCAPE:
        return in_escape(css, p);
    case ASSETS_CSS_STRING_CR:
    case ASSETS_CSS_URL_CR:
        return behind_cr(css, p);
    case ASSETS_CSS_URL_START:
        return at_url(css, chunk, p);
    case ASSETS_CSS_URL:
        return in_url(css, chunk, p);
    case ASSETS_CSS_URL_SPACE:
        return behind_url(css, chunk, p);
    case ASSETS_CSS_BAD_URL_ESCAPE:
        css->state = ASSETS_CSS_BAD_URL;
        return p + 1;
    default:
        return in_bad_url(css, chunk, p);
    }
}

void assets_css_feed(assets_css_t *css, const char *data, apr_size_t size, apr_off_t offset)
{
    chunk_t chunk = {data, data + size, offset};
    const char *p = data;

    while (p < chunk.end)
        p = step(css, &chunk, p);
    keep(css, &chunk);
}

void assets_css_cut(assets_css_t *css)
{
    let_go(css);
}

static int is_open(assets_css_state_e state)
{
    return state == ASSETS_CSS_STRING || state == ASSETS_CSS_STRING_ESCAPE ||
           state == ASSETS_CSS_STRING_CR || state == ASSETS_CSS_URL ||
           state == ASSETS_CSS_URL_ESCAPE || state == ASSETS_CSS_URL_CR;
}

void assets_css_end(assets_css_t *css, apr_off_t offset)
{
    chunk_t chunk = {"", "", offset};

    if (css->state == ASSETS_CSS_URL_SPACE) {
        found(css, &chunk, css->url_end, offset);
    } else if (is_open(css->state)) {
        found(css, &chunk, offset, offset);
    }
    let_go(css);
    css->state = ASSETS_CSS_TOP;
}
