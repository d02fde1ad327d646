/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_flight.h"

#include "futex.h"

#define TAG_BITS 24
#define TAG_MASK (((apr_int64_t)1 << TAG_BITS) - 1)

static mogile_flight_t *place_of(mogile_flights_t *flights, apr_uint64_t hash)
{
    return &flights->places[hash % MOGILE_FLIGHT_PLACES];
}

static apr_int64_t tag_of(apr_uint64_t hash)
{
    return (apr_int64_t)(hash / MOGILE_FLIGHT_PLACES) & TAG_MASK;
}

static apr_time_t end_of(apr_int64_t lease)
{
    return (apr_time_t)(lease >> TAG_BITS) * 1000;
}

/* The word that wakes is read before the lease: what lands in between is not slept through. */
static void wait_for(mogile_flight_t *flight, apr_int64_t lease, apr_time_t now)
{
    apr_uint32_t landed = tier_atomic_load(&flight->landed);

    if (tier_atomic_load64(&flight->lease) == lease)
        tier_futex_wait_counted(&flight->landed, landed, end_of(lease) - now, &flight->waiters);
}

mogile_flight_role_e mogile_flight_join(mogile_flights_t *flights, apr_uint64_t hash,
                                        apr_time_t now, apr_interval_time_t time,
                                        apr_int64_t *lease)
{
    mogile_flight_t *flight = place_of(flights, hash);
    apr_int64_t current = tier_atomic_load64(&flight->lease);

    *lease = ((now + time) / 1000) << TAG_BITS | tag_of(hash);
    if (end_of(current) <= now) {
        if (tier_atomic_swap64(&flight->lease, current, *lease))
            return MOGILE_FLIGHT_LEADS;
        current = tier_atomic_load64(&flight->lease);
    }
    if ((current & TAG_MASK) != tag_of(hash))
        return MOGILE_FLIGHT_ALONE;
    if (end_of(current) > now)
        wait_for(flight, current, now);
    return MOGILE_FLIGHT_WAITED;
}

void mogile_flight_land(mogile_flights_t *flights, apr_uint64_t hash, apr_int64_t lease)
{
    mogile_flight_t *flight = place_of(flights, hash);

    if (!tier_atomic_swap64(&flight->lease, lease, 0))
        return;
    __atomic_add_fetch(&flight->landed, 1, __ATOMIC_SEQ_CST);
    tier_futex_wake_counted(&flight->landed, &flight->waiters);
}
