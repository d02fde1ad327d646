/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_freshness.h"
#include "cache_date.h"

#include <string.h>

/* How long past its freshness a response is kept, with a validator and without. */
#define KEEP_WITH_VALIDATOR    apr_time_from_sec(86400)
#define KEEP_WITHOUT_VALIDATOR apr_time_from_sec(60)

int cache_freshness_is_explicit(const cache_exchange_t *exchange)
{
    const cache_directives_t *told = exchange->told;

    if (told->s_maxage != CACHE_DELTA_NONE || told->max_age != CACHE_DELTA_NONE)
        return 1;
    return !(told->flags & CACHE_CC_TARGETED) &&
           apr_table_get(exchange->response, "Expires") != NULL;
}

apr_time_t cache_freshness_date(const apr_table_t *response, apr_time_t received)
{
    const char *text = apr_table_get(response, "Date");
    apr_time_t date;

    return text && cache_date_parse(text, received, &date) ? date : received;
}

static apr_int64_t bounded(apr_int64_t seconds)
{
    if (seconds < 0)
        return 0;
    return seconds > CACHE_DELTA_MAX ? CACHE_DELTA_MAX : seconds;
}

/*
 * Section 5.3: an invalid Expires, and so one of several lines that differ, is a time in the past.
 */
static apr_int64_t lifetime_of_expires(const cache_exchange_t *exchange)
{
    apr_time_t expires;
    int at = 0;
    const char *text = cache_text_line(exchange->response, "Expires", &at);

    if (cache_text_line(exchange->response, "Expires", &at) ||
        !cache_date_parse(text, exchange->received, &expires))
        return 0;
    return bounded(
        apr_time_sec(expires - cache_freshness_date(exchange->response, exchange->received)));
}

/* RFC 9110 section 15.1, without 206: parts are not stored. */
static int is_heuristic_status(int status)
{
    static const int statuses[] = {200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501};

    for (apr_size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (status == statuses[i])
            return 1;
    }
    return 0;
}

static apr_int64_t guess(const cache_exchange_t *exchange, const cache_heuristic_t *heuristic)
{
    const char *text = apr_table_get(exchange->response, "Last-Modified");
    apr_int64_t since;
    apr_time_t modified;

    if (!text || !cache_date_parse(text, exchange->received, &modified))
        return 0;
    since = apr_time_sec(cache_freshness_date(exchange->response, exchange->received) - modified);
    since = bounded(since) * heuristic->percent / 100;
    return since > heuristic->longest ? heuristic->longest : since;
}

static apr_int64_t heuristic_lifetime(const cache_exchange_t *exchange,
                                      const cache_heuristic_t *heuristic)
{
    if (!(exchange->told->flags & CACHE_CC_PUBLIC) &&
        (!is_heuristic_status(exchange->status) || apr_table_get(exchange->request, "Cookie")))
        return 0;
    return guess(exchange, heuristic);
}

int cache_freshness_is_withheld(const cache_exchange_t *exchange,
                                const cache_heuristic_t *heuristic)
{
    return !cache_freshness_is_explicit(exchange) && is_heuristic_status(exchange->status) &&
           !(exchange->told->flags & CACHE_CC_PUBLIC) &&
           apr_table_get(exchange->request, "Cookie") && guess(exchange, heuristic) > 0;
}

static apr_int64_t explicit_lifetime(const cache_exchange_t *exchange)
{
    const cache_directives_t *told = exchange->told;

    if (told->s_maxage != CACHE_DELTA_NONE)
        return bounded(told->s_maxage);
    if (told->max_age != CACHE_DELTA_NONE)
        return bounded(told->max_age);
    return lifetime_of_expires(exchange);
}

/*
 * Section 5.1: the first member of the first line counts; one that is no non-negative integer does
 * not.
 */
static apr_int64_t age_value(const apr_table_t *response)
{
    const char *text = apr_table_get(response, "Age");
    cache_span_t first;
    apr_int64_t age = 0;

    if (text && cache_text_next(&text, &first))
        age = cache_text_delta(first);
    return age < 0 ? 0 : age;
}

/* Section 4.2.3. */
static apr_interval_time_t corrected_initial_age(const cache_exchange_t *exchange)
{
    apr_time_t received = exchange->received;
    apr_interval_time_t apparent = received - cache_freshness_date(exchange->response, received);
    apr_interval_time_t delay = received > exchange->requested ? received - exchange->requested : 0;
    apr_interval_time_t corrected = apr_time_from_sec(age_value(exchange->response)) + delay;

    return apparent > corrected ? apparent : corrected;
}

static apr_uint32_t life_flags(const cache_exchange_t *exchange)
{
    const cache_directives_t *told = exchange->told;
    apr_uint32_t flags = 0;

    if (told->flags & CACHE_CC_NO_CACHE)
        flags |= CACHE_LIFE_NO_CACHE;
    /* s-maxage means proxy-revalidate too (section 5.2.2.10). */
    if ((told->flags & (CACHE_CC_MUST_REVALIDATE | CACHE_CC_PROXY_REVALIDATE)) ||
        told->s_maxage != CACHE_DELTA_NONE)
        flags |= CACHE_LIFE_MUST_REVALIDATE;
    if (told->flags & CACHE_CC_IMMUTABLE)
        flags |= CACHE_LIFE_IMMUTABLE;
    if (apr_table_get(exchange->response, "ETag") ||
        apr_table_get(exchange->response, "Last-Modified"))
        flags |= CACHE_LIFE_VALIDATOR;
    return flags;
}

