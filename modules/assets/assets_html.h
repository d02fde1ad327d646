/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_HTML_H
#define ASSETS_HTML_H

#include "assets_edit.h"

/*
 * Finds the references of an HTML page in a stream of bytes, after the tokenization of the HTML
 * standard (section 13.2.5), and what its tree construction tells the tokenizer: elements of raw
 * text (script, style, textarea, title, ...) and CDATA sections of SVG and MathML. Known are src,
 * href, srcset, imagesrcset, poster, data of <object>, formaction, xlink:href, background, style,
 * the refresh of <meta>, and the contents of <style>, in SVG and XHTML too.
 *
 * Can be stopped at any byte; where the bytes are cut into chunks makes no difference to what is
 * found. Memory is bounded: only the start tag or url(), or the <style> of SVG or XHTML, in which a
 * chunk ends is copied, up to ASSETS_HELD_MAX; a longer one passes unread. Time is linear. The
 * charset must be one in which ASCII bytes are ASCII characters wherever they mean something in
 * HTML (assets_charset.h).
 *
 * One thread.
 */
typedef struct assets_html_t assets_html_t;

/*
 * Returns a scanner for one page. is_xml: the page is XHTML as XML (RFC 3236): no raw text, CDATA
 * everywhere. judge must outlive it.
 */
assets_html_t *assets_html_create(const assets_judge_t *judge, int is_xml, apr_pool_t *pool);

/*
 * Reads the next bytes. Returns the edits found, in the order of the stream, which live until the
 * next call; all edits before assets_html_safe are known then. NULL: none.
 */
const apr_array_header_t *assets_html_feed(assets_html_t *html, const char *data, apr_size_t size);

/* The page is over; returns as assets_html_feed does. */
const apr_array_header_t *assets_html_end(assets_html_t *html);

/* Returns up to where of the stream nothing will be changed any more. */
apr_off_t assets_html_safe(const assets_html_t *html);

#endif
