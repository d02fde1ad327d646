/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_ELEMENT_H
#define ASSETS_ELEMENT_H

#include <apr.h>

/* The elements that make a difference to where references stand. Pure; any thread. */
typedef enum {
    ASSETS_ELEMENT_OTHER,
    ASSETS_ELEMENT_BASE,
    ASSETS_ELEMENT_LINK,
    ASSETS_ELEMENT_META,
    ASSETS_ELEMENT_OBJECT,
    ASSETS_ELEMENT_BODY,
    /* Raw text; in this order up to PLAINTEXT. */
    ASSETS_ELEMENT_SCRIPT,
    ASSETS_ELEMENT_STYLE,
    ASSETS_ELEMENT_TEXTAREA,
    ASSETS_ELEMENT_TITLE,
    ASSETS_ELEMENT_XMP,
    ASSETS_ELEMENT_IFRAME,
    ASSETS_ELEMENT_NOEMBED,
    ASSETS_ELEMENT_NOFRAMES,
    ASSETS_ELEMENT_PLAINTEXT,
    /* Foreign content. */
    ASSETS_ELEMENT_SVG,
    ASSETS_ELEMENT_MATH,
    ASSETS_ELEMENT_FOREIGNOBJECT,
    ASSETS_ELEMENT_DESC,
    ASSETS_ELEMENT_MI,
    ASSETS_ELEMENT_MO,
    ASSETS_ELEMENT_MN,
    ASSETS_ELEMENT_MS,
    ASSETS_ELEMENT_MTEXT
} assets_element_e;

/* Longer than any name that is looked for. */
#define ASSETS_ELEMENT_NAME 16

/* Which sizes the names that begin with a letter have. */
extern const unsigned short assets_element_sizes[26];

/* Returns 0 when no element of ours has a name of this size that begins with c: most of a page. */
static inline int assets_element_may_be(char c, apr_size_t size)
{
    unsigned letter = (unsigned char)((c | 0x20) - 'a');

    return size < ASSETS_ELEMENT_NAME && letter < 26 && (assets_element_sizes[letter] >> size & 1);
}

/* Returns which element has this name (in lower case). */
assets_element_e assets_element_find(const char *name, apr_size_t size);

/* Returns its name, for elements of raw text. */
const char *assets_element_name(assets_element_e element);

static inline int assets_element_is_raw(assets_element_e element)
{
    return element >= ASSETS_ELEMENT_SCRIPT && element <= ASSETS_ELEMENT_PLAINTEXT;
}

/*
 * Whether the tokenizer stands in SVG or MathML, where there is no raw text and CDATA sections are
 * read: the open <svg> and <math>, and the elements within them whose content is HTML again. That
 * is the part of tree construction (HTML standard 13.2.6.5) that tokenization cannot do without.
 */
#define ASSETS_FOREIGN_DEPTH 32

typedef struct assets_foreign_t {
    unsigned char open[ASSETS_FOREIGN_DEPTH]; /* of assets_element_e */
    apr_size_t depth;
} assets_foreign_t;

/* Returns 1 in foreign content. */
int assets_foreign_is_in(const assets_foreign_t *foreign);

/* Returns 1 in SVG. */
int assets_foreign_is_svg(const assets_foreign_t *foreign);

/* A start tag; returns 1 when its element is an HTML one. */
int assets_foreign_start(assets_foreign_t *foreign, assets_element_e element, const char *name,
                         apr_size_t size, int is_self_closing);

/* An end tag. */
void assets_foreign_end(assets_foreign_t *foreign, assets_element_e element, const char *name,
                        apr_size_t size);

#endif
