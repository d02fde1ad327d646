/* SPDX-License-Identifier: Apache-2.0 */
/* Input: two bytes that say in what pieces the rest, a whole answer with its body, arrives. */
#include <apr_general.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "health_http_dialogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static health_verdict_e answer(const health_check_t *check, const char *text, size_t size,
                               size_t piece, tier_result_t *result, apr_pool_t *pool)
{
    void *dialogue = health_http_protocol.begin(check, pool);
    health_verdict_e verdict = HEALTH_MORE;

    while (size > 0 && verdict == HEALTH_MORE) {
        size_t part = piece < size ? piece : size;

        verdict = health_http_protocol.feed(dialogue, text, part, result, pool);
        text += part;
        size -= part;
    }
    return verdict == HEALTH_MORE ? health_http_protocol.end(dialogue, result, pool) : verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *all;
    tier_result_t whole, pieces;
    health_check_t check;
    health_verdict_e verdict;
    apr_pool_t *pool;

    if (size < 2)
        return 0;
    if (!all) {
        apr_initialize();
        apr_pool_create(&all, NULL);
    }
    apr_pool_create(&pool, all);
    health_check_defaults(&check);
    check.body = "ok";
    check.limit = HEALTH_BODY_MIN;
    verdict = answer(&check, (const char *)data + 2, size - 2, size, &whole, pool);
    if (verdict != answer(&check, (const char *)data + 2, size - 2,
                          1 + data[0] + 256U * (data[1] % 8), &pieces, pool))
        abort();
    if ((verdict == HEALTH_PASS) != (whole.problem == NULL))
        abort();
    apr_pool_destroy(pool);
    return 0;
}
