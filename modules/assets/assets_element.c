/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_element.h"

#include <string.h>

static const char *const names[] = {
    "",         "base",          "link", "meta",   "object",  "body",     "script",    "style",
    "textarea", "title",         "xmp",  "iframe", "noembed", "noframes", "plaintext", "svg",
    "math",     "foreignobject", "desc", "mi",     "mo",      "mn",       "ms",        "mtext"};

#define COUNT (sizeof(names) / sizeof(names[0]))

static const unsigned char sizes[] = {0, 4, 4, 4, 6, 4,  6, 5, 8, 5, 3, 6,
                                      7, 8, 9, 3, 4, 13, 4, 2, 2, 2, 2, 5};

const unsigned short assets_element_sizes[26] = {
    ['b' - 'a'] = 1 << 4,          ['d' - 'a'] = 1 << 4,
    ['f' - 'a'] = 1 << 13,         ['i' - 'a'] = 1 << 6,
    ['l' - 'a'] = 1 << 4,          ['m' - 'a'] = 1 << 2 | 1 << 4 | 1 << 5,
    ['n' - 'a'] = 1 << 7 | 1 << 8, ['o' - 'a'] = 1 << 6,
    ['p' - 'a'] = 1 << 9,          ['s' - 'a'] = 1 << 3 | 1 << 5 | 1 << 6,
    ['t' - 'a'] = 1 << 5 | 1 << 8, ['x' - 'a'] = 1 << 3};

assets_element_e assets_element_find(const char *name, apr_size_t size)
{
    if (size < 2 || !assets_element_may_be(name[0], size))
        return ASSETS_ELEMENT_OTHER;
    for (apr_size_t i = 1; i < COUNT; i++) {
        if (sizes[i] == size && memcmp(names[i], name, size) == 0)
            return (assets_element_e)i;
    }
    return ASSETS_ELEMENT_OTHER;
}

const char *assets_element_name(assets_element_e element)
{
    return names[element];
}

/* HTML elements that end foreign content. */
static const char *const breakouts[] = {
    "b",      "big",  "blockquote", "body",  "br",   "center", "code",    "dd",   "div",
    "dl",     "dt",   "em",         "embed", "h1",   "h2",     "h3",      "h4",   "h5",
    "h6",     "head", "hr",         "i",     "img",  "li",     "listing", "menu", "meta",
    "nobr",   "ol",   "p",          "pre",   "ruby", "s",      "small",   "span", "strong",
    "strike", "sub",  "sup",        "table", "tt",   "u",      "ul",      "var"};

static int is_breakout(const char *name, apr_size_t size)
{
    for (apr_size_t i = 0; i < sizeof(breakouts) / sizeof(breakouts[0]); i++) {
        if (strlen(breakouts[i]) == size && memcmp(breakouts[i], name, size) == 0)
            return 1;
    }
    return 0;
}

static assets_element_e top_of(const assets_foreign_t *foreign)
{
    return foreign->depth ? (assets_element_e)foreign->open[foreign->depth - 1]
                          : ASSETS_ELEMENT_OTHER;
}

static int is_foreign(assets_element_e element)
{
    return element == ASSETS_ELEMENT_SVG || element == ASSETS_ELEMENT_MATH;
}

int assets_foreign_is_in(const assets_foreign_t *foreign)
{
    return is_foreign(top_of(foreign));
}

int assets_foreign_is_svg(const assets_foreign_t *foreign)
{
    return top_of(foreign) == ASSETS_ELEMENT_SVG;
}

/* Within whose content is HTML again? */
static int is_integration_point(assets_element_e top, assets_element_e element)
{
    if (top == ASSETS_ELEMENT_SVG)
        return element == ASSETS_ELEMENT_FOREIGNOBJECT || element == ASSETS_ELEMENT_DESC ||
               element == ASSETS_ELEMENT_TITLE;
    return element >= ASSETS_ELEMENT_MI && element <= ASSETS_ELEMENT_MTEXT;
}

static void break_out(assets_foreign_t *foreign)
{
    while (assets_foreign_is_in(foreign))
        foreign->depth--;
}

static void push(assets_foreign_t *foreign, assets_element_e element)
{
    if (foreign->depth < ASSETS_FOREIGN_DEPTH)
        foreign->open[foreign->depth++] = (unsigned char)element;
}

int assets_foreign_start(assets_foreign_t *foreign, assets_element_e element, const char *name,
                         apr_size_t size, int is_self_closing)
{
    if (assets_foreign_is_in(foreign) && is_breakout(name, size))
        break_out(foreign);
    if (is_foreign(element)) {
        if (!is_self_closing)
            push(foreign, element);
        return 0;
    }
    if (!assets_foreign_is_in(foreign))
        return 1;
    if (!is_self_closing && is_integration_point(top_of(foreign), element))
        push(foreign, element);
    return 0;
}

void assets_foreign_end(assets_foreign_t *foreign, assets_element_e element, const char *name,
                        apr_size_t size)
{
    if (foreign->depth == 0)
        return;
    if (element != ASSETS_ELEMENT_OTHER && element == top_of(foreign)) {
        foreign->depth--;
    } else if (assets_foreign_is_in(foreign) &&
               ((size == 1 && *name == 'p') || (size == 2 && memcmp(name, "br", 2) == 0))) {
        break_out(foreign);
    }
}
