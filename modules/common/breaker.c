/* SPDX-License-Identifier: Apache-2.0 */
#include "breaker.h"

/*
 * Every field is written before the change of state that lets others act on it: whoever sees a
 * state sees its `since`. The time only moves forward, so that two threads that fail at once cannot
 * set it back.
 */
static void move_forward(apr_int64_t *when, apr_time_t now)
{
    apr_int64_t seen = tier_atomic_load64(when);

    while (seen < now && !tier_atomic_swap64(when, seen, now))
        seen = tier_atomic_load64(when);
}

int tier_breaker_allows(tier_breaker_t *breaker)
{
    if (tier_atomic_load(&breaker->state) == TIER_BREAKER_CLOSED)
        return 1;
    tier_counter_add(&breaker->refused, 1);
    return 0;
}

/* Returns 1 to the one caller that opens it. since: when it last changed. */
static int trip(tier_breaker_t *breaker, apr_time_t since, apr_time_t now)
{
    tier_atomic_store(&breaker->pace, 0);
    move_forward(&breaker->since, now);
    tier_atomic_store(&breaker->flapping,
                      tier_counter_get(&breaker->opened) > 0 && now - since < TIER_BREAKER_STEADY);
    if (!tier_atomic_swap(&breaker->state, TIER_BREAKER_CLOSED, TIER_BREAKER_OPEN))
        return 0;
    tier_counter_add(&breaker->opened, 1);
    return 1;
}

int tier_breaker_failure(tier_breaker_t *breaker, apr_uint32_t threshold, apr_time_t began,
                         apr_time_t now)
{
    apr_time_t since = tier_atomic_load64(&breaker->since);

    if (began < since || tier_atomic_load(&breaker->state) != TIER_BREAKER_CLOSED)
        return 0;
    if (__atomic_add_fetch(&breaker->failures, 1, __ATOMIC_ACQ_REL) < threshold)
        return 0;
    return trip(breaker, since, now);
}

int tier_breaker_pace(tier_breaker_t *breaker, int is_slow, apr_time_t began, apr_time_t now)
{
    apr_time_t since = tier_atomic_load64(&breaker->since);
    apr_uint32_t pace = tier_atomic_load(&breaker->pace);

    /* Nothing is written while all is well: the line is shared by every process of the host. */
    if (!is_slow && pace == 0)
        return 0;
    if (began < since || tier_atomic_load(&breaker->state) != TIER_BREAKER_CLOSED)
        return 0;
    pace = (pace << 1 | (is_slow != 0)) & ((1u << TIER_BREAKER_PACE) - 1);
    tier_atomic_store(&breaker->pace, pace);
    if (__builtin_popcount(pace) < TIER_BREAKER_PACE / 2)
        return 0;
    return trip(breaker, since, now);
}

int tier_breaker_success(tier_breaker_t *breaker, apr_time_t began, apr_time_t now)
{
    if (tier_atomic_load(&breaker->state) == TIER_BREAKER_CLOSED) {
        /* Written only when it changes anything: this line is shared by every process of the host.
         */
        if (tier_atomic_load(&breaker->failures) != 0)
            tier_atomic_store(&breaker->failures, 0);
        return 0;
    }
    if (began < tier_atomic_load64(&breaker->since))
        return 0;
    move_forward(&breaker->since, now);
    tier_atomic_store(&breaker->failures, 0);
    return tier_atomic_swap(&breaker->state, TIER_BREAKER_OPEN, TIER_BREAKER_CLOSED);
}

int tier_breaker_probe_due(tier_breaker_t *breaker, apr_interval_time_t interval, apr_time_t now)
{
    apr_time_t since, probed;

    if (tier_atomic_load(&breaker->state) != TIER_BREAKER_OPEN)
        return 0;
    since = tier_atomic_load64(&breaker->since);
    probed = tier_atomic_load64(&breaker->probed);
    if (now - (probed > since ? probed : since) < interval)
        return 0;
    return tier_atomic_swap64(&breaker->probed, probed, now);
}

static tier_breaker_news_e news_of_opening(tier_breaker_t *breaker, apr_time_t now,
                                           apr_uint64_t *untold)
{
    apr_uint64_t opened;

    if (tier_atomic_load(&breaker->flapping) &&
        now - tier_atomic_load64(&breaker->told_at) < TIER_BREAKER_QUIET)
        return TIER_BREAKER_NO_NEWS;
    if (!tier_atomic_swap(&breaker->told, TIER_BREAKER_CLOSED, TIER_BREAKER_OPEN))
        return TIER_BREAKER_NO_NEWS;
    opened = tier_counter_get(&breaker->opened);
    *untold = opened - tier_counter_get(&breaker->told_of);
    *untold -= *untold > 0; /* the one that is being told */
    __atomic_store_n(&breaker->told_of.value, opened, __ATOMIC_RELAXED);
    tier_atomic_store64(&breaker->told_at, now);
    return TIER_BREAKER_HAS_OPENED;
}

tier_breaker_news_e tier_breaker_news(tier_breaker_t *breaker, apr_time_t now, apr_uint64_t *untold)
{
    apr_uint32_t state = tier_atomic_load(&breaker->state);

    *untold = 0;
    if (state == tier_atomic_load(&breaker->told))
        return TIER_BREAKER_NO_NEWS;
    if (state == TIER_BREAKER_OPEN)
        return news_of_opening(breaker, now, untold);
    if (!tier_atomic_swap(&breaker->told, TIER_BREAKER_OPEN, TIER_BREAKER_CLOSED))
        return TIER_BREAKER_NO_NEWS;
    tier_atomic_store64(&breaker->told_at, now);
    return TIER_BREAKER_HAS_CLOSED;
}
