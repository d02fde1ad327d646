/* SPDX-License-Identifier: Apache-2.0 */
#include "status_html_form.h"

#include <apr_strings.h>

#include "status_escape.h"

static void add_hidden(status_buffer_t *buffer, const char *name, const char *value)
{
    status_buffer_format(buffer, "<input type=\"hidden\" name=\"%s\" value=\"", name);
    status_escape_html(buffer, value);
    status_buffer_text(buffer, "\"/>");
}

static void add_button(status_buffer_t *buffer, const char *word, int can_press)
{
    status_buffer_format(buffer, "<button%s name=\"action\" value=\"",
                         can_press ? "" : " disabled=\"disabled\"");
    status_escape_html(buffer, word);
    status_buffer_text(buffer, "\">");
    status_escape_html(buffer, word);
    status_buffer_text(buffer, "</button>");
}

static void add_buttons(status_buffer_t *buffer, const char *words, int can_press)
{
    char *last = NULL;
    char *copy = apr_pstrdup(buffer->pool, words);

    for (char *word = apr_strtok(copy, " ", &last); word; word = apr_strtok(NULL, " ", &last))
        add_button(buffer, word, can_press);
}

void status_html_form(status_buffer_t *buffer, const tier_status_node_t *actions,
                      const status_view_t *view)
{
    if (!view->url || !view->module) {
        add_buttons(buffer, actions->text, 0);
        return;
    }
    status_buffer_text(buffer, "<form method=\"post\" action=\"");
    status_escape_html(buffer, view->url);
    status_buffer_text(buffer, "\">");
    add_hidden(buffer, "token", view->token);
    add_hidden(buffer, "module", view->module);
    add_hidden(buffer, "target", actions->target);
    add_buttons(buffer, actions->text, 1);
    status_buffer_text(buffer, "</form>");
}
