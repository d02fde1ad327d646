/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_arena.h"

#include <string.h>

static void link_free(cache_arena_t *arena, cache_arena_unit_t *unit, apr_uint32_t block,
                      unsigned order)
{
    apr_uint32_t next = arena->free_list[order];

    unit[block].next = next;
    unit[block].previous = CACHE_ARENA_NONE;
    unit[block].order = (unsigned char)order;
    unit[block].is_free = 1;
    if (next != CACHE_ARENA_NONE)
        unit[next].previous = block;
    arena->free_list[order] = block;
}

static void unlink_free(cache_arena_t *arena, cache_arena_unit_t *unit, apr_uint32_t block)
{
    cache_arena_unit_t *it = &unit[block];

    if (it->previous == CACHE_ARENA_NONE) {
        arena->free_list[it->order] = it->next;
    } else {
        unit[it->previous].next = it->next;
    }
    if (it->next != CACHE_ARENA_NONE)
        unit[it->next].previous = it->previous;
    it->is_free = 0;
}

void cache_arena_format(cache_arena_t *arena, cache_arena_unit_t *unit, apr_uint32_t units)
{
    apr_uint32_t at = 0;

    arena->units = units;
    arena->free_units = units;
    for (unsigned order = 0; order < CACHE_ARENA_ORDERS; order++)
        arena->free_list[order] = CACHE_ARENA_NONE;
    memset(unit, 0, units * sizeof(*unit));
    while (at < units) {
        unsigned order = CACHE_ARENA_ORDERS - 1;
        while (at % (1u << order) != 0 || (1u << order) > units - at)
            order--;
        link_free(arena, unit, at, order);
        at += 1u << order;
    }
}

apr_uint32_t cache_arena_units_of(apr_size_t size)
{
    return size ? (apr_uint32_t)((size + CACHE_ARENA_UNIT - 1) / CACHE_ARENA_UNIT) : 1;
}

/*
 * The order whose block holds units, or the next smaller one where rounding up would waste over an
 * eighth.
 */
static unsigned wanted_order(apr_uint32_t units)
{
    unsigned order = 0;

    while (order + 1 < CACHE_ARENA_ORDERS && (2u << order) <= units)
        order++;
    if (order + 1 < CACHE_ARENA_ORDERS && (2u << order) - units <= units / 8)
        order++;
    return order;
}

/*
 * Takes a free block of this order, splitting a larger one; else the largest smaller one. There is
 * one.
 */
static apr_uint32_t take_block(cache_arena_t *arena, cache_arena_unit_t *unit, unsigned wanted)
{
    unsigned order = wanted;
    apr_uint32_t block;

    while (order < CACHE_ARENA_ORDERS && arena->free_list[order] == CACHE_ARENA_NONE)
        order++;
    if (order == CACHE_ARENA_ORDERS) {
        order = wanted;
        while (arena->free_list[order] == CACHE_ARENA_NONE)
            order--;
        wanted = order;
    }
    block = arena->free_list[order];
    unlink_free(arena, unit, block);
    for (; order > wanted; order--)
        link_free(arena, unit, block + (1u << (order - 1)), order - 1);
    unit[block].order = (unsigned char)wanted;
    arena->free_units -= 1u << wanted;
    return block;
}

apr_uint32_t cache_arena_take(cache_arena_t *arena, cache_arena_unit_t *unit, apr_size_t size)
{
    apr_uint32_t left = cache_arena_units_of(size);
    apr_uint32_t chain = CACHE_ARENA_NONE;

    if (left > arena->free_units)
        return CACHE_ARENA_NONE;
    while (left > 0) {
        apr_uint32_t block = take_block(arena, unit, wanted_order(left));
        apr_uint32_t length = 1u << unit[block].order;

        unit[block].next = chain;
        chain = block;
        left -= length < left ? length : left;
    }
    return chain;
}

static void give_block(cache_arena_t *arena, cache_arena_unit_t *unit, apr_uint32_t block)
{
    unsigned order = unit[block].order;

    arena->free_units += 1u << order;
    while (order + 1 < CACHE_ARENA_ORDERS) {
        apr_uint32_t buddy = block ^ (1u << order);
        if (buddy >= arena->units || !unit[buddy].is_free || unit[buddy].order != order)
            break;
        unlink_free(arena, unit, buddy);
        block = block < buddy ? block : buddy;
        order++;
    }
    link_free(arena, unit, block, order);
}

void cache_arena_give(cache_arena_t *arena, cache_arena_unit_t *unit, apr_uint32_t chain)
{
    while (chain != CACHE_ARENA_NONE) {
        apr_uint32_t next = unit[chain].next;
        give_block(arena, unit, chain);
        chain = next;
    }
}

int cache_arena_blocks(const cache_arena_unit_t *unit, apr_uint32_t chain)
{
    int count = 0;

    for (; chain != CACHE_ARENA_NONE; chain = unit[chain].next)
        count++;
    return count;
}

apr_size_t cache_arena_block_size(const cache_arena_unit_t *unit, apr_uint32_t block,
                                  apr_size_t wanted)
{
    apr_size_t room = (apr_size_t)CACHE_ARENA_UNIT << unit[block].order;

    return room < wanted ? room : wanted;
}

void cache_arena_write(const cache_arena_unit_t *unit, unsigned char *data, apr_uint32_t chain,
                       const unsigned char *from, apr_size_t size)
{
    while (size > 0) {
        apr_size_t part = cache_arena_block_size(unit, chain, size);
        memcpy(data + (apr_size_t)chain * CACHE_ARENA_UNIT, from, part);
        from += part;
        size -= part;
        chain = unit[chain].next;
    }
}

void cache_arena_read(const cache_arena_unit_t *unit, const unsigned char *data, apr_uint32_t chain,
                      unsigned char *into, apr_size_t size)
{
    while (size > 0) {
        apr_size_t part = cache_arena_block_size(unit, chain, size);
        memcpy(into, data + (apr_size_t)chain * CACHE_ARENA_UNIT, part);
        into += part;
        size -= part;
        chain = unit[chain].next;
    }
}
