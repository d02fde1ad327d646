/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_marks.h"

#include <string.h>

#define FAILING_KEEPS apr_time_from_sec(10)
#define RESTING_KEEPS apr_time_from_sec(1)

/* A word: 32 bits of the id, then until when, in milliseconds of 32 bits that wrap after seven
 * weeks. */
#define WRAPS ((apr_uint32_t)1 << 31)

static apr_uint32_t part_of(const cache_id_t *id, cache_mark_e mark, int at)
{
    apr_uint32_t part;

    memcpy(&part, id->bytes + at, sizeof(part));
    return part * 2654435761u + (apr_uint32_t)mark * 40503u;
}

static apr_uint64_t *word_of(const cache_marks_t *marks, cache_mark_e mark, const cache_id_t *id)
{
    return (apr_uint64_t *)&marks->words[part_of(id, mark, 0) % CACHE_MARKS_SIZE];
}

static apr_uint32_t milliseconds(apr_time_t time)
{
    return (apr_uint32_t)(time / 1000);
}

void cache_marks_set(cache_marks_t *marks, cache_mark_e mark, const cache_id_t *id, apr_time_t now,
                     apr_interval_time_t keep)
{
    apr_uint64_t word = (apr_uint64_t)part_of(id, mark, 8) << 32 | milliseconds(now + keep);

    __atomic_store_n(word_of(marks, mark, id), word, __ATOMIC_RELAXED);
}

void cache_marks_fail(cache_marks_t *marks, const cache_id_t *id, apr_time_t now)
{
    cache_marks_set(marks, CACHE_MARK_FAILING, id, now, FAILING_KEEPS);
    cache_marks_set(marks, CACHE_MARK_RESTING, id, now, RESTING_KEEPS);
}

int cache_marks_has(const cache_marks_t *marks, cache_mark_e mark, const cache_id_t *id,
                    apr_time_t now)
{
    apr_uint64_t word = __atomic_load_n(word_of(marks, mark, id), __ATOMIC_RELAXED);
    apr_uint32_t left = (apr_uint32_t)word - milliseconds(now);

    return word != 0 && word >> 32 == part_of(id, mark, 8) && left != 0 && left < WRAPS;
}

void cache_marks_clear(cache_marks_t *marks, cache_mark_e mark, const cache_id_t *id)
{
    apr_uint64_t *word = word_of(marks, mark, id);

    if (__atomic_load_n(word, __ATOMIC_RELAXED) >> 32 == part_of(id, mark, 8))
        __atomic_store_n(word, 0, __ATOMIC_RELAXED);
}
