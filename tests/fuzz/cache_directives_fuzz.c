/* SPDX-License-Identifier: Apache-2.0 */
/* Input: lines of Cache-Control, which are tried as CDN-Cache-Control too. */
#include "cache_fuzz.h"

#include "cache_directives.h"
#include "cache_dictionary.h"

static void check_delta(apr_int64_t delta)
{
    if (delta < CACHE_DELTA_INVALID || delta > CACHE_DELTA_MAX)
        abort();
}

static void check(const cache_directives_t *found)
{
    check_delta(found->max_age);
    check_delta(found->s_maxage);
    check_delta(found->min_fresh);
    check_delta(found->max_stale);
    check_delta(found->stale_while_revalidate);
    check_delta(found->stale_if_error);
    if (found->no_cache_fields && !*found->no_cache_fields)
        abort();
    if (found->private_fields && !*found->private_fields)
        abort();
}

static void check_member(void *baton, const cache_member_t *member)
{
    (void)baton;
    if (!cache_text_is_token(member->name) ||
        (member->kind == CACHE_MEMBER_STRING && !member->text))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    char *text = apr_pstrmemdup(pool, (const char *)data, size);
    cache_directives_t found;

    cache_dictionary_parse(text, check_member, NULL, pool);
    cache_directives_parse(&found, fuzz_lines("Cache-Control", apr_pstrdup(pool, text), pool),
                           pool);
    check(&found);
    /* "no-store" alone on a line is always seen, whatever stands on the others. */
    if (strncmp(text, "no-store\n", 9) == 0 && !(found.flags & CACHE_CC_NO_STORE))
        abort();
    cache_directives_parse_response(&found, fuzz_lines("CDN-Cache-Control", text, pool), pool);
    check(&found);
    apr_pool_destroy(pool);
    return 0;
}
