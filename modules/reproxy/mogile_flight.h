/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_FLIGHT_H
#define MOGILE_FLIGHT_H

#include <apr_time.h>

#include "atomics.h"

/*
 * Look-ups that are under way, in memory that all processes share: who asks first for a key leads,
 * the others wait for what comes of it, so that any number of clients costs one request to a
 * tracker. A leader that does not land in time (its process was killed) holds nobody up for
 * longer. A key has one place; another key that needs the same one meanwhile goes alone. Any thread
 * of any process; no lock. Times: tier_clock_now().
 */
#define MOGILE_FLIGHT_PLACES 256

typedef struct mogile_flight_t {
    apr_int64_t lease;   /* when it ends, in ms, and a part of the key; 0: free. Atomic. */
    apr_uint32_t landed; /* changes with each landing: what waiters wait on (futex) */
    apr_uint32_t waiters;
} mogile_flight_t;

/* In shared memory, zeroed when fresh. */
typedef struct mogile_flights_t {
    mogile_flight_t places[MOGILE_FLIGHT_PLACES];
} mogile_flights_t;

typedef enum {
    MOGILE_FLIGHT_LEADS,  /* the caller is to ask, and to land */
    MOGILE_FLIGHT_WAITED, /* another one has landed, or its time is over: look again */
    MOGILE_FLIGHT_ALONE   /* the caller is to ask, and not to land */
} mogile_flight_role_e;

/*
 * Joins the flight of the key with this hash, waiting until it has landed, or begins it, for `time`
 * at most. *lease is what a leader lands with.
 */
mogile_flight_role_e mogile_flight_join(mogile_flights_t *flights, apr_uint64_t hash,
                                        apr_time_t now, apr_interval_time_t time,
                                        apr_int64_t *lease);

/* The leader is done: wakes those who wait. */
void mogile_flight_land(mogile_flights_t *flights, apr_uint64_t hash, apr_int64_t lease);

#endif
