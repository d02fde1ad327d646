/* SPDX-License-Identifier: Apache-2.0 */
#include "health_latency.h"

#include "atomics.h"

#define REFRESH   64                    /* counts after which the answer is found anew */
#define SHORTEST  apr_time_from_msec(5) /* between two halvings: one must be over */
#define ANSWER    0xffffffff            /* in known */
#define LEAST_BIT 7                     /* of HEALTH_LATENCY_LEAST */

static apr_uint32_t slot_of(apr_interval_time_t took)
{
    apr_uint32_t octave;
    apr_uint32_t slot;

    if (took < HEALTH_LATENCY_LEAST)
        return 0;
    octave = 63 - (apr_uint32_t)__builtin_clzll((unsigned long long)took) - LEAST_BIT;
    slot = 8 * octave + ((apr_uint32_t)(took >> (octave + LEAST_BIT - 3)) & 7);
    return slot < HEALTH_LATENCY_SLOTS ? slot : HEALTH_LATENCY_SLOTS - 1;
}

/* Returns the first time that is too long for the slot. */
static apr_interval_time_t end_of(apr_uint32_t slot)
{
    return (apr_interval_time_t)(8 + slot % 8 + 1) << (slot / 8 + LEAST_BIT - 3);
}

/* What others add meanwhile stays, but for the few that are counted between the last slot and the
 * sum. */
static void halve(health_latency_t *latency)
{
    apr_uint32_t sum = 0;

    for (int i = 0; i < HEALTH_LATENCY_SLOTS; i++) {
        apr_uint32_t count = tier_atomic_load(&latency->slots[i]);

        if (count)
            sum += __atomic_sub_fetch(&latency->slots[i], count - count / 2, __ATOMIC_RELAXED);
    }
    tier_atomic_store(&latency->samples, sum);
}

/* The answer is to be found anew. */
static void outdate(health_latency_t *latency)
{
    tier_atomic_store64(&latency->known, health_latency_last(latency));
}

/* One thread halves, whoever sees first that it is time. */
static void age(health_latency_t *latency, apr_uint32_t samples, apr_time_t now)
{
    apr_int64_t before = tier_atomic_load64(&latency->halved_at);
    apr_interval_time_t past = now - before;

    if (past < (samples >= HEALTH_LATENCY_MANY ? SHORTEST : HEALTH_LATENCY_OLD) ||
        !tier_atomic_swap64(&latency->halved_at, before, now))
        return;
    if (before != 0)
        halve(latency);
    outdate(latency);
}

void health_latency_add(health_latency_t *latency, apr_interval_time_t took, apr_time_t now)
{
    apr_uint32_t samples;

    __atomic_add_fetch(&latency->slots[slot_of(took)], 1, __ATOMIC_RELAXED);
    samples = __atomic_add_fetch(&latency->samples, 1, __ATOMIC_RELAXED);
    if (samples % REFRESH == 0)
        outdate(latency);
    age(latency, samples, now);
}

static apr_interval_time_t find(const health_latency_t *latency, apr_uint32_t thousandths)
{
    apr_uint32_t counts[HEALTH_LATENCY_SLOTS];
    apr_uint64_t sum = 0, below = 0;

    for (int i = 0; i < HEALTH_LATENCY_SLOTS; i++) {
        counts[i] = tier_atomic_load(&latency->slots[i]);
        sum += counts[i];
    }
    if (sum < HEALTH_LATENCY_FEW)
        return 0;
    for (apr_uint32_t i = 0; i < HEALTH_LATENCY_SLOTS; i++) {
        below += counts[i];
        if (below * 1000 >= sum * thousandths)
            return end_of(i);
    }
    return end_of(HEALTH_LATENCY_SLOTS - 1);
}

apr_interval_time_t health_latency_quantile(health_latency_t *latency, apr_uint32_t thousandths)
{
    apr_int64_t known = tier_atomic_load64(&latency->known);
    apr_interval_time_t found;

    if (known >> 32 == (apr_int64_t)thousandths)
        return known & ANSWER;
    found = find(latency, thousandths);
    if (found > 0)
        tier_atomic_store64(&latency->known, ((apr_int64_t)thousandths << 32) | found);
    return found;
}

apr_interval_time_t health_latency_last(const health_latency_t *latency)
{
    return tier_atomic_load64(&latency->known) & ANSWER;
}
