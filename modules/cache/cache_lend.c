/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_lend.h"

#include "memfile.h"

/* sendfile and what it needs around it cost more than to copy less, and the system's buffers take
 * it. */
#define RECORD_MIN ((apr_size_t)512 * 1024)
#define BLOCK_MIN  ((apr_size_t)64 * 1024)

/* As many times in place cost more than to get back, once, what was lent. */
#define READS_MIN 16

/* A client may take long to fetch what was lent to it; the rest is for readers in place without it.
 */
#define LENT_PINS (PINS * 7 / 8)

static apr_size_t size_of(stripe_t *stripe, apr_uint32_t block)
{
    return (apr_size_t)CACHE_ARENA_UNIT << units_of(stripe)[block].order;
}

static apr_off_t place_of(const stripe_t *stripe, apr_uint32_t block)
{
    return (apr_off_t)(stripe->in_file + stripe->data_at + (apr_size_t)block * CACHE_ARENA_UNIT);
}

apr_off_t cache_lend_place(stripe_t *stripe, apr_uint32_t block)
{
    apr_size_t size = size_of(stripe, block);
    apr_off_t place = place_of(stripe, block);

    return size >= BLOCK_MIN && size % stripe->page == 0 && place % (apr_off_t)stripe->page == 0
               ? place
               : -1;
}

int cache_lend_pays(const stripe_t *stripe, const entry_t *it)
{
    return stripe->file >= 0 && it->size >= RECORD_MIN && it->reads >= READS_MIN;
}

int cache_lend_take(stripe_t *stripe, apr_uint32_t pin)
{
    pin_t *it = &stripe->pins[pin];

    if (it->is_lent)
        return 1;
    if (stripe->lent_pins == LENT_PINS)
        return 0;
    it->is_lent = 1;
    stripe->lent_pins++;
    stripe->was_lent = 1;
    units_of(stripe)[it->chain].is_lent = 1;
    return 1;
}

static int discard(const stripe_t *stripe, apr_off_t at, apr_size_t size)
{
    return tier_memfile_discard(stripe->file, at, size) == APR_SUCCESS;
}

int cache_lend_recall(stripe_t *stripe, apr_uint32_t chain)
{
    cache_arena_unit_t *unit = units_of(stripe);

    if (!unit[chain].is_lent)
        return 1;
    for (apr_uint32_t block = chain; block != NONE; block = unit[block].next) {
        if (cache_lend_place(stripe, block) >= 0 &&
            !discard(stripe, place_of(stripe, block), size_of(stripe, block)))
            return 0;
    }
    unit[chain].is_lent = 0;
    return 1;
}

/* What is behind the last whole page was never lent. */
int cache_lend_recall_all(stripe_t *stripe)
{
    apr_size_t size = (apr_size_t)stripe->entry_count * CACHE_ARENA_UNIT;

    if (stripe->was_lent &&
        !discard(stripe, place_of(stripe, 0), size / stripe->page * stripe->page))
        return 0;
    stripe->was_lent = 0;
    return 1;
}
