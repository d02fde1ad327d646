/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_CSS_H
#define ASSETS_CSS_H

#include "assets_edit.h"
#include "assets_held.h"

/*
 * Finds the references of CSS in a stream of bytes (CSS Syntax level 3, section 4): url() with and
 * without quotes, the string of @import, the strings of image-set(). Comments, other strings and
 * bad tokens are left alone. Can be stopped at any byte; where the bytes are cut into chunks makes
 * no difference to what is found. One thread.
 */
#define ASSETS_CSS_NAME 20

typedef enum {
    ASSETS_CSS_TOP,
    ASSETS_CSS_NAME_STATE, /* an identifier, or @ or # and one */
    ASSETS_CSS_NAME_ESCAPE,
    ASSETS_CSS_SLASH,
    ASSETS_CSS_COMMENT,
    ASSETS_CSS_COMMENT_STAR,
    ASSETS_CSS_STRING,
    ASSETS_CSS_STRING_ESCAPE,
    ASSETS_CSS_STRING_CR, /* behind a CR of an escape: a LF belongs to it */
    ASSETS_CSS_URL_START, /* behind "url(" */
    ASSETS_CSS_URL,       /* in one without quotes */
    ASSETS_CSS_URL_ESCAPE,
    ASSETS_CSS_URL_CR,
    ASSETS_CSS_URL_SPACE, /* behind it: only more space or ')' may follow */
    ASSETS_CSS_BAD_URL,
    ASSETS_CSS_BAD_URL_ESCAPE
} assets_css_state_e;

typedef struct assets_css_t {
    const assets_judge_t *judge;
    assets_edits_t *edits;
    assets_css_state_e state;
    char name[ASSETS_CSS_NAME]; /* in lower case; a longer one is none of ours */
    apr_size_t name_size;
    apr_size_t depth;     /* of open parentheses */
    apr_size_t image_set; /* the depth within image-set(); 0: outside */
    int digits;           /* hexadecimal ones of an escape */
    char quote;           /* of the string; 0 in url() without */
    int is_import;        /* @import: a string that follows is a URL */
    int is_reference;     /* the string is a URL */
    int is_held;          /* a reference began at mark and is not over */
    apr_off_t mark;       /* of the stream */
    apr_off_t url_end;    /* of the URL before ASSETS_CSS_URL_SPACE */
    assets_held_t held;
} assets_css_t;

/* Makes css ready for a new stream; what it holds comes from pool. judge and edits must outlive it.
 */
void assets_css_init(assets_css_t *css, const assets_judge_t *judge, assets_edits_t *edits,
                     apr_pool_t *pool);

/* Reads the next bytes, which stand at offset of the stream, and adds to edits. */
void assets_css_feed(assets_css_t *css, const char *data, apr_size_t size, apr_off_t offset);

/* A reference that is open here is none. */
void assets_css_cut(assets_css_t *css);

/* The stream is over at offset: what is open ends there, as the standard says. */
void assets_css_end(assets_css_t *css, apr_off_t offset);

/* Returns up to where of the stream, fed up to offset, all edits are known. */
static inline apr_off_t assets_css_safe(const assets_css_t *css, apr_off_t offset)
{
    return css->is_held ? css->mark : offset;
}

#endif
