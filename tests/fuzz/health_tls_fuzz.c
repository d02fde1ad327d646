/* SPDX-License-Identifier: Apache-2.0 */
/* Input: what a member answers to the beginning of a TLS handshake; its first byte says in what
 * pieces. */
#include <apr_general.h>
#include <stdint.h>
#include <stdlib.h>

#include "health_tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const health_tls_settings_t settings = {.chain = 1, .name = 1, .expiry = 1};
    static const health_tls_context_t *context;
    static apr_pool_t *all;
    health_tls_e state = HEALTH_TLS_SHAKING;
    tier_result_t problem;
    health_tls_t *tls;
    apr_pool_t *pool;
    char bytes[4096];

    if (size < 1)
        return 0;
    if (!all) {
        apr_initialize();
        atexit(apr_terminate); /* frees the context, for those who look for leaks */
        apr_pool_create(&all, NULL);
        if (health_tls_context_create(&context, &settings, all))
            abort();
    }
    apr_pool_create(&pool, all);
    tls = health_tls_begin(context, "a.example", pool);
    health_tls_feed(tls, "", 0, &problem, pool);
    for (size_t at = 1; at < size && state == HEALTH_TLS_SHAKING;) {
        size_t part = 1U + data[0] < size - at ? 1U + data[0] : size - at;

        state = health_tls_feed(tls, (const char *)data + at, part, &problem, pool);
        at += part;
        while (health_tls_output(tls, bytes, sizeof(bytes)) > 0)
            continue;
    }
    if (state == HEALTH_TLS_OPEN || (state == HEALTH_TLS_FAILED && !problem.problem))
        abort(); /* nobody can finish the handshake without having seen ours */
    apr_pool_destroy(pool);
    return 0;
}
