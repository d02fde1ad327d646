/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_PIN_H
#define CACHE_PIN_H

/*
 * Reading a record where it is in shared memory, without the stripe's lock: a pin keeps its blocks
 * from being used for something else. At most half of a stripe is pinned, so that slow readers
 * cannot keep it from storing. Pins of a process that died are found and given back. All but
 * cache_pin_leave want the stripe's lock, and a change begun. Any thread of any process.
 */
#include "cache_shm_private.h"

/* Returns the number of a new pin on the entry's blocks, or NONE when it may not have one. */
apr_uint32_t cache_pin_take(stripe_t *stripe, apr_uint32_t at);

/* Takes the pin away; the stripe may be damaged. Takes the lock itself. */
void cache_pin_leave(stripe_t *stripe, apr_uint32_t number);

/* The entry leaves: its pins keep the blocks until they are left. */
void cache_pin_orphan(stripe_t *stripe, apr_uint32_t at);

/* Takes the pins of dead processes away. */
void cache_pin_reap(stripe_t *stripe);

/* Of a damaged stripe: forgets the pins of dead processes; returns how many others there are. */
apr_uint32_t cache_pin_survivors(stripe_t *stripe);

#endif
