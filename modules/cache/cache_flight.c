/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_flight.h"

#include "atomics.h"
#include "clock.h"
#include "futex.h"
#include "robust.h"

#include <string.h>

#define STATE_BITS 3
#define STATE_MASK ((1u << STATE_BITS) - 1)

/* How often a waiter looks whether its leader still lives; of many at once most do less often. */
#define LOOK_EVERY    apr_time_from_msec(20)
#define LOOK_AT_LEAST apr_time_from_msec(200)
#define LOOK_OFTEN    8

static cache_flight_state_e state_of(apr_uint32_t word)
{
    return (cache_flight_state_e)(word & STATE_MASK);
}

static apr_uint32_t in_state(apr_uint32_t word, cache_flight_state_e state)
{
    return (word & ~STATE_MASK) | (apr_uint32_t)state;
}

static void wake(cache_flight_slot_t *slot)
{
    tier_futex_wake_counted(&slot->word, &slot->waiters);
}

/* Returns how often who comes after so many waiters looks: the first find out for all. */
static apr_interval_time_t look_every(apr_uint32_t waiters)
{
    apr_interval_time_t every = LOOK_EVERY * (1 + (apr_interval_time_t)(waiters / LOOK_OFTEN));

    return every < LOOK_AT_LEAST ? every : LOOK_AT_LEAST;
}

static void sleep_on(cache_flight_slot_t *slot, apr_uint32_t expected, apr_interval_time_t longest)
{
    tier_futex_wait_counted(&slot->word, expected, longest, &slot->waiters);
}

apr_status_t cache_flight_init(cache_flights_t *flights)
{
    apr_status_t rv = APR_SUCCESS;

    for (int i = 0; i < CACHE_FLIGHT_STRIPES && rv == APR_SUCCESS; i++)
        rv = tier_robust_init(&flights->stripes[i].lock);
    return rv;
}

static int lock(cache_flight_stripe_t *stripe)
{
    return tier_robust_lock(&stripe->lock, NULL) == APR_SUCCESS;
}

/*
 * A waiter asks this without the lock, while another flight may take off in the slot: what it reads
 * then belongs to neither, and is of no consequence, as the word is not its ticket's any more.
 */
static int is_flying(const cache_flight_slot_t *slot, cache_roster_t *roster, apr_time_t now)
{
    cache_member_t leader = {tier_atomic_load(&slot->leader.place),
                             tier_atomic_load(&slot->leader.serial)};

    apr_time_t sending = tier_atomic_load64(&slot->sending);

    return state_of(tier_atomic_load(&slot->word)) == CACHE_FLIGHT_FLYING &&
           tier_atomic_load64(&slot->expires) > now &&
           (sending == 0 || now - sending < CACHE_FLIGHT_SENDS) &&
           cache_roster_is_alive(roster, &leader);
}

static unsigned char mark_of(const cache_id_t *id)
{
    return id->bytes[sizeof(id->bytes) - 1];
}

static cache_flight_slot_t *find(cache_flight_stripe_t *stripe, const cache_id_t *id)
{
    const unsigned char *at = stripe->marks;
    const unsigned char *end = at + CACHE_FLIGHT_DEPTH;

    while ((at = memchr(at, mark_of(id), (apr_size_t)(end - at))) != NULL) {
        cache_flight_slot_t *slot = &stripe->slots[at++ - stripe->marks];

        if (memcmp(&slot->id, id, sizeof(*id)) == 0)
            return slot;
    }
    return NULL;
}

/* Of those that have landed or were given up the one that took off first: its waiters had the most
 * time to see what came of it. */
static cache_flight_slot_t *find_free(cache_flight_stripe_t *stripe, cache_roster_t *roster,
                                      apr_time_t now)
{
    for (apr_uint32_t i = 0; i < CACHE_FLIGHT_DEPTH; i++) {
        apr_uint32_t at = (stripe->hand + i) % CACHE_FLIGHT_DEPTH;

        if (!is_flying(&stripe->slots[at], roster, now)) {
            stripe->hand = at + 1;
            return &stripe->slots[at];
        }
    }
    return NULL;
}

/* The word changes first and last: whoever waits for the flight before it sees another serial
 * number. */
