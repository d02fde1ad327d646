/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_FUZZ_H
#define ASSETS_FUZZ_H

/*
 * What must hold of a scanner for any input: without changes every byte stays; how the input is cut
 * into chunks makes no difference; and what is written is read again as what was meant, with no
 * reference more or less.
 */
#include "cache_fuzz.h"

#include "assets_hint.h"

#include "../unit/assets_rewriting.h"

/* Characters that mean something where references stand. */
#define FUZZ_TARGET "/q&(~)x;"

typedef struct fuzz_count_t {
    apr_size_t seen, strange;
    assets_hints_t hints;
} fuzz_count_t;

static inline void fuzz_hint(void *baton, const assets_hint_t *hint, const char *text,
                             apr_size_t size, apr_pool_t *pool)
{
    fuzz_count_t *count = baton;

    assets_hints_add(&count->hints, hint, apr_pstrmemdup(pool, text, size));
}

static inline int fuzz_keep(void *baton, assets_reference_e kind, const char *text, apr_size_t size,
                            assets_change_t *change, apr_pool_t *pool)
{
    fuzz_count_t *count = baton;

    (void)change;
    (void)pool;
    if (kind == ASSETS_REFERENCE_URL) {
        count->seen++;
        count->strange += size != sizeof(FUZZ_TARGET) - 1 || memcmp(text, FUZZ_TARGET, size) != 0;
    }
    return 0;
}

static inline int fuzz_replace(void *baton, assets_reference_e kind, const char *text,
                               apr_size_t size, assets_change_t *change, apr_pool_t *pool)
{
    fuzz_count_t *count = baton;

    (void)text;
    (void)pool;
    if (kind == ASSETS_REFERENCE_URL)
        count->seen++;
    *change = (assets_change_t){0, size, FUZZ_TARGET, sizeof(FUZZ_TARGET) - 1, 1};
    return 1;
}

static inline void fuzz_check(rewrite_e kind, const char *data, apr_size_t size)
{
    static const apr_size_t chunks[] = {1, 2, 3, 7, 64};
    apr_pool_t *pool = fuzz_pool();
    fuzz_count_t kept = {0}, replaced = {0}, again = {0};
    assets_judge_t keep = {fuzz_keep, &kept, fuzz_hint};
    assets_judge_t replace = {fuzz_replace, &replaced, fuzz_hint};
    rewriting_t same = rewrite(kind, &keep, data, size, size + 1, pool);
    rewriting_t whole = rewrite(kind, &replace, data, size, size + 1, pool);

    if (same.edits || same.size != size || (size && memcmp(same.out, data, size) != 0))
        abort();
    if (kept.seen != replaced.seen)
        abort();
    for (apr_size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        rewriting_t cut;

        replaced = (fuzz_count_t){0};
        cut = rewrite(kind, &replace, data, size, chunks[i], pool);
        if (replaced.hints.size != kept.hints.size ||
            memcmp(replaced.hints.text, kept.hints.text, kept.hints.size) != 0)
            abort();
        if (cut.size != whole.size || (whole.size && memcmp(cut.out, whole.out, whole.size) != 0))
            abort();
        free(cut.out);
    }
    keep.baton = &again;
    free(same.out);
    same = rewrite(kind, &keep, whole.out, whole.size, whole.size + 1, pool);
    if (again.seen != kept.seen || again.strange)
        abort();
    free(same.out);
    free(whole.out);
    apr_pool_destroy(pool);
}

#endif