void cache_freshness_life(cache_life_t *life, const cache_exchange_t *exchange,
                          const cache_heuristic_t *heuristic)
{
    life->flags = life_flags(exchange);
    life->received = exchange->received;
    life->initial_age = corrected_initial_age(exchange);
    life->stale_while_revalidate = bounded(exchange->told->stale_while_revalidate);
    life->stale_if_error =
        exchange->told->stale_if_error < 0 ? CACHE_DELTA_NONE : exchange->told->stale_if_error;
    if (cache_freshness_is_explicit(exchange)) {
        life->lifetime = explicit_lifetime(exchange);
    } else {
        life->lifetime = heuristic_lifetime(exchange, heuristic);
        life->flags |= CACHE_LIFE_HEURISTIC;
    }
}

/* A wall clock that went back makes nothing younger than it came. */
static apr_interval_time_t current_age(const cache_life_t *life, apr_time_t now)
{
    return life->initial_age + (now > life->received ? now - life->received : 0);
}

apr_int64_t cache_freshness_age(const cache_life_t *life, apr_time_t now)
{
    return bounded(apr_time_sec(current_age(life, now)));
}

/* Rounded up, so that what is still fresh for a part of a second does not say 0. */
apr_int64_t cache_freshness_ttl(const cache_life_t *life, apr_time_t now)
{
    apr_interval_time_t left = apr_time_from_sec(life->lifetime) - current_age(life, now);

    return left > 0 ? apr_time_sec(left + APR_USEC_PER_SEC - 1) : -apr_time_sec(-left);
}

static int stale_is_allowed(const cache_life_t *life, const cache_directives_t *asked,
                            apr_interval_time_t left)
{
    if (life->flags & CACHE_LIFE_MUST_REVALIDATE)
        return 0;
    return asked->max_stale >= 0 && -left <= apr_time_from_sec(asked->max_stale);
}

/*
 * What the request adds to a response that could be used. An immutable one answers a plain reload
 * too (RFC 8246).
 */
static int request_wants_validation(const cache_life_t *life, const cache_directives_t *asked,
                                    apr_interval_time_t age, apr_interval_time_t left)
{
    int immutable = (life->flags & CACHE_LIFE_IMMUTABLE) && left > 0;

    if (asked->flags & CACHE_CC_NO_CACHE)
        return 1;
    if (asked->max_age >= 0 && age > apr_time_from_sec(asked->max_age) && !immutable)
        return 1;
    return asked->min_fresh >= 0 && left < apr_time_from_sec(asked->min_fresh);
}

cache_use_e cache_freshness_use(const cache_life_t *life, const cache_directives_t *asked,
                                apr_time_t now)
{
    apr_interval_time_t age = current_age(life, now);
    apr_interval_time_t left = apr_time_from_sec(life->lifetime) - age;

    if (life->flags & CACHE_LIFE_NO_CACHE)
        return CACHE_VALIDATE_STALE;
    if (left <= 0 && !stale_is_allowed(life, asked, left))
        return CACHE_VALIDATE_STALE;
    if (request_wants_validation(life, asked, age, left))
        return CACHE_VALIDATE_REQUEST;
    return left > 0 ? CACHE_USE_FRESH : CACHE_USE_STALE;
}

apr_interval_time_t cache_freshness_staleness(const cache_life_t *life, apr_time_t now)
{
    return current_age(life, now) - apr_time_from_sec(life->lifetime);
}

/* RFC 5861: for how long past its freshness a response may be used at most. */
static apr_interval_time_t longest_stale_use(const cache_life_t *life)
{
    apr_int64_t seconds = life->stale_while_revalidate;

    if (life->flags & (CACHE_LIFE_NO_CACHE | CACHE_LIFE_MUST_REVALIDATE))
        return 0;
    if (life->stale_if_error > seconds)
        seconds = life->stale_if_error;
    return apr_time_from_sec(seconds > CACHE_DELTA_MAX ? CACHE_DELTA_MAX : seconds);
}

static apr_interval_time_t later(apr_interval_time_t one, apr_interval_time_t other)
{
    return one > other ? one : other;
}

apr_interval_time_t cache_freshness_keep(const cache_life_t *life, apr_time_t now)
{
    apr_interval_time_t left = apr_time_from_sec(life->lifetime) - current_age(life, now);
    apr_interval_time_t stale_use = longest_stale_use(life);
    apr_interval_time_t validation = life->flags & CACHE_LIFE_VALIDATOR ? KEEP_WITH_VALIDATOR : 0;

    if (left <= 0 || (life->flags & CACHE_LIFE_NO_CACHE))
        return later(validation, stale_use + (left < 0 ? left : 0));
    return left + later(later(validation, stale_use), KEEP_WITHOUT_VALIDATOR);
}