static apr_uint32_t take_off(cache_flight_slot_t *slot, const cache_id_t *id,
                             const cache_member_t *self, apr_time_t expires)
{
    apr_uint32_t before = tier_atomic_load(&slot->word);
    apr_uint32_t next = (before & ~STATE_MASK) + (1u << STATE_BITS);

    tier_atomic_store(&slot->word, in_state(next, CACHE_FLIGHT_NONE));
    slot->id = *id;
    tier_atomic_store(&slot->leader.place, self->place);
    tier_atomic_store(&slot->leader.serial, self->serial);
    tier_atomic_store64(&slot->expires, expires);
    tier_atomic_store64(&slot->sending, 0);
    next = in_state(next, CACHE_FLIGHT_FLYING);
    tier_atomic_store(&slot->word, next);
    if (state_of(before) == CACHE_FLIGHT_FLYING)
        wake(slot);
    return next;
}

static cache_flight_role_e enter_locked(cache_flight_stripe_t *stripe, cache_roster_t *roster,
                                        const cache_id_t *id, const cache_member_t *self,
                                        apr_time_t now, apr_time_t expires, cache_ticket_t *ticket)
{
    cache_flight_slot_t *slot = find(stripe, id);
    cache_flight_role_e role = CACHE_FLIGHT_LEADS;

    if (slot && is_flying(slot, roster, now)) {
        role = CACHE_FLIGHT_WAITS;
        ticket->word = tier_atomic_load(&slot->word);
    } else {
        ticket->is_again = slot != NULL;
        if (!slot)
            slot = find_free(stripe, roster, now);
        if (!slot)
            return CACHE_FLIGHT_FULL;
        ticket->word = take_off(slot, id, self, expires);
    }
    ticket->slot = (apr_uint32_t)(slot - stripe->slots);
    stripe->marks[ticket->slot] = mark_of(id);
    return role;
}

cache_flight_role_e cache_flight_enter(cache_flights_t *flights, cache_roster_t *roster,
                                       const cache_id_t *id, const cache_member_t *self,
                                       apr_time_t now, apr_time_t expires, cache_ticket_t *ticket)
{
    cache_flight_role_e role;

    ticket->stripe = id->bytes[0] % CACHE_FLIGHT_STRIPES;
    if (!lock(&flights->stripes[ticket->stripe]))
        return CACHE_FLIGHT_FULL;
    role = enter_locked(&flights->stripes[ticket->stripe], roster, id, self, now, expires, ticket);
    tier_robust_unlock(&flights->stripes[ticket->stripe].lock);
    return role;
}

static cache_flight_slot_t *slot_of(cache_flights_t *flights, const cache_ticket_t *ticket)
{
    return &flights->stripes[ticket->stripe].slots[ticket->slot];
}

int cache_flight_land(cache_flights_t *flights, const cache_ticket_t *ticket,
                      cache_flight_state_e outcome)
{
    cache_flight_slot_t *slot = slot_of(flights, ticket);

    if (!tier_atomic_swap(&slot->word, ticket->word, in_state(ticket->word, outcome)))
        return 0;
    wake(slot);
    return 1;
}

/*
 * Without the lock: should another flight take off in between, its leader may be replaced sooner
 * than it ought to be, which does no harm.
 */
void cache_flight_send(cache_flights_t *flights, const cache_ticket_t *ticket, apr_time_t since)
{
    cache_flight_slot_t *slot = slot_of(flights, ticket);

    if (tier_atomic_load(&slot->word) == ticket->word)
        tier_atomic_store64(&slot->sending, since);
}

cache_flight_state_e cache_flight_wait(cache_flights_t *flights, cache_roster_t *roster,
                                       const cache_ticket_t *ticket, apr_time_t until)
{
    cache_flight_slot_t *slot = slot_of(flights, ticket);
    apr_interval_time_t every = look_every(tier_atomic_load(&slot->waiters));

    for (;;) {
        apr_time_t now = tier_clock_now();
        apr_uint32_t word = tier_atomic_load(&slot->word);

        if (word != ticket->word)
            return (word ^ ticket->word) & ~STATE_MASK ? CACHE_FLIGHT_LOST : state_of(word);
        if (now >= until)
            return CACHE_FLIGHT_FLYING;
        if (!is_flying(slot, roster, now)) {
            if (tier_atomic_load(&slot->word) != word)
                continue; /* it has landed just now */
            return CACHE_FLIGHT_LOST;
        }
        sleep_on(slot, word, until - now < every ? until - now : every);
    }
}
