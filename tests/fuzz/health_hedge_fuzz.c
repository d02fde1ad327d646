/* SPDX-License-Identifier: Apache-2.0 */
/* Input: the beginning of an answer. What is said of a part of it is never taken back by the rest.
 */
#include <stdint.h>
#include <stdlib.h>

#include "health_hedge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    health_beginning_e before = HEALTH_BEGINNING_SHORT;
    int status_before = 0;

    for (size_t part = 0; part <= size && part < 2 * HEALTH_BEGINNING_SIZE; part++) {
        int status = 0;
        health_beginning_e now = health_hedge_beginning(bytes, part, &status);

        if (before != HEALTH_BEGINNING_SHORT && (now != before || status != status_before))
            abort();
        if (now == HEALTH_BEGINNING_HTTP ? status < 100 || status > 599 : status != 0)
            abort();
        if (now == HEALTH_BEGINNING_SHORT && part >= HEALTH_BEGINNING_SIZE)
            abort();
        before = now;
        status_before = status;
    }
    return 0;
}
