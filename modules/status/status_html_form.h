/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_HTML_FORM_H
#define STATUS_HTML_FORM_H

#include "status_html_value.h"

/* Appends a form with a button for each action of an ACTIONS node; nothing to press, but the words,
 * where the view has no forms. */
void status_html_form(status_buffer_t *buffer, const tier_status_node_t *actions,
                      const status_view_t *view);

#endif
