/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_TEXT_H
#define ASSETS_TEXT_H

#include <apr_pools.h>

/*
 * A text as its reader understands it, decoded from a source in which some characters are written
 * otherwise (HTML's character references, CSS's escapes), and where each of its bytes stands in the
 * source: a change of the text can so be made in the source without writing the rest of it anew.
 * All functions are pure; any thread.
 */
typedef struct assets_text_t {
    const char *data; /* not terminated */
    apr_size_t size;
    const apr_uint32_t *places; /* size + 1 of them; NULL: text and source are the same bytes */
} assets_text_t;

/* Returns where byte i of text (or its end, i = size) begins in the source. */
static inline apr_size_t assets_text_place(const assets_text_t *text, apr_size_t i)
{
    return text->places ? text->places[i] : i;
}

/*
 * Decodes an attribute's value as the HTML standard does: numeric character references, and those
 * named ones that stand for ASCII characters; any other stays as it is written. *text points into
 * source where nothing is to be decoded, else to pool. size is below 2^32.
 */
void assets_text_from_attribute(assets_text_t *text, const char *source, apr_size_t size,
                                apr_pool_t *pool);

/* The same for the inside of a CSS string or url(): the escapes of CSS Syntax level 3, 4.3.7. */
void assets_text_from_css(assets_text_t *text, const char *source, apr_size_t size,
                          apr_pool_t *pool);

/*
 * Writes data for an attribute's value between quote characters ('"' or '\''), or for one without
 * (0). Returns its size, and in *source what is to be written: data itself or from pool.
 */
apr_size_t assets_text_to_attribute(const char **source, const char *data, apr_size_t size,
                                    char quote, apr_pool_t *pool);

/* The same for a CSS string in quotes, or an url() without (0). Never contains '<'. */
apr_size_t assets_text_to_css(const char **source, const char *data, apr_size_t size, char quote,
                              apr_pool_t *pool);

/* Returns 1 for the white space of HTML and CSS: space, tab, LF, FF, CR. */
static inline int assets_text_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

/* ASCII's letters and digits, whatever the locale. */
static inline int assets_text_is_alpha(char c)
{
    return (unsigned char)((c | 0x20) - 'a') < 26;
}

static inline int assets_text_is_alnum(char c)
{
    return assets_text_is_alpha(c) || (unsigned char)(c - '0') < 10;
}

static inline char assets_text_lower(char c)
{
    return (unsigned char)(c - 'A') < 26 ? (char)(c | 0x20) : c;
}

/* Returns 1 when the size bytes of text are word (in lower case), whatever the case of the text. */
int assets_text_is(const char *text, apr_size_t size, const char *word);

#endif
