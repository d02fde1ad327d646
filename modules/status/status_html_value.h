/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_HTML_VALUE_H
#define STATUS_HTML_VALUE_H

#include <apr_time.h>
#include <webtier/status_provider.h>

#include "status_buffer.h"

/* What all parts of a page are made for. */
typedef struct status_view_t {
    apr_time_t now;     /* what instants are told relative to */
    const char *module; /* whose part it is; NULL: httpd's own */
    const char *url;    /* where forms are sent, escaped as a URL; NULL: there are none */
    const char *token;  /* that they send with */
} status_view_t;

/* The small parts of the page: names, values, moods. Each appends well-formed HTML. */

/* A node's name for people: underscores are spaces. help, or NULL, becomes the tool tip. */
void status_html_name(status_buffer_t *buffer, const char *name, const char *help);

/* A scalar, or an array of scalars as a list with commas, or a small object as "name value, name
 * value", with its mood. */
void status_html_value(status_buffer_t *buffer, const tier_status_node_t *node,
                       const status_view_t *view);

/* A mood as a word in its colour; nothing for NEUTRAL. */
void status_html_badge(status_buffer_t *buffer, tier_status_mood_e mood);

#endif
