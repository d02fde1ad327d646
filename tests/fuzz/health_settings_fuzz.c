/* SPDX-License-Identifier: Apache-2.0 */
/* Input: the value of a status=, uri=, host=, header= or method= setting. What passes the check
 * must be harmless in a request. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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
    free(text);
    return 0;
}
