/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>

#define LONGEST_LINE 1024

void tier_log(const tier_log_t *log, const char *file, int line, int level, apr_status_t status,
              const char *format, ...)
{
    char message[LONGEST_LINE];
    va_list arguments;

    if (!log) {
        return;
    }
    va_start(arguments, format);
    if (vsnprintf(message, sizeof(message), format, arguments) < 0) {
        message[0] = '\0';
    }
    va_end(arguments);
    log->write(log->baton, file, line, level, status, message);
}
