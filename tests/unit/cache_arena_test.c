/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_arena.h"

#define UNITS 1000
#define UNIT  CACHE_ARENA_UNIT

typedef struct rig_t {
    cache_arena_t arena;
    cache_arena_unit_t unit[UNITS];
    unsigned char data[UNITS * CACHE_ARENA_UNIT];
} rig_t;

static rig_t *make_rig(apr_pool_t *pool)
{
    rig_t *rig = apr_pcalloc(pool, sizeof(*rig));

    cache_arena_format(&rig->arena, rig->unit, UNITS);
    return rig;
}

/* Counts the units of a chain, and marks them: none may be in two chains. */
static apr_uint32_t claim(rig_t *rig, apr_uint32_t chain, char *taken)
{
    apr_uint32_t units = 0;

    for (; chain != CACHE_ARENA_NONE; chain = rig->unit[chain].next) {
        for (apr_uint32_t i = 0; i < 1u << rig->unit[chain].order; i++) {
            assert_true(chain + i < UNITS);
            assert_int_equal(taken[chain + i], 0);
            taken[chain + i] = 1;
            units++;
        }
    }
    return units;
}

static void all_units_can_be_taken_one_by_one_and_merge_again(void **state)
{
    rig_t *rig = make_rig(*state);
    apr_uint32_t chain[UNITS];
    char taken[UNITS] = {0};

    for (int i = 0; i < UNITS; i++) {
        chain[i] = cache_arena_take(&rig->arena, rig->unit, UNIT);
        assert_int_equal(claim(rig, chain[i], taken), 1);
    }
    assert_int_equal(rig->arena.free_units, 0);
    assert_int_equal(cache_arena_take(&rig->arena, rig->unit, 1), CACHE_ARENA_NONE);
    for (int i = 0; i < UNITS; i++)
        cache_arena_give(&rig->arena, rig->unit, chain[(i * 7) % UNITS]);
    assert_int_equal(rig->arena.free_units, UNITS);
    chain[0] = cache_arena_take(&rig->arena, rig->unit, 512 * UNIT);
    assert_int_equal(rig->unit[chain[0]].order, 9); /* one block again */
}

static void a_fragmented_arena_serves_in_pieces(void **state)
{
    rig_t *rig = make_rig(*state);
    apr_uint32_t chain[UNITS];
    char taken[UNITS] = {0};

    for (int i = 0; i < UNITS; i++)
        chain[i] = cache_arena_take(&rig->arena, rig->unit, 1);
    for (int i = 0; i < UNITS; i += 2)
        cache_arena_give(&rig->arena, rig->unit, chain[i]);
    chain[0] = cache_arena_take(&rig->arena, rig->unit, UNITS / 2 * UNIT);
    assert_int_not_equal(chain[0], CACHE_ARENA_NONE);
    assert_int_equal(claim(rig, chain[0], taken), UNITS / 2);
}

static void rounding_wastes_at_most_an_eighth(void **state)
{
    for (apr_uint32_t units = 1; units <= 512; units++) {
        rig_t *rig = make_rig(*state);
        char taken[UNITS] = {0};
        apr_uint32_t chain = cache_arena_take(&rig->arena, rig->unit, (apr_size_t)units * UNIT);
        apr_uint32_t used = claim(rig, chain, taken);
        assert_true(used >= units && used <= units + units / 8);
        assert_int_equal(rig->arena.free_units, UNITS - used);
        apr_pool_clear(*state);
    }
}

static void bytes_come_back_across_blocks(void **state)
{
    static const apr_size_t sizes[] = {0,        1,        UNIT - 1,      UNIT,
                                       UNIT + 1, 3 * UNIT, 7 * UNIT + 13, 300 * UNIT + 1};
    rig_t *rig = make_rig(*state);

    for (size_t i = 0; i < COUNT(sizes); i++) {
        unsigned char *in = apr_palloc(*state, sizes[i] + 1);
        unsigned char *out = apr_palloc(*state, sizes[i] + 1);
        apr_uint32_t chain = cache_arena_take(&rig->arena, rig->unit, sizes[i]);
        for (apr_size_t at = 0; at < sizes[i]; at++)
            in[at] = (unsigned char)(at * 31 + i);
        cache_arena_write(rig->unit, rig->data, chain, in, sizes[i]);
        cache_arena_read(rig->unit, rig->data, chain, out, sizes[i]);
        assert_memory_equal(in, out, sizes[i]);
    }
}

/* A long run of takes and gives of all sizes: nothing overlaps, nothing is lost. */
static void nothing_is_lost_in_the_long_run(void **state)
{
    rig_t *rig = make_rig(*state);
    apr_uint32_t chain[64];
    unsigned random = 1;
    char taken[UNITS];

    memset(chain, 0xff, sizeof(chain));
    for (int step = 0; step < 20000; step++) {
        unsigned slot;
        random = random * 1103515245 + 12345;
        slot = (random >> 16) % 64;
        if (chain[slot] != CACHE_ARENA_NONE) {
            cache_arena_give(&rig->arena, rig->unit, chain[slot]);
            chain[slot] = CACHE_ARENA_NONE;
        } else {
            chain[slot] = cache_arena_take(&rig->arena, rig->unit, (random >> 8) % (60 * UNIT));
        }
        if (step % 500 == 0) {
            apr_uint32_t used = 0;
            memset(taken, 0, sizeof(taken));
            for (int i = 0; i < 64; i++)
                used += claim(rig, chain[i], taken);
            assert_int_equal(used + rig->arena.free_units, UNITS);
        }
    }
}

/* A body that is a bit larger than a power of two leaves in one write. */
static void the_largest_block_is_the_last(void **state)
{
    rig_t *rig = make_rig(*state);
    apr_uint32_t chain = cache_arena_take(&rig->arena, rig->unit, 256 * UNIT + 1);

    assert_int_equal(rig->unit[chain].order, 0);
    assert_int_equal(rig->unit[rig->unit[chain].next].order, 8);
    assert_int_equal(cache_arena_blocks(rig->unit, chain), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(all_units_can_be_taken_one_by_one_and_merge_again),
        POOL_TEST(a_fragmented_arena_serves_in_pieces),
        POOL_TEST(rounding_wastes_at_most_an_eighth),
        POOL_TEST(bytes_come_back_across_blocks),
        POOL_TEST(nothing_is_lost_in_the_long_run),
        POOL_TEST(the_largest_block_is_the_last),
    };

    return RUN_TESTS(tests);
}
