/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_HTML_H
#define STATUS_HTML_H

#include "status_buffer.h"
#include "status_report.h"

/*
 * The page's policy: nothing is loaded and nothing runs. The one style sheet, inside the page, is
 * named by its SHA-256; a test compares the two.
 */
#define STATUS_HTML_STYLE_HASH "Q9wdZNChpxAfO9/iodnSFAcrKrCQ5K4aaSt5DQVrnDg="
#define STATUS_HTML_POLICY_OF(forms)                                                               \
    "default-src 'none'; style-src 'sha256-" STATUS_HTML_STYLE_HASH "'; base-uri 'none'; "         \
    "form-action " forms "; frame-ancestors 'none'"
#define STATUS_HTML_POLICY       STATUS_HTML_POLICY_OF("'none'")
#define STATUS_HTML_POLICY_FORMS STATUS_HTML_POLICY_OF("'self'") /* for who may act */

/*
 * Appends the page, well-formed as XML too, that shows report to a person. page_url: the URL of the
 * page, escaped as a URL, without a slash at its end, for its links. refresh: seconds after which
 * the browser asks again, 0 for never. An array of objects becomes a table, or, when the objects
 * have large parts of their own, a section each, headed by the object's first string; a history
 * becomes a drawer. Each mood is a word or a sign, not only a colour.
 */
void status_html_render(status_buffer_t *buffer, const status_report_t *report,
                        const char *page_url, int refresh);

#endif
