/* SPDX-License-Identifier: Apache-2.0 */
#include "status_html_table.h"

#include <apr_tables.h>
#include <string.h>

#include "status_html_value.h"
#include "status_report.h"

int status_html_is_large(const tier_status_node_t *node)
{
    if (node->kind == TIER_STATUS_OBJECT)
        return 1;
    if (node->kind != TIER_STATUS_ARRAY)
        return 0;
    for (const tier_status_node_t *child = node->first; child; child = child->next) {
        if (child->kind == TIER_STATUS_OBJECT || child->kind == TIER_STATUS_ARRAY)
            return 1;
    }
    return 0;
}

/* An object of plain values still fits a cell. */
static int fits_cell(const tier_status_node_t *part)
{
    if (part->kind != TIER_STATUS_OBJECT)
        return !status_html_is_large(part);
    for (const tier_status_node_t *child = part->first; child; child = child->next) {
        if (status_html_is_large(child))
            return 0;
    }
    return 1;
}

int status_html_is_tabular(const tier_status_node_t *array)
{
    for (const tier_status_node_t *row = array->first; row; row = row->next) {
        for (const tier_status_node_t *part = row->first; part; part = part->next) {
            if (!fits_cell(part) && !status_report_is_history(part))
                return 0;
        }
    }
    return 1;
}

void status_html_facts(status_buffer_t *buffer, const tier_status_node_t *object,
                       const char *heading, const status_view_t *view)
{
    int open = 0;

    for (const tier_status_node_t *child = object->first; child; child = child->next) {
        if (status_html_is_large(child) || status_report_is_history(child))
            continue;
        if (heading && child->kind == TIER_STATUS_STRING && child->text == heading)
            continue;
        if (!open)
            status_buffer_text(buffer, "<dl>\n");
        open = 1;
        status_buffer_text(buffer, "<div><dt>");
        status_html_name(buffer, child->name, child->help);
        status_buffer_text(buffer, "</dt><dd>");
        status_html_value(buffer, child, view);
        status_buffer_text(buffer, "</dd></div>\n");
    }
    if (open)
        status_buffer_text(buffer, "</dl>\n");
}

static const tier_status_node_t *find_named(const tier_status_node_t *object, const char *name)
{
    for (const tier_status_node_t *child = object->first; child; child = child->next) {
        if (child->name && strcmp(child->name, name) == 0)
            return child;
    }
    return NULL;
}

static int has_column(const apr_array_header_t *columns, const char *name)
{
    for (int i = 0; i < columns->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(columns, i, const tier_status_node_t *)->name, name) == 0)
            return 1;
    }
    return 0;
}

/* The first node of each name stands for its column. */
static apr_array_header_t *columns_of(const tier_status_node_t *array, apr_pool_t *pool)
{
    apr_array_header_t *columns = apr_array_make(pool, 16, sizeof(const tier_status_node_t *));

    for (const tier_status_node_t *row = array->first; row; row = row->next) {
        for (const tier_status_node_t *cell = row->first; cell; cell = cell->next) {
            if (cell->name && !has_column(columns, cell->name) && !status_report_is_history(cell))
                APR_ARRAY_PUSH(columns, const tier_status_node_t *) = cell;
        }
    }
    return columns;
}

static int is_figure(const tier_status_node_t *node)
{
    return node->kind == TIER_STATUS_INTEGER || node->kind == TIER_STATUS_COUNTER ||
           node->kind == TIER_STATUS_GAUGE || node->kind == TIER_STATUS_DURATION;
}

static void add_head(status_buffer_t *buffer, const apr_array_header_t *columns)
{
    status_buffer_text(buffer, "<tr>");
    for (int i = 0; i < columns->nelts; i++) {
        const tier_status_node_t *column = APR_ARRAY_IDX(columns, i, const tier_status_node_t *);

        status_buffer_format(buffer, "<th scope=\"col\"%s>",
                             is_figure(column) ? " class=\"figure\"" : "");
        status_html_name(buffer, column->name, column->help);
        status_buffer_text(buffer, "</th>");
    }
    status_buffer_text(buffer, "</tr>\n");
}

#define LONG_TEXT 28

/* A long text may wrap; everything else stays on one line, and the table scrolls. */
static const char *cell_start(const tier_status_node_t *cell)
{
    if (cell && is_figure(cell))
        return "<td class=\"figure\">";
    if (cell && cell->kind == TIER_STATUS_STRING && cell->text && strlen(cell->text) > LONG_TEXT)
        return "<td class=\"long\">";
    return "<td>";
}

static void add_row(status_buffer_t *buffer, const tier_status_node_t *row,
                    const apr_array_header_t *columns, const status_view_t *view)
{
    status_buffer_text(buffer, "<tr>");
    for (int i = 0; i < columns->nelts; i++) {
        const tier_status_node_t *column = APR_ARRAY_IDX(columns, i, const tier_status_node_t *);
        const tier_status_node_t *cell = find_named(row, column->name);

        status_buffer_text(buffer, cell_start(cell));
        /* A mood that a row has of its own stands before its first cell. */
        if (i == 0)
            status_html_badge(buffer, row->mood);
        if (cell)
            status_html_value(buffer, cell, view);
        status_buffer_text(buffer, "</td>");
    }
    status_buffer_text(buffer, "</tr>\n");
}

static void add_wide_row(status_buffer_t *buffer, const tier_status_node_t *element, int columns,
                         const status_view_t *view)
{
    status_buffer_format(buffer, "<tr><td colspan=\"%d\">", columns > 0 ? columns : 1);
    status_html_value(buffer, element, view);
    status_buffer_text(buffer, "</td></tr>\n");
}

void status_html_table(status_buffer_t *buffer, const tier_status_node_t *array,
                       const status_view_t *view)
{
    apr_array_header_t *columns = columns_of(array, buffer->pool);

    status_buffer_text(buffer, "<div class=\"wide\"><table>\n");
    if (columns->nelts > 0)
        add_head(buffer, columns);
    for (const tier_status_node_t *row = array->first; row; row = row->next) {
        if (row->kind == TIER_STATUS_OBJECT && columns->nelts > 0)
            add_row(buffer, row, columns, view);
        else
            add_wide_row(buffer, row, columns->nelts, view);
    }
    status_buffer_text(buffer, "</table></div>\n");
}
