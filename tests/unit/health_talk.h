/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_TALK_H
#define HEALTH_TALK_H

/* What a protocol of probes makes of an answer, however its bytes arrive. */

#include "health_testing.h"

#include <apr_strings.h>

#include "health_protocol.h"

/* Feeds text in pieces, then closes; returns the line for people, "pass: " before that of a pass.
 */
static inline const char *talk(const health_protocol_t *protocol, const health_check_t *check,
                               const char *text, size_t piece, apr_pool_t *pool)
{
    void *dialogue = protocol->begin(check, pool);
    health_verdict_e verdict = HEALTH_MORE;
    tier_result_t result;

    for (size_t size = strlen(text); size > 0 && verdict == HEALTH_MORE;) {
        size_t part = piece < size ? piece : size;

        verdict = protocol->feed(dialogue, text, part, &result, pool);
        text += part;
        size -= part;
    }
    if (verdict == HEALTH_MORE)
        verdict = protocol->end(dialogue, &result, pool);
    return verdict == HEALTH_PASS ? apr_pstrcat(pool, "pass: ", result.detail, NULL)
                                  : tier_result_text(&result, pool);
}

static inline void check_talk(const health_protocol_t *protocol, const health_check_t *check,
                              const char *text, const char *expected, apr_pool_t *pool)
{
    assert_string_equal(talk(protocol, check, text, strlen(text) + 1, pool), expected);
    assert_string_equal(talk(protocol, check, text, 1, pool), expected);
    assert_string_equal(talk(protocol, check, text, 7, pool), expected);
}

#endif
