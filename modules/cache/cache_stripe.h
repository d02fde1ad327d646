/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_STRIPE_H
#define CACHE_STRIPE_H

/*
 * One stripe of the segment: its lock, its index, its eviction queue. Everything but lock and
 * unlock wants the lock; what changes something, to be between begin_change and end_change. Any
 * thread of any process.
 */
#include "cache_shm_private.h"

/*
 * Locks; a stripe that a process left half changed is made empty first. Errors: pthread's;
 * APR_EBUSY: it cannot be made empty yet, as somebody reads a record in place or the kernel does
 * not give back what was lent; nothing is locked.
 */
apr_status_t cache_stripe_lock(stripe_t *stripe);
void cache_stripe_unlock(stripe_t *stripe);

/* A process that dies between the two leaves the stripe to be made empty. */
void cache_stripe_begin_change(stripe_t *stripe);
void cache_stripe_end_change(stripe_t *stripe);

/* Makes the stripe empty. Nobody may read in place, nothing may be lent. */
void cache_stripe_reset(stripe_t *stripe);

/* Gives a chain back that nobody pins. */
void cache_stripe_give(stripe_t *stripe, apr_uint32_t chain);

/* Returns the entry of id, or NONE. */
apr_uint32_t cache_stripe_find(stripe_t *stripe, const cache_id_t *id);

/* Takes an entry out; its blocks are given back now, or when the last who reads them in place ends.
 */
void cache_stripe_drop(stripe_t *stripe, apr_uint32_t at);

/*
 * Sets *at to an entry for id with room for size bytes, which is new or had the same size before;
 * others are evicted for it. Errors: APR_ENOSPC.
 */
apr_status_t cache_stripe_make_room(stripe_t *stripe, const cache_id_t *id, apr_size_t size,
                                    apr_uint32_t *at);

#endif
