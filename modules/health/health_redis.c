/* SPDX-License-Identifier: Apache-2.0 */
#include "health_redis.h"

#include <apr_strings.h>

#include <string.h>

#include "health_line.h"

typedef struct dialogue_t {
    int authenticates; /* the answer to AUTH comes first */
    health_line_t line;
} dialogue_t;

/* One bulk string (RESP): whatever bytes it has, they end no command. */
static const char *bulk(const char *text, apr_pool_t *pool)
{
    return apr_psprintf(pool, "$%" APR_SIZE_T_FMT "\r\n%s\r\n", strlen(text), text);
}

static const char *redis_request(const health_check_t *check, const char *authority,
                                 apr_pool_t *pool)
{
    static const char ping[] = "*1\r\n$4\r\nPING\r\n";

    (void)authority;
    if (!check->password)
        return ping;
    return apr_pstrcat(pool, check->user ? "*3\r\n" : "*2\r\n", bulk("AUTH", pool),
                       check->user ? bulk(check->user, pool) : "", bulk(check->password, pool),
                       ping, NULL);
}

static void *redis_begin(const health_check_t *check, apr_pool_t *pool)
{
    dialogue_t *dialogue = apr_pcalloc(pool, sizeof(*dialogue));

    dialogue->authenticates = check->password != NULL;
    return dialogue;
}

static int begins_with(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* What Redis answers to somebody whom it does not let do that. */
static int is_denial(const char *error)
{
    return begins_with(error, "NOAUTH") || begins_with(error, "WRONGPASS") ||
           begins_with(error, "NOPERM") || begins_with(error, "DENIED") ||
           begins_with(error, "ERR invalid password") || begins_with(error, "ERR AUTH") ||
           begins_with(error, "ERR Client sent AUTH");
}

static health_verdict_e fail(const char *word, const char *text, tier_result_t *result,
                             apr_pool_t *pool)
{
    *result = tier_result_fail(pool, APR_EGENERAL, word, "%s", text);
    return HEALTH_FAIL;
}

static health_verdict_e judge(dialogue_t *dialogue, tier_result_t *result, apr_pool_t *pool)
{
    const char *text = dialogue->line.text;

    if (*text == '-')
        return fail(is_denial(text + 1) ? "denied" : "bad_answer", text + 1, result, pool);
    if (dialogue->authenticates && strcmp(text, "+OK") == 0) {
        dialogue->authenticates = 0;
        health_line_next(&dialogue->line);
        return HEALTH_MORE;
    }
    if (dialogue->authenticates || strcmp(text, "+PONG") != 0)
        return fail("malformed", "the answer is not that of a Redis server", result, pool);
    *result = tier_result_ok();
    result->detail = "PONG";
    return HEALTH_PASS;
}

static health_verdict_e redis_feed(void *state, const char *data, apr_size_t size,
                                   tier_result_t *result, apr_pool_t *pool)
{
    dialogue_t *dialogue = state;
    health_verdict_e verdict = HEALTH_MORE;

    while (size > 0 && verdict == HEALTH_MORE) {
        apr_size_t used;
        health_line_e line = health_line_feed(&dialogue->line, data, size, &used);

        if (line == HEALTH_LINE_TOO_LONG)
            return fail("malformed", "the answer is not that of a Redis server", result, pool);
        if (line == HEALTH_LINE_WHOLE)
            verdict = judge(dialogue, result, pool);
        data += used;
        size -= used;
    }
    return verdict;
}

static health_verdict_e redis_end(void *state, tier_result_t *result, apr_pool_t *pool)
{
    (void)state;
    return fail("closed", "the member closed the connection before it answered", result, pool);
}

const health_protocol_t health_redis_protocol = {redis_request, redis_begin, redis_feed, redis_end};
