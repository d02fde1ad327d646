/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_stale.h"

/* A client that went is no reason to read longer than that. */
#define ALONE_FOR apr_time_from_sec(30)

/* Of what does not say how long it will be. */
#define UNKNOWN_UP_TO ((apr_size_t)1024 * 1024)

void cache_stale_default(cache_life_t *life, const cache_directives_t *told,
                         const cache_stale_defaults_t *defaults)
{
    if (told->stale_while_revalidate == CACHE_DELTA_NONE && defaults->while_revalidate > 0 &&
        life->lifetime > 0)
        life->stale_while_revalidate = defaults->while_revalidate;
    if (told->stale_if_error == CACHE_DELTA_NONE && defaults->if_error > 0)
        life->stale_if_error = defaults->if_error;
}

void cache_stale_since(cache_life_t *life, apr_time_t at)
{
    apr_interval_time_t age = life->initial_age + (at > life->received ? at - life->received : 0);

    if (apr_time_sec(age) < life->lifetime)
        life->lifetime = apr_time_sec(age);
}

static int is_within(const cache_life_t *life, apr_int64_t seconds, apr_time_t now)
{
    if (life->flags & (CACHE_LIFE_NO_CACHE | CACHE_LIFE_MUST_REVALIDATE))
        return 0;
    return seconds > 0 && cache_freshness_staleness(life, now) <= apr_time_from_sec(seconds);
}

/* A request that will not have what is stored, or not as old, is one to be asked for (RFC 9111
 * section 5.2.1). */
int cache_stale_while_revalidate(const cache_life_t *life, const cache_directives_t *asked,
                                 apr_time_t now)
{
    if ((asked->flags & CACHE_CC_NO_CACHE) || asked->min_fresh >= 0)
        return 0;
    if (asked->max_age >= 0 && cache_freshness_age(life, now) > asked->max_age)
        return 0;
    return is_within(life, life->stale_while_revalidate, now);
}

/* A reload (max-age=0) does not make an error page the better answer. */
int cache_stale_if_error(const cache_life_t *life, const cache_directives_t *asked, apr_time_t now)
{
    if (asked->flags & CACHE_CC_NO_CACHE)
        return 0;
    return is_within(life, life->stale_if_error, now);
}

cache_stale_worth_e cache_stale_worth(const cache_life_t *life, apr_time_t now)
{
    if (cache_freshness_use(life, &cache_directives_none, now) == CACHE_USE_FRESH ||
        cache_stale_while_revalidate(life, &cache_directives_none, now))
        return CACHE_STALE_USABLE;
    return life->lifetime == 0 || (life->flags & CACHE_LIFE_NO_CACHE) ? CACHE_STALE_NEVER
                                                                      : CACHE_STALE_TOO_OLD;
}

int cache_stale_is_error(int status)
{
    return status == 500 || status == 502 || status == 503 || status == 504;
}

cache_flight_state_e cache_stale_outcome(cache_verdict_e verdict, int status, int is_aborted)
{
    if (verdict == CACHE_REFUSED_PURGED || (verdict == CACHE_REFUSED_INCOMPLETE && is_aborted))
        return CACHE_FLIGHT_LOST;
    if (verdict == CACHE_REFUSED_INCOMPLETE || verdict == CACHE_REFUSED_STORE || status >= 500)
        return CACHE_FLIGHT_FAILED;
    return CACHE_FLIGHT_UNCACHEABLE;
}

/* What is announced has been looked at: it is no more than TierCacheMaxSize. */
int cache_stale_is_finished_alone(apr_int64_t announced, apr_size_t size, apr_interval_time_t alone)
{
    return alone <= ALONE_FOR && (announced >= 0 || size <= UNKNOWN_UP_TO);
}
