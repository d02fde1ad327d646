/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_pin.h"
#include "cache_stripe.h"

#include "robust.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

/* Who is known to live, so that each process is asked for once, whatever it has of pins. */
typedef struct living_t {
    apr_uint32_t owners[32];
    int count;
} living_t;

/* A number that another process has by now keeps the pin until that one ends. */
static int is_dead(apr_uint32_t owner, living_t *living)
{
    for (int i = 0; i < living->count; i++) {
        if (living->owners[i] == owner)
            return 0;
    }
    if (kill((pid_t)owner, 0) != 0 && errno == ESRCH)
        return 1;
    if (living->count < (int)(sizeof(living->owners) / sizeof(living->owners[0])))
        living->owners[living->count++] = owner;
    return 0;
}

static void set_owner(pin_t *pin, apr_uint32_t owner)
{
    tier_atomic_store(&pin->owner, owner);
}

static apr_uint32_t find_free(stripe_t *stripe)
{
    for (apr_uint32_t i = 0; i < PINS && stripe->pin_count < PINS; i++) {
        apr_uint32_t at = (stripe->next_pin + i) % PINS;

        if (stripe->pins[at].owner == 0) {
            stripe->next_pin = at + 1;
            return at;
        }
    }
    return NONE;
}

static int has_chain(const stripe_t *stripe, apr_uint32_t chain)
{
    for (apr_uint32_t i = 0; i < PINS; i++) {
        if (stripe->pins[i].owner != 0 && stripe->pins[i].chain == chain)
            return 1;
    }
    return 0;
}

static void leave(stripe_t *stripe, pin_t *pin)
{
    int is_last;

    set_owner(pin, 0);
    stripe->pin_count--;
    stripe->lent_pins -= pin->is_lent;
    if (pin->entry != NONE) {
        is_last = --entries_of(stripe)[pin->entry].pins == 0;
    } else {
        is_last = !has_chain(stripe, pin->chain);
        if (is_last)
            cache_stripe_give(stripe, pin->chain);
    }
    if (is_last)
        stripe->pinned_units -= pin->units;
}

void cache_pin_reap(stripe_t *stripe)
{
    living_t living = {{0}};

    for (apr_uint32_t i = 0; i < PINS && stripe->pin_count > 0; i++) {
        if (stripe->pins[i].owner != 0 && is_dead(stripe->pins[i].owner, &living))
            leave(stripe, &stripe->pins[i]);
    }
}

apr_uint32_t cache_pin_take(stripe_t *stripe, apr_uint32_t at)
{
    entry_t *it = &entries_of(stripe)[at];
    apr_uint32_t units = cache_arena_units_of(it->size);
    apr_uint32_t number;

    if (stripe->pin_count == PINS || stripe->pinned_units + units > stripe->entry_count / 2)
        cache_pin_reap(stripe);
    number = find_free(stripe);
    if (number == NONE || (it->pins == 0 && stripe->pinned_units + units > stripe->entry_count / 2))
        return NONE;
    stripe->pins[number].entry = at;
    stripe->pins[number].chain = it->chain;
    stripe->pins[number].units = units;
    stripe->pins[number].is_lent = 0;
    set_owner(&stripe->pins[number], (apr_uint32_t)getpid());
    stripe->pin_count++;
    if (it->pins++ == 0)
        stripe->pinned_units += units;
    return number;
}

void cache_pin_leave(stripe_t *stripe, apr_uint32_t number)
{
    pin_t *pin = &stripe->pins[number];
    int owner_died;

    if (tier_robust_lock(&stripe->lock, &owner_died) != APR_SUCCESS)
        return;
    if (owner_died && tier_atomic_load(&stripe->is_changing))
        stripe->is_damaged = 1;
    if (stripe->is_damaged) {
        set_owner(pin, 0);
    } else {
        cache_stripe_begin_change(stripe);
        leave(stripe, pin);
        cache_stripe_end_change(stripe);
    }
    cache_stripe_unlock(stripe);
}

void cache_pin_orphan(stripe_t *stripe, apr_uint32_t at)
{
    for (apr_uint32_t i = 0; i < PINS; i++) {
        if (stripe->pins[i].owner != 0 && stripe->pins[i].entry == at)
            stripe->pins[i].entry = NONE;
    }
}

apr_uint32_t cache_pin_survivors(stripe_t *stripe)
{
    apr_uint32_t count = 0;
    living_t living = {{0}};

    for (apr_uint32_t i = 0; i < PINS; i++) {
        if (stripe->pins[i].owner == 0)
            continue;
        if (is_dead(stripe->pins[i].owner, &living)) {
            set_owner(&stripe->pins[i], 0);
        } else {
            count++;
        }
    }
    return count;
}
