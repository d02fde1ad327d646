/* SPDX-License-Identifier: Apache-2.0 */
#include "health_line.h"

#include <apr_lib.h>

void health_line_end(health_line_t *line)
{
    if (line->size > 0 && line->text[line->size - 1] == '\r')
        line->size--;
    line->text[line->size] = '\0';
    for (apr_size_t i = 0; i < line->size; i++) {
        if (!apr_isascii(line->text[i]) || !apr_isprint(line->text[i]))
            line->text[i] = '?';
    }
}

health_line_e health_line_feed(health_line_t *line, const char *data, apr_size_t size,
                               apr_size_t *used)
{
    for (apr_size_t i = 0; i < size; i++) {
        *used = i + 1;
        line->taken++;
        if (data[i] == '\n') {
            health_line_end(line);
            return HEALTH_LINE_WHOLE;
        }
        if (line->size == HEALTH_LINE_MAX)
            return HEALTH_LINE_TOO_LONG;
        line->text[line->size++] = data[i];
    }
    *used = size;
    return HEALTH_LINE_MORE;
}

void health_line_next(health_line_t *line)
{
    line->size = 0;
}
