/* SPDX-License-Identifier: Apache-2.0 */
/* Input: the value of a status=, uri=, host=, header=, drain-header= or method= setting. What
 * passes the check must be harmless in a request. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "health_check.h"
#include "health_check_http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_statuses(const char *text)
{
    health_status_set_t set;

    if (health_check_parse_statuses(&set, text))
        return;
    if (set.count < 1 || set.count > HEALTH_STATUS_RANGES)
        abort();
    for (int i = 0; i < set.count; i++) {
        if (set.range[i].first < 100 || set.range[i].last > 599 ||
            set.range[i].first > set.range[i].last ||
            !health_check_status_passes(&set, set.range[i].last))
            abort();
    }
}

static void check_answer_header(const char *text)
{
    static apr_pool_t *pool;
    health_http_line_t line;

    if (!pool && (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS))
        abort();
    apr_pool_clear(pool);
    if (!health_check_parse_header(&line, text, pool) &&
        (!*line.name || strlen(line.name) >= HEALTH_HTTP_NAME || !*line.value ||
         strlen(line.value) >= HEALTH_HTTP_VALUE || strpbrk(line.value, "\r\n")))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    check_statuses(text);
    if (!health_check_uri_error(text) && strpbrk(text, " \t\r\n"))
        abort();
    if (!health_check_host_error(text) && strpbrk(text, " \t\r\n/@"))
        abort();
    if (!health_check_header_error(text) && strpbrk(text, "\r\n"))
        abort();
    if (!health_check_method_error(text) && strpbrk(text, " \t\r\n/"))
        abort();
    check_answer_header(text);
    free(text);
    return 0;
}
