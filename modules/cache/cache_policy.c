/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_policy.h"
#include "cache_freshness.h"
#include "cache_pattern.h"

#include <string.h>

static int is_fallback_status(int status)
{
    static const int statuses[] = {200, 203, 204, 300, 301, 308, 404, 405, 410, 414};

    for (apr_size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (status == statuses[i])
            return 1;
    }
    return 0;
}

static int says_no_cache(const cache_exchange_t *exchange)
{
    if (exchange->told->flags & CACHE_CC_NO_CACHE)
        return 1;
    return !apr_table_get(exchange->response, "Cache-Control") &&
           cache_text_list_has(apr_table_get(exchange->response, "Pragma"), "no-cache");
}

/* What does not even say what it is may be no HTTP at all: mod_proxy makes a 200 of that. */
static int may_fall_back(const cache_exchange_t *exchange)
{
    return is_fallback_status(exchange->status) && !says_no_cache(exchange) &&
           (exchange->status != 200 || apr_table_get(exchange->response, "Content-Type"));
}

static apr_int64_t explicit_lifetime(const cache_exchange_t *exchange)
{
    static const cache_heuristic_t none = {0, 0};
    cache_life_t life;

    cache_freshness_life(&life, exchange, &none);
    return life.lifetime;
}

/* s-maxage keeps meaning proxy-revalidate: only its number changes. */
static void set_lifetime(cache_directives_t *told, apr_int64_t seconds)
{
    if (told->s_maxage != CACHE_DELTA_NONE) {
        told->s_maxage = seconds;
    } else {
        told->max_age = seconds;
    }
}

static apr_int64_t within(const cache_policy_t *policy, apr_int64_t seconds)
{
    if (policy->shortest > 0 && seconds < policy->shortest)
        return policy->shortest;
    return policy->longest > 0 && seconds > policy->longest ? policy->longest : seconds;
}

void cache_policy_apply(const cache_policy_t *policy, const cache_exchange_t *exchange,
                        cache_directives_t *told)
{
    if (!cache_freshness_is_explicit(exchange)) {
        if (policy->fallback > 0 && may_fall_back(exchange))
            told->max_age = policy->fallback;
        return;
    }
    if (policy->shortest > 0 || policy->longest > 0)
        set_lifetime(told, within(policy, explicit_lifetime(exchange)));
}

/* The name of "name=value; attributes". */
static cache_span_t cookie_name(const char *line)
{
    cache_span_t name = {line, strcspn(line, "=;")};

    return cache_text_trim(name);
}

void cache_policy_drop_cookies(const cache_policy_t *policy, apr_table_t *response)
{
    const char *line;
    int at = 0;

    if (!policy->cookies)
        return;
    while ((line = cache_text_line(response, "Set-Cookie", &at)) != NULL) {
        if (!cache_pattern_any(policy->cookies, cookie_name(line)))
            return;
    }
    apr_table_unset(response, "Set-Cookie");
}
