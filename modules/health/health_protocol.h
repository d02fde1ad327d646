/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_PROTOCOL_H
#define HEALTH_PROTOCOL_H

#include <apr_pools.h>

#include "health_advice.h"
#include "health_check.h"
#include "result.h"

/*
 * What is said on a probe's connection: one constant record a kind of probe. The functions see
 * bytes only, so that every kind is tested and fuzzed without a socket. One thread at a time.
 */

typedef enum {
    HEALTH_MORE, /* not known yet */
    HEALTH_PASS,
    HEALTH_FAIL,
    HEALTH_VOID /* the fault is on our side (no descriptors left, ...): says nothing about the
                   member */
} health_verdict_e;

typedef struct health_protocol_t {
    /*
     * Returns what is sent once the connection stands (a string from pool), or NULL: the connection
     * is all that was wanted. authority: the member's "name" or "name:port", as the Host header has
     * it.
     */
    const char *(*request)(const health_check_t *check, const char *authority, apr_pool_t *pool);

    /* Returns the state of one dialogue, from pool. NULL where request is NULL. */
    void *(*begin)(const health_check_t *check, apr_pool_t *pool);

    /*
     * Takes the next bytes of the answer (size > 0) and returns HEALTH_MORE, HEALTH_PASS or
     * HEALTH_FAIL. *result is set, from pool, with PASS and FAIL; not called again after that.
     */
    health_verdict_e (*feed)(void *state, const char *data, apr_size_t size, tier_result_t *result,
                             apr_pool_t *pool);

    /* The member closed the connection before a verdict: returns HEALTH_PASS or HEALTH_FAIL, and
     * *result. */
    health_verdict_e (*end)(void *state, tier_result_t *result, apr_pool_t *pool);

    /* Returns what the member advised, after a verdict; NULL: nothing. The function may be NULL. */
    const health_advice_t *(*advice)(const void *state);

    /* Returns 1 after a pass when the connection can take another request: the answer is whole, and
     * the member does not close. The function may be NULL. */
    int (*reusable)(const void *state);
} health_protocol_t;

/* Returns the record for a kind of check; for those that only connect one whose request is NULL;
 * NULL for those that are not made over a connection of ours. Any thread. */
const health_protocol_t *health_protocol_of(health_kind_e kind);

#endif
