/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_HTML_SHEET_H
#define ASSETS_HTML_SHEET_H

/* A <style> that is no raw text, as in SVG and XHTML: within assets_html.h. */

#include "assets_held.h"
#include "assets_html.h"

/* A chunk and where it stands. */
typedef struct html_chunk_t {
    const char *data, *end;
    apr_off_t offset;
} html_chunk_t;

/* Text of a <style> that is no raw text; places are counted from the sheet's mark. */
typedef struct html_stretch_t {
    apr_uint32_t from, to;
    int is_cdata;
} html_stretch_t;

/* A sheet with more of them, divided by comments and CDATA sections, passes unread. */
#define HTML_STRETCHES 32

typedef struct html_sheet_t {
    int is_open;
    apr_off_t mark;  /* behind its start tag; its bytes from there on are held */
    apr_off_t cdata; /* where the CDATA section begins that is being read */
    html_stretch_t stretches[HTML_STRETCHES];
    apr_size_t count;
    assets_held_t held;
} html_sheet_t;

/* The <style> whose start tag ends before mark is no raw text. The rest of these is for while the
 * sheet is open. */
void html_sheet_begin(assets_html_t *html, apr_off_t mark);

/* Those bytes of the stream are its text. */
void html_sheet_add(assets_html_t *html, apr_off_t from, apr_off_t to, int is_cdata);

/* The chunk ends within it; nothing happens where there is none. */
void html_sheet_keep(assets_html_t *html, const html_chunk_t *chunk);

/* p is the '>' of a tag in it: judges its references when that is its end tag, and lets it go. */
void html_sheet_tag(assets_html_t *html, const html_chunk_t *chunk, const char *p);

/* Lets it go unread. */
void html_sheet_drop(assets_html_t *html);

#endif
