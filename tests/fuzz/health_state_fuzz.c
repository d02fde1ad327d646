/* SPDX-License-Identifier: Apache-2.0 */
/* Input: what follows the first line of a state file; the line itself is put before it, right. */
#include <apr_general.h>
#include <apr_strings.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "health_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(void *visitor, const health_record_t *record)
{
    (void)visitor;
    if (!*record->key.balancer || !*record->key.member || record->member.state > HEALTH_DOWN ||
        record->member.mode > HEALTH_MODE_MAINTENANCE)
        abort();
    for (apr_uint32_t i = 0; i < HEALTH_HISTORY; i++) {
        if (!memchr(record->member.history[i].reason, '\0', HEALTH_TEXT))
            abort();
    }
}

static apr_uint64_t checksum(const uint8_t *data, size_t size)
{
    apr_uint64_t hash = APR_UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ data[i]) * APR_UINT64_C(0x100000001b3);
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int ready;
    apr_pool_t *pool;
    char *text;
    int head;

    if (!ready && apr_initialize() != APR_SUCCESS)
        abort();
    ready = 1;
    apr_pool_create(&pool, NULL);
    text = apr_palloc(pool, size + 64);
    head = apr_snprintf(text, 64, "webtier-health-state 1 %016" APR_UINT64_T_HEX_FMT "\n",
                        checksum(data, size));
    memcpy(text + head, data, size);
    text[(size_t)head + size] = '\0';
    health_state_decode(text, (size_t)head + size, check, NULL, pool);
    health_state_decode(text + head, size, check, NULL, pool);
    apr_pool_destroy(pool);
    return 0;
}
