/* SPDX-License-Identifier: Apache-2.0 */
/* What the administrator's directives say of one request and its response. */
#include "cache_hooks.h"
#include "cache_private.h"

#include <ap_expr.h>

/* An expression that fails while it is worked out counts as true: the cautious side of each rule.
 */
static int any_is_true(request_rec *r, const apr_array_header_t *expressions)
{
    for (int i = 0; expressions && i < expressions->nelts; i++) {
        const char *problem = NULL;
        int rv = ap_expr_exec(r, APR_ARRAY_IDX(expressions, i, const ap_expr_info_t *), &problem);

        if (rv < 0 || problem)
            ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                          WTNO(2020) "an expression failed and counts as true: %s",
                          problem ? problem : "no reason given");
        if (rv != 0)
            return 1;
    }
    return 0;
}

int cache_rules_bypass(request_rec *r)
{
    return any_is_true(r, cache_directory_of(r)->bypass);
}

int cache_rules_no_store(request_rec *r)
{
    return any_is_true(r, cache_directory_of(r)->no_store);
}

cache_policy_t cache_rules_policy(const request_rec *r)
{
    const cache_directory_t *directory = cache_directory_of(r);
    cache_policy_t policy = {apr_time_sec(TIER_SETTING(directory, fallback, 0)),
                             apr_time_sec(TIER_SETTING(directory, shortest, 0)),
                             apr_time_sec(TIER_SETTING(directory, longest, 0)), directory->cookies};

    return policy;
}

/* only-if-cached is no wish for a fresh answer. */
void cache_rules_forget_wishes(const request_rec *r, cache_directives_t *asked)
{
    if (TIER_SETTING(cache_directory_of(r), ignore_client, 0) != 1)
        return;
    asked->flags &= CACHE_CC_ONLY_IF_CACHED;
    asked->max_age = CACHE_DELTA_NONE;
    asked->min_fresh = CACHE_DELTA_NONE;
    asked->max_stale = CACHE_DELTA_NONE;
}
