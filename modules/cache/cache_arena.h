/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_ARENA_H
#define CACHE_ARENA_H

#include <apr.h>

/*
 * Memory in units of CACHE_ARENA_UNIT bytes by the buddy system (D. Knuth, The Art of Computer
 * Programming, volume 1, section 2.5): blocks of a power of two of units, merged with their free
 * neighbours. One allocation is a chain of blocks, the largest that fit, so that neither rounding
 * up to a power of two nor a fragmented arena wastes much or makes it fail while enough units are
 * free. The smallest is the first: httpd sends what is small together with what follows it. Lives
 * in shared memory, holds no pointers; its owner locks.
 */
#define CACHE_ARENA_UNIT   512
#define CACHE_ARENA_ORDERS 20
#define CACHE_ARENA_NONE   0xffffffffu

typedef struct cache_arena_unit_t {
    apr_uint32_t next;     /* free: the next free block; used: the next block of the chain */
    apr_uint32_t previous; /* free blocks only */
    unsigned char order;   /* of the block that starts here */
    unsigned char is_free; /* 1 in the first unit of a free block, else 0 */
    unsigned char is_lent; /* its owner's, in the first unit of a chain; 0 in a free block */
} cache_arena_unit_t;

typedef struct cache_arena_t {
    apr_uint32_t units;
    apr_uint32_t free_units;
    apr_uint32_t free_list[CACHE_ARENA_ORDERS];
} cache_arena_t;

/*
 * Bytes of cache_arena_unit_t and of data that an arena of so many units needs: unit is an array of
 * units.
 */
void cache_arena_format(cache_arena_t *arena, cache_arena_unit_t *unit, apr_uint32_t units);

/* Returns how many units size bytes take; at least 1. */
apr_uint32_t cache_arena_units_of(apr_size_t size);

/*
 * Returns the first block of a chain with room for size bytes, or CACHE_ARENA_NONE when fewer units
 * are free. Nothing is taken then.
 */
apr_uint32_t cache_arena_take(cache_arena_t *arena, cache_arena_unit_t *unit, apr_size_t size);

/* Gives a chain back. */
void cache_arena_give(cache_arena_t *arena, cache_arena_unit_t *unit, apr_uint32_t chain);

/* Returns how many blocks a chain has. */
int cache_arena_blocks(const cache_arena_unit_t *unit, apr_uint32_t chain);

/* Returns how many of the wanted bytes are in the block, the first of what is left of a chain. */
apr_size_t cache_arena_block_size(const cache_arena_unit_t *unit, apr_uint32_t block,
                                  apr_size_t wanted);

/* Copy size bytes into or out of a chain; data is the arena's memory. */
void cache_arena_write(const cache_arena_unit_t *unit, unsigned char *data, apr_uint32_t chain,
                       const unsigned char *from, apr_size_t size);
void cache_arena_read(const cache_arena_unit_t *unit, const unsigned char *data, apr_uint32_t chain,
                      unsigned char *into, apr_size_t size);

#endif
