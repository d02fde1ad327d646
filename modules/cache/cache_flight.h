/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_FLIGHT_H
#define CACHE_FLIGHT_H

#include <apr_time.h>

#include "cache_key.h"
#include "cache_roster.h"

/*
 * Requests to the origin that are under way, one a key over all processes of a host (RFC 9111
 * section 4 calls it collapsing), in shared memory. Who asks first leads; others wait for what
 * comes of it. A leader whose process has died, or who takes longer than it may, is replaced by the
 * next who asks. Any thread of any process; a lock is held for some comparisons, never over I/O.
 * Times: tier_clock_now().
 */
typedef enum {
    CACHE_FLIGHT_NONE,
    CACHE_FLIGHT_FLYING,
    CACHE_FLIGHT_STORED,      /* look again */
    CACHE_FLIGHT_UNCACHEABLE, /* ask the origin yourself */
    CACHE_FLIGHT_FAILED,      /* the origin failed, or what it said could not be kept */
    CACHE_FLIGHT_LOST         /* there is no leader any more, or another one: ask again who leads */
} cache_flight_state_e;

/* A leader that waits for its client for so long is replaced by the next who asks. */
#define CACHE_FLIGHT_SENDS apr_time_from_msec(500)

#define CACHE_FLIGHT_STRIPES 128
#define CACHE_FLIGHT_DEPTH   32

typedef struct cache_flight_slot_t {
    cache_id_t id;
    apr_uint32_t word;     /* serial number and state; atomic, what waiters wait on (futex) */
    cache_member_t leader; /* this and the next: changed under the lock, read without; atomic */
    apr_time_t expires;
    apr_time_t sending; /* since when the leader waits for its client; 0: it does not; atomic */
    apr_uint32_t
        waiters; /* atomic; one that was killed counts on, and costs a system call a flight */
} cache_flight_slot_t;

typedef struct cache_flight_stripe_t {
    pthread_mutex_t lock; /* robust; a slot is consistent at any moment */
    apr_uint32_t hand;    /* the slot to be used next: the one that was the longest ago */
    unsigned char marks[CACHE_FLIGHT_DEPTH]; /* a byte of each slot's id: few need a look */
    cache_flight_slot_t slots[CACHE_FLIGHT_DEPTH];
} cache_flight_stripe_t;

typedef struct cache_flights_t {
    cache_flight_stripe_t stripes[CACHE_FLIGHT_STRIPES];
} cache_flights_t;

/* One flight as its leader or a waiter knows it. A plain value. */
typedef struct cache_ticket_t {
    apr_uint32_t stripe, slot, word;
    int is_again; /* of a leader: another flight for the id has ended not long ago */
} cache_ticket_t;

typedef enum {
    CACHE_FLIGHT_LEADS, /* the caller; it has to land */
    CACHE_FLIGHT_WAITS, /* another one is under way */
    CACHE_FLIGHT_FULL   /* no room; the caller is on its own */
} cache_flight_role_e;

/* Prepares zeroed shared memory. Parent process. Errors: pthread's. */
apr_status_t cache_flight_init(cache_flights_t *flights);

/* Joins or begins the flight of id; *ticket is set but for FULL. A leader may take until expires.
 */
cache_flight_role_e cache_flight_enter(cache_flights_t *flights, cache_roster_t *roster,
                                       const cache_id_t *id, const cache_member_t *self,
                                       apr_time_t now, apr_time_t expires, cache_ticket_t *ticket);

/* The leader is done; wakes who waits. Returns 0, and does nothing, when another one leads by now.
 */
int cache_flight_land(cache_flights_t *flights, const cache_ticket_t *ticket,
                      cache_flight_state_e outcome);

/* The leader waits for its client from since on; 0: no more. Nothing when another one leads by now.
 */
void cache_flight_send(cache_flights_t *flights, const cache_ticket_t *ticket, apr_time_t since);

/* Waits. Returns the outcome, LOST, or FLYING when it was not over by until. */
cache_flight_state_e cache_flight_wait(cache_flights_t *flights, cache_roster_t *roster,
                                       const cache_ticket_t *ticket, apr_time_t until);

#endif
