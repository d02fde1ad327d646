/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_SHM_PRIVATE_H
#define CACHE_SHM_PRIVATE_H

/* What is in the segment of cache_shm.c, and where. */
#include "cache_arena.h"
#include "cache_shm.h"

#include "atomics.h"

#include <pthread.h>
#include <string.h>

#define MAX_STRIPES 16
#define NONE        CACHE_ARENA_NONE
#define ALIGNMENT   64
#define PINS        1024 /* readers in place that a stripe has at the same time */

typedef struct entry_t {
    cache_id_t id;
    apr_time_t expires;   /* tier_clock_now() */
    apr_time_t since;     /* as of when the record is known */
    apr_uint32_t chain;   /* the record's blocks */
    apr_uint32_t size;    /* the record's bytes */
    apr_uint32_t in_slot; /* next entry of the same hash slot; of the free entries: next free */
    apr_uint32_t newer;   /* the eviction queue */
    apr_uint32_t older;
    apr_uint32_t visited;
    apr_uint32_t claimed; /* somebody looks whether it is still right */
    apr_uint32_t pins;    /* who reads the blocks in place */
    apr_uint32_t reads;   /* how often that was, since the record was put */
} entry_t;

/* One who reads a record's blocks in place, without the lock. Blocks of a pin are not given back.
 */
typedef struct pin_t {
    apr_uint32_t owner; /* process id, 0: free; written last when taken, first when left */
    apr_uint32_t entry; /* NONE: the record has been replaced or removed since */
    apr_uint32_t chain;
    apr_uint32_t units;
    apr_uint32_t is_lent; /* cache_lend.h */
} pin_t;

/*
 * All under its lock, but for figures, which are read without. Offsets count from the start of the
 * stripe.
 */
typedef struct stripe_t {
    pthread_mutex_t lock;
    apr_uint32_t is_changing; /* set while the rest is not consistent */
    apr_uint32_t is_damaged;  /* nothing but pins is consistent: unusable until it is made empty */
    apr_uint32_t entry_count; /* entries there are, used or not; also hash slots */
    apr_uint32_t free_entry;
    apr_uint32_t newest, oldest, hand;
    apr_uint32_t pin_count, pinned_units, lent_pins;
    apr_uint32_t next_pin; /* where to look first for one that is free */
    apr_uint32_t was_lent; /* something of it, some time */
    int file;              /* descriptor of the file that is this memory, in all processes, or -1 */
    apr_size_t in_file;    /* where in it the stripe begins */
    apr_size_t page;       /* the system's page size */
    apr_uint64_t changes;  /* puts and removals, of others' truth too */
    apr_size_t slots_at, entries_at, units_at, data_at;
    cache_arena_t arena;
    tier_counter_t used, used_units, evicted, resets; /* read without the lock */
    pin_t pins[PINS];
} stripe_t;

typedef struct segment_t {
    apr_uint32_t stripes;
    apr_size_t first; /* where the first stripe begins: stripes begin and end with a page */
    apr_size_t stripe_size;
    apr_size_t largest; /* bytes of a record */
} segment_t;

typedef struct shm_store_t {
    cache_store_t store;
    segment_t *segment;
} shm_store_t;

static inline apr_size_t aligned(apr_size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static inline stripe_t *stripe_number(const segment_t *segment, apr_uint32_t number)
{
    return (stripe_t *)((char *)segment + segment->first + number * segment->stripe_size);
}

static inline apr_uint32_t *slots_of(stripe_t *stripe)
{
    return (apr_uint32_t *)((char *)stripe + stripe->slots_at);
}

static inline entry_t *entries_of(stripe_t *stripe)
{
    return (entry_t *)((char *)stripe + stripe->entries_at);
}

static inline cache_arena_unit_t *units_of(stripe_t *stripe)
{
    return (cache_arena_unit_t *)((char *)stripe + stripe->units_at);
}

static inline unsigned char *data_of(stripe_t *stripe)
{
    return (unsigned char *)stripe + stripe->data_at;
}

/* An id is a hash already: its first bytes choose the stripe, others the slot. */
static inline apr_uint32_t word_of(const cache_id_t *id, int at)
{
    apr_uint32_t word;

    memcpy(&word, id->bytes + at, sizeof(word));
    return word;
}

static inline apr_uint32_t *slot_of(stripe_t *stripe, const cache_id_t *id)
{
    return &slots_of(stripe)[word_of(id, 4) % stripe->entry_count];
}

#endif
