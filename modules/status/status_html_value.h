/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_HTML_VALUE_H
#define STATUS_HTML_VALUE_H

#include <apr_time.h>
#include <webtier/status_provider.h>

#include "status_buffer.h"

/* The small parts of the page: names, values, moods. Each appends well-formed HTML. */

/* A node's name for people: underscores are spaces. help, or NULL, becomes the tool tip. */
void status_html_name(status_buffer_t *buffer, const char *name, const char *help);

/* A scalar, or an array of scalars as a list with commas, or a small object as "name value, name
 * value", with its mood. now: what instants are told relative to. */
void status_html_value(status_buffer_t *buffer, const tier_status_node_t *node, apr_time_t now);

/* A mood as a word in its colour; nothing for NEUTRAL. */
void status_html_badge(status_buffer_t *buffer, tier_status_mood_e mood);

#endif
