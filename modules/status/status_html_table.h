/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_HTML_TABLE_H
#define STATUS_HTML_TABLE_H

#include <webtier/status_provider.h>

#include "status_html_value.h"

/* Returns non-zero for a part that needs more room than a cell: an object, or an array that holds
 * one. */
int status_html_is_large(const tier_status_node_t *node);

/* Returns non-zero when array's objects fit the rows of one table: their parts fit cells, or are
 * histories. */
int status_html_is_tabular(const tier_status_node_t *array);

/*
 * Appends a list of name and value of object's small parts; nothing when it has none. heading: the
 * string of object that stands above as its heading already and is left out, or NULL.
 */
void status_html_facts(status_buffer_t *buffer, const tier_status_node_t *object,
                       const char *heading, const status_view_t *view);

/*
 * Appends a table with a row for each object of array, and a column for each name that any of them
 * has, in the order of first appearance; histories have none. Elements that are no objects have a
 * row with one wide cell.
 */
void status_html_table(status_buffer_t *buffer, const tier_status_node_t *array,
                       const status_view_t *view);

#endif
