/* SPDX-License-Identifier: Apache-2.0 */
#include "health_memcached.h"

#include <apr_strings.h>

#include <string.h>

#include "health_line.h"

static const char *memcached_request(const health_check_t *check, const char *authority,
                                     apr_pool_t *pool)
{
    (void)check;
    (void)authority;
    (void)pool;
    return "version\r\n";
}

static void *memcached_begin(const health_check_t *check, apr_pool_t *pool)
{
    (void)check;
    return apr_pcalloc(pool, sizeof(health_line_t));
}

static health_verdict_e judge(const health_line_t *line, tier_result_t *result, apr_pool_t *pool)
{
    static const char version[] = "VERSION ";

    if (strncmp(line->text, version, sizeof(version) - 1) == 0) {
        *result = tier_result_ok();
        result->detail = apr_pstrcat(pool, "version ", line->text + sizeof(version) - 1, NULL);
        return HEALTH_PASS;
    }
    /* "ERROR Too many open connections", "SERVER_ERROR out of memory", ... */
    if (strncmp(line->text, "ERROR", 5) == 0 || strncmp(line->text, "SERVER_ERROR", 12) == 0)
        *result = tier_result_fail(pool, APR_EGENERAL, "bad_answer", "%s", line->text);
    else
        *result = tier_result_fail(pool, APR_EGENERAL, "malformed",
                                   "the answer is not that of a memcached server");
    return HEALTH_FAIL;
}

static health_verdict_e memcached_feed(void *state, const char *data, apr_size_t size,
                                       tier_result_t *result, apr_pool_t *pool)
{
    health_line_t *line = state;
    apr_size_t used;

    switch (health_line_feed(line, data, size, &used)) {
    case HEALTH_LINE_MORE:
        return HEALTH_MORE;
    case HEALTH_LINE_TOO_LONG:
        line->text[0] = '\0';
        return judge(line, result, pool);
    case HEALTH_LINE_WHOLE:
    default:
        return judge(line, result, pool);
    }
}

static health_verdict_e memcached_end(void *state, tier_result_t *result, apr_pool_t *pool)
{
    (void)state;
    *result = tier_result_fail(pool, APR_EGENERAL, "closed",
                               "the member closed the connection before it answered");
    return HEALTH_FAIL;
}

const health_protocol_t health_memcached_protocol = {memcached_request, memcached_begin,
                                                     memcached_feed, memcached_end};
