/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_RESULT_H
#define TIER_RESULT_H

#include <apr_errno.h>
#include <apr_pools.h>

/*
 * What came of an attempt, in words: the log line, the status page and an event all print the same
 * object. A plain value: one thread at a time; copied by assignment as long as its pool lives.
 */
typedef struct tier_result_t {
    apr_status_t status; /* APR_SUCCESS, or why not */
    const char *problem; /* a fixed token ("timeout", "refused", ...); NULL on success */
    const char *detail;  /* a sentence for people, without a final stop; NULL: nothing to add */
} tier_result_t;

/* Returns the result of success. Any thread. */
tier_result_t tier_result_ok(void);

/*
 * Returns a failed result. problem must be a string constant; the sentence is formatted into pool,
 * which must outlive the result. status APR_SUCCESS is turned into APR_EGENERAL. Any thread.
 */
tier_result_t tier_result_fail(apr_pool_t *pool, apr_status_t status, const char *problem,
                               const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * Returns one line, "problem: detail (status text)" or "ok", from pool; the text of APR_EGENERAL
 * says nothing and is left out. Never NULL. Any thread.
 */
const char *tier_result_text(const tier_result_t *result, apr_pool_t *pool);

#endif
