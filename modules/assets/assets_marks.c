/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_marks.h"

#include "atomics.h"

#include <apr_general.h>
#include <apr_siphash.h>

#include <string.h>

/* A word: 30 bits of the second it is good until, 32 of the id, 2 of the mark. */
#define MARK_BITS 2
#define TAG_BITS  32

apr_status_t assets_marks_init(assets_marks_t *marks)
{
    return apr_generate_random_bytes(marks->secret, sizeof(marks->secret));
}

apr_uint64_t assets_marks_id(const assets_marks_t *marks, const char *path)
{
    return apr_siphash24(path, strlen(path), marks->secret);
}

static apr_uint64_t tag_of(apr_uint64_t id)
{
    return id >> TAG_BITS << MARK_BITS;
}

void assets_marks_set(assets_marks_t *marks, apr_uint64_t id, assets_mark_e mark, apr_time_t now,
                      apr_interval_time_t keep)
{
    apr_uint64_t until = (apr_uint64_t)apr_time_sec(now + keep) + 1;
    apr_uint64_t word = until << (TAG_BITS + MARK_BITS) | tag_of(id) | (apr_uint64_t)mark;

    __atomic_store_n(&marks->marks[id % ASSETS_MARKS], word, __ATOMIC_RELEASE);
}

assets_mark_e assets_marks_get(const assets_marks_t *marks, apr_uint64_t id, apr_time_t now)
{
    apr_uint64_t word = __atomic_load_n(&marks->marks[id % ASSETS_MARKS], __ATOMIC_ACQUIRE);
    apr_uint64_t until = word >> (TAG_BITS + MARK_BITS);

    if (until <= (apr_uint64_t)apr_time_sec(now) ||
        (word & ((APR_UINT64_C(1) << (TAG_BITS + MARK_BITS)) - 4)) != tag_of(id))
        return ASSETS_MARK_NONE;
    return (assets_mark_e)(word & 3);
}

assets_bell_t *assets_marks_bell(assets_marks_t *marks, apr_uint64_t id)
{
    return &marks->bells[id % ASSETS_BELLS];
}
