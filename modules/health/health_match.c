/* SPDX-License-Identifier: Apache-2.0 */
#include "health_match.h"

#include <apr_strings.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* Bodies are bytes, whatever they claim to be. The callouts count the steps. */
#define FLAGS (PCRE2_AUTO_CALLOUT | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C)

struct health_match_t {
    const char *pattern;
    pcre2_code *code;
    pcre2_match_context *context;
    pcre2_match_data *data;
};

static apr_status_t release(void *data)
{
    health_match_t *match = data;

    pcre2_match_data_free(match->data);
    pcre2_match_context_free(match->context);
    pcre2_code_free(match->code);
    return APR_SUCCESS;
}

const char *health_match_compile(const health_match_t **match, const char *pattern,
                                 apr_pool_t *pool)
{
    health_match_t *made = apr_pcalloc(pool, sizeof(*made));
    PCRE2_SIZE offset;
    int code;

    made->pattern = apr_pstrdup(pool, pattern);
    made->code =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, FLAGS, &code, &offset, NULL);
    if (!made->code) {
        PCRE2_UCHAR text[160];

        pcre2_get_error_message(code, text, sizeof(text));
        return apr_psprintf(pool, "it is not a regular expression: %s, at character %u",
                            (const char *)text, (unsigned)offset + 1);
    }
    made->context = pcre2_match_context_create(NULL);
    made->data = pcre2_match_data_create_from_pattern(made->code, NULL);
    apr_pool_cleanup_register(pool, made, release, apr_pool_cleanup_null);
    if (!made->context || !made->data)
        return "there is no memory for it";
    pcre2_set_heap_limit(made->context, HEALTH_MATCH_MEMORY);
    *match = made;
    return NULL;
}

/* PCRE2's own limit of steps begins anew at each place of the body where a match could begin. */
static int count_step(pcre2_callout_block *block, void *steps)
{
    (void)block;
    return ++*(int *)steps > HEALTH_MATCH_STEPS ? PCRE2_ERROR_MATCHLIMIT : 0;
}

health_match_e health_match_find(const health_match_t *match, const char *data, apr_size_t size)
{
    int steps = 0;
    int found;

    pcre2_set_callout(match->context, count_step, &steps);
    found = pcre2_match(match->code, (PCRE2_SPTR)data, size, 0, 0, match->data, match->context);
    if (found >= 0)
        return HEALTH_MATCH_YES;
    return found == PCRE2_ERROR_NOMATCH ? HEALTH_MATCH_NO : HEALTH_MATCH_GAVE_UP;
}

const char *health_match_pattern(const health_match_t *match)
{
    return match->pattern;
}
