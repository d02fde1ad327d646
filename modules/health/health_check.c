/* SPDX-License-Identifier: Apache-2.0 */
#include "health_check.h"

#include <apr_strings.h>

#include <string.h>
#include <strings.h>

/* By health_kind_e. A scheme of NULL: the kind goes with members of every scheme. */
static const struct {
    const char *name;
    apr_port_t port;
    const char *schemes[3];
} kinds[HEALTH_KINDS] = {
    {"http", 0, {"http", "ws"}}, {"https", 0, {"https", "wss"}}, {"tcp", 0, {NULL}},
    {"tls", 0, {NULL}},          {"redis", 6379, {NULL}},        {"memcached", 11211, {NULL}},
    {"agent", 0, {NULL}},        {"mysql", 3306, {NULL}},        {"command", 0, {NULL}}};

const char *health_check_kind_name(health_kind_e kind)
{
    return kinds[kind].name;
}

int health_check_kind_of(const char *word, health_kind_e *kind)
{
    for (int i = 0; i < HEALTH_KINDS; i++) {
        if (strcasecmp(word, kinds[i].name) == 0) {
            *kind = (health_kind_e)i;
            return 1;
        }
    }
    return 0;
}

apr_port_t health_check_kind_port(health_kind_e kind)
{
    return kinds[kind].port;
}

int health_check_any_scheme(health_kind_e kind)
{
    return kinds[kind].schemes[0] == NULL;
}

int health_check_speaks(health_kind_e kind, const char *scheme)
{
    const char *const *schemes = kinds[kind].schemes;

    for (; *schemes; schemes++) {
        if (strcmp(*schemes, scheme) == 0)
            return 1;
    }
    return health_check_any_scheme(kind);
}

int health_check_weighs(const health_check_t *check)
{
    return check->kind == HEALTH_KIND_AGENT || check->agent_port;
}

int health_check_may_drain(const health_check_t *check)
{
    return check->drains.count > 0 || check->drain_header.name || check->drain_body;
}

int health_check_advises(const health_check_t *check)
{
    return check && (health_check_weighs(check) || health_check_may_drain(check));
}

void health_check_defaults(health_check_t *check)
{
    memset(check, 0, sizeof(*check));
    check->kind = HEALTH_KIND_HTTP;
    check->method = "GET";
    check->uri = "/";
    check->headers = "";
    check->limit = HEALTH_BODY_DEFAULT;
    check->reuse = 1;
    check->interval = HEALTH_INTERVAL_DEFAULT;
    check->rise = 2;
    check->fall = 3;
    check->statuses.count = 1;
    check->statuses.range[0].first = 200;
    check->statuses.range[0].last = 399;
}

static const char *settle_times(health_check_t *check, apr_pool_t *pool)
{
    if (check->suspect == 0)
        check->suspect = check->interval;
    if (check->down == 0)
        check->down = check->interval;
    if (check->timeout == 0)
        check->timeout =
            check->interval < HEALTH_TIMEOUT_DEFAULT ? check->interval : HEALTH_TIMEOUT_DEFAULT;
    if (check->timeout <= check->interval)
        return NULL;
    return apr_psprintf(
        pool,
        "timeout=%s is longer than interval=%s: a probe must be over when the next one "
        "begins, so timeout may be up to interval",
        health_check_time_text(check->timeout, pool),
        health_check_time_text(check->interval, pool));
}

static const char *settle_agent(health_check_t *check)
{
    if (check->agent_interval && !check->agent_port)
        return "agent-interval= goes with agent-port= only";
    if (check->agent_port && health_check_may_drain(check))
        return "drain=, drain-header= and drain-body= do not go with agent-port=: the agent says "
               "when the member drains";
    if (check->agent_port && !check->agent_interval)
        check->agent_interval = check->interval;
    return NULL;
}

static const char *settle_http(const health_check_t *check)
{
    if (strcmp(check->uri, "*") == 0 && strcmp(check->method, "OPTIONS") != 0)
        return "uri=* goes with method=OPTIONS only: give a path that begins with /";
    if (strcmp(check->method, "HEAD") == 0 && (check->body || check->match || check->drain_body))
        return "body=, match= and drain-body= do not go with method=HEAD, whose answers have no "
               "body";
    return NULL;
}

static const char *settle_service(const health_check_t *check)
{
    if (check->kind == HEALTH_KIND_AGENT && check->port == 0)
        return "agent needs port=, the port on which the agents of the members listen";
    if (check->kind == HEALTH_KIND_MYSQL && !check->user)
        return "mysql needs user=, an account that may log in from this host";
    if (check->kind == HEALTH_KIND_MYSQL && check->expect && !check->query)
        return "expect= goes with query= only: it is what the query's first field must be";
    if (check->kind == HEALTH_KIND_REDIS && check->user && !check->password)
        return "user= goes with passwordfile= only";
    if (check->kind == HEALTH_KIND_COMMAND && !check->command)
        return "command needs run=, the program and its arguments";
    return NULL;
}

const char *health_check_settle(health_check_t *check, apr_pool_t *pool)
{
    const char *problem = settle_times(check, pool);

    if (!problem)
        problem = settle_agent(check);
    if (!problem)
        problem = settle_http(check);
    return problem ? problem : settle_service(check);
}

const char *health_check_time_text(apr_interval_time_t time, apr_pool_t *pool)
{
    if (time % APR_USEC_PER_SEC == 0)
        return apr_psprintf(pool, "%" APR_TIME_T_FMT "s", time / APR_USEC_PER_SEC);
    if (time % 1000 == 0)
        return apr_psprintf(pool, "%" APR_TIME_T_FMT "ms", time / 1000);
    return apr_psprintf(pool, "%" APR_TIME_T_FMT "us", time);
}

static const char *what_text(const health_check_t *check, apr_pool_t *pool)
{
    const char *name = health_check_kind_name(check->kind);

    if (check->kind == HEALTH_KIND_HTTP || check->kind == HEALTH_KIND_HTTPS)
        name = apr_pstrcat(pool, name, " ", check->method, " ", check->uri, NULL);
    if (check->kind == HEALTH_KIND_COMMAND)
        name = apr_pstrcat(pool, name, " ", check->command[0], NULL);
    if (check->address)
        name = apr_pstrcat(pool, name, " at ", check->address, NULL);
    if (check->port)
        name = apr_psprintf(pool, "%s port %u", name, (unsigned)check->port);
    return name;
}

const char *health_check_text(const health_check_t *check, apr_pool_t *pool)
{
    const char *text = apr_psprintf(pool, "%s every %s", what_text(check, pool),
                                    health_check_time_text(check->interval, pool));

    if (check->suspect != check->interval && check->suspect)
        text = apr_pstrcat(pool, text, " (suspect ", health_check_time_text(check->suspect, pool),
                           ")", NULL);
    if (check->down != check->interval && check->down)
        text = apr_pstrcat(pool, text, " (down ", health_check_time_text(check->down, pool), ")",
                           NULL);
    if (check->agent_port)
        text = apr_psprintf(pool, "%s, agent port %u every %s", text, (unsigned)check->agent_port,
                            health_check_time_text(check->agent_interval, pool));
    return apr_psprintf(pool, "%s, timeout %s, rise %u, fall %u", text,
                        health_check_time_text(check->timeout, pool), check->rise, check->fall);
}
