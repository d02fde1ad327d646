/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a byte that says in what pieces the rest arrives, which is the answer of a Redis server, a
 * memcached server and an agent. However the bytes arrive, they mean the same. */
#include <apr_general.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "health_agent.h"
#include "health_memcached.h"
#include "health_redis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static health_verdict_e answer(const health_protocol_t *protocol, const health_check_t *check,
                               const char *text, size_t size, size_t piece, apr_pool_t *pool)
{
    void *dialogue = protocol->begin(check, pool);
    health_verdict_e verdict = HEALTH_MORE;
    const health_advice_t *advice;
    tier_result_t result;

    while (size > 0 && verdict == HEALTH_MORE) {
        size_t part = piece < size ? piece : size;

        verdict = protocol->feed(dialogue, text, part, &result, pool);
        text += part;
        size -= part;
    }
    if (verdict == HEALTH_MORE)
        verdict = protocol->end(dialogue, &result, pool);
    advice = protocol->advice ? protocol->advice(dialogue) : NULL;
    if (advice && (advice->weight < 1 || advice->weight > 100 || advice->drain > 1))
        abort();
    for (const char *c = result.detail; c && *c; c++) {
        if (*c < ' ' || *c > '~')
            abort();
    }
    return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const health_protocol_t *const protocols[] = {
        &health_agent_protocol, &health_memcached_protocol, &health_redis_protocol};
    static apr_pool_t *all;
    health_check_t check;
    apr_pool_t *pool;

    if (size < 1)
        return 0;
    if (!all) {
        apr_initialize();
        apr_pool_create(&all, NULL);
    }
    apr_pool_create(&pool, all);
    health_check_defaults(&check);
    check.password = data[0] & 1 ? "x" : NULL;
    for (size_t i = 0; i < 3; i++) {
        const char *text = (const char *)data + 1;

        if (answer(protocols[i], &check, text, size - 1, size, pool) !=
            answer(protocols[i], &check, text, size - 1, 1U + data[0], pool))
            abort();
    }
    apr_pool_destroy(pool);
    return 0;
}
