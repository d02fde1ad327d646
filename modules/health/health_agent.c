/* SPDX-License-Identifier: Apache-2.0 */
#include "health_agent.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>
#include <strings.h>

#include "health_line.h"

#define BETWEEN " \t,"

typedef struct dialogue_t {
    health_line_t line;
    health_agent_t agent;
    int read;
} dialogue_t;

/* Returns the word as a constant where it says that the member is not well, else NULL. */
static const char *down_word(const char *word)
{
    static const char *const words[] = {"down", "fail", "failed", "stopped", "maint"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(word, words[i]) == 0)
            return words[i];
    }
    return NULL;
}

/* Returns 1 and sets the weight where the word is "75%". More than the whole is the whole; nothing
 * is a drain, as a load factor cannot be 0. */
static int read_weight(const char *word, health_advice_t *advice)
{
    apr_size_t digits = strspn(word, "0123456789");
    int percent;

    if (digits == 0 || digits > 6 || strcmp(word + digits, "%") != 0)
        return 0;
    percent = (int)apr_atoi64(word);
    advice->weight = percent > 100 ? 100 : percent < 1 ? 1 : (apr_uint32_t)percent;
    advice->drain |= percent == 0;
    return 1;
}

static void read_word(health_agent_t *agent, const char *word, apr_pool_t *pool)
{
    const char *down = down_word(word);

    if (down)
        agent->down = down;
    else if (strcasecmp(word, "drain") == 0)
        agent->advice.drain = 1;
    else if (strcasecmp(word, "up") != 0 && strcasecmp(word, "ready") != 0 &&
             strncasecmp(word, "maxconn:", 8) != 0 && !read_weight(word, &agent->advice) &&
             !agent->unknown)
        agent->unknown = apr_pstrdup(pool, word);
}

void health_agent_read(health_agent_t *agent, const char *line, apr_pool_t *pool)
{
    char *rest = apr_pstrmemdup(pool, line, strcspn(line, "#"));
    char *last = NULL;
    char *word = apr_strtok(rest, BETWEEN, &last);

    memset(agent, 0, sizeof(*agent));
    agent->advice.weight = 100;
    if (!word)
        agent->unknown = "";
    for (; word; word = apr_strtok(NULL, BETWEEN, &last))
        read_word(agent, word, pool);
}

static const char *agent_request(const health_check_t *check, const char *authority,
                                 apr_pool_t *pool)
{
    (void)authority;
    return check->send ? apr_pstrcat(pool, check->send, "\n", NULL) : "";
}

static void *agent_begin(const health_check_t *check, apr_pool_t *pool)
{
    (void)check;
    return apr_pcalloc(pool, sizeof(dialogue_t));
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
    health_agent_t *agent = &dialogue->agent;

    health_agent_read(agent, text, pool);
    if (agent->unknown)
        return fail("malformed",
                    *agent->unknown
                        ? apr_psprintf(pool, "the agent says \"%s\", which is none of its words",
                                       agent->unknown)
                        : "the agent says nothing",
                    result, pool);
    dialogue->read = 1;
    if (agent->down)
        return fail(agent->down, apr_psprintf(pool, "the agent says \"%s\"", text), result, pool);
    *result = tier_result_ok();
    result->detail = apr_psprintf(pool, "the agent says \"%s\"", text);
    return HEALTH_PASS;
}

static health_verdict_e agent_feed(void *state, const char *data, apr_size_t size,
                                   tier_result_t *result, apr_pool_t *pool)
{
    dialogue_t *dialogue = state;
    apr_size_t used;

    switch (health_line_feed(&dialogue->line, data, size, &used)) {
    case HEALTH_LINE_MORE:
        return HEALTH_MORE;
    case HEALTH_LINE_TOO_LONG:
        return fail("malformed", "the agent's line is longer than 256 bytes", result, pool);
    case HEALTH_LINE_WHOLE:
    default:
        return judge(dialogue, result, pool);
    }
}

/* A line without its end counts when there is something in it. */
static health_verdict_e agent_end(void *state, tier_result_t *result, apr_pool_t *pool)
{
    dialogue_t *dialogue = state;

    if (dialogue->line.size == 0)
        return fail("closed", "the agent closed the connection without a word", result, pool);
    health_line_end(&dialogue->line);
    return judge(dialogue, result, pool);
}

static const health_advice_t *agent_advice(const void *state)
{
    const dialogue_t *dialogue = state;

    return dialogue->read ? &dialogue->agent.advice : NULL;
}

const health_protocol_t health_agent_protocol = {agent_request, agent_begin, agent_feed, agent_end,
                                                 agent_advice};
