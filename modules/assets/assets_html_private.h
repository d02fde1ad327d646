/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_HTML_PRIVATE_H
#define ASSETS_HTML_PRIVATE_H

/* What the files of assets_html.h share. */

#include "assets_css.h"
#include "assets_element.h"
#include "assets_held.h"
#include "assets_html_sheet.h"

typedef enum {
    HTML_DATA,
    HTML_TAG_OPEN,     /* behind '<' */
    HTML_END_TAG_OPEN, /* behind "</" */
    HTML_MARKUP_OPEN,  /* behind "<!" */
    HTML_COMMENT,
    HTML_BOGUS, /* all that ends with the next '>', the doctype included */
    HTML_PROCESSING,
    HTML_CDATA,
    HTML_RAW,
    HTML_RAW_OPEN, /* behind '<' in raw text */
    HTML_PLAINTEXT,
    HTML_SHEET, /* data in a <style> that is no raw text */
    /* In a tag: NAME and all behind it. */
    HTML_NAME,
    HTML_BEFORE_ATTRIBUTE,
    HTML_ATTRIBUTE,
    HTML_AFTER_ATTRIBUTE,
    HTML_BEFORE_VALUE,
    HTML_VALUE_DOUBLE,
    HTML_VALUE_SINGLE,
    HTML_VALUE_BARE,
    HTML_SELF_CLOSING
} html_state_e;

/* Of the standard's "script data" states. */
typedef enum { HTML_SCRIPT_PLAIN, HTML_SCRIPT_ESCAPED, HTML_SCRIPT_DOUBLE } html_script_e;

/* An attribute whose name may be one of ours; places are counted from the tag's '<'. */
typedef struct html_attribute_t {
    apr_uint32_t name, name_size, value, value_size;
    char quote; /* 0: none */
    char first; /* of the name */
} html_attribute_t;

/* A tag with more attributes that may be ours has none of a page's references in the others. */
#define HTML_ATTRIBUTES 64
#define HTML_PEEK       16

/* Which sizes the names of ours have that begin with a letter, by its lowest five bits. */
extern const unsigned short html_sizes_of[32];

struct assets_html_t {
    const assets_judge_t *judge;
    assets_edits_t edits;
    int is_xml;
    int has_base;
    int is_in_body;   /* <body> has begun */
    apr_off_t offset; /* of the stream: where the next chunk begins */
    html_state_e state;

    /* What is being looked at: "<!...", "</..." in raw text, the end of a comment. */
    char peek[HTML_PEEK];
    apr_size_t peek_size;
    char last[3];         /* the last bytes of a comment, with the dashes that open it */
    apr_size_t last_size; /* how many bytes it has so far, up to 5 */
    apr_size_t run;       /* of dashes or brackets before this byte */
    int in_subset;        /* of an XML doctype */

    /* The tag. */
    int is_held; /* its bytes from mark on are wanted */
    int is_end_tag, is_self_closing;
    apr_off_t mark; /* its '<' */
    assets_held_t held;
    char name[ASSETS_ELEMENT_NAME]; /* in lower case */
    apr_size_t name_size;
    apr_size_t name_end; /* from mark */
    html_attribute_t attributes[HTML_ATTRIBUTES];
    apr_size_t attribute_count;
    html_attribute_t attribute; /* being read */
    int has_attribute;

    /* Where in the tree. */
    assets_foreign_t foreign;
    assets_element_e raw; /* the element whose raw text this is */
    html_script_e script;
    int has_css; /* within <style> */
    assets_css_t css;
    html_sheet_t sheet;
};

static inline apr_off_t html_place(const html_chunk_t *chunk, const char *p)
{
    return chunk->offset + (p - chunk->data);
}

static inline void html_let_go(assets_html_t *html)
{
    html->is_held = 0;
    html->held.size = 0;
}

/* Begins a tag whose '<' is at mark; with is_held 0 its attributes are not wanted. */
void html_tag_begin(assets_html_t *html, apr_off_t mark, int is_held);

/* Whether an attribute whose name begins with c and has this size may be one of ours. */
static inline int html_begins_as_ours(char c, apr_size_t size)
{
    return size < 16 && (html_sizes_of[c & 31] >> size & 1);
}

/* Reads on in a tag from p; returns where it stopped. assets_html_tag.c */
const char *html_tag_step(assets_html_t *html, const html_chunk_t *chunk, const char *p);

/* p is the '>' of the tag that was read: judges it, and takes the state that follows. Returns
 * where to read on. assets_html_tag.c */
const char *html_tag_end(assets_html_t *html, const html_chunk_t *chunk, const char *p);

/*
 * Reads on in the data state from p, over all tags that are whole in the chunk and written as most
 * are. Returns where the state that there is then reads on: in HTML_DATA the '<' of what is
 * something else, or the chunk's end. assets_html_whole.c
 */
const char *html_tags_whole(assets_html_t *html, const html_chunk_t *chunk, const char *p);

/* Reads on in raw text. assets_html_raw.c */
const char *html_raw_step(assets_html_t *html, const html_chunk_t *chunk, const char *p);

/* Judges the attributes of the start tag whose bytes, from '<' on, are tag. assets_html_judge.c */
void html_judge(assets_html_t *html, assets_element_e element, const char *tag);

/* Tells the judge of what the tag, a LINK or SCRIPT of size bytes without its '>', has browsers
 * load at once. assets_html_judge.c */
void html_hint(assets_html_t *html, assets_element_e element, const char *tag, apr_size_t size);

#endif
