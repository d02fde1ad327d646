/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_JSON_H
#define STATUS_JSON_H

#include <webtier/status_provider.h>

#include "status_buffer.h"

/*
 * Appends the tree as one JSON value (RFC 8259), indented, with a line feed at its end. Members
 * keep the tree's order. Durations are seconds; instants RFC 3339 strings, null for "never"; a
 * string that is NULL is null. An object that is to be read as good, degraded or bad says so in a
 * first member "mood", unless it has one of its own.
 */
void status_json_render(status_buffer_t *buffer, const tier_status_node_t *root);

#endif
