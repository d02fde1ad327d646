/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_status_field.h"

#include <apr_strings.h>

const char *cache_status_field_fwd(cache_fwd_e fwd)
{
    static const char *const names[CACHE_FWDS] = {"none",      "bypass",  "method", "uri-miss",
                                                  "vary-miss", "request", "stale",  "partial"};

    return (unsigned)fwd < CACHE_FWDS ? names[fwd] : "miss";
}

const char *cache_status_field_text(const cache_status_field_t *field, const char *cache,
                                    apr_pool_t *pool)
{
    const char *text = apr_pstrcat(pool, cache, field->hit ? "; hit" : "", NULL);

    if (field->fwd != CACHE_FWD_NONE)
        text = apr_pstrcat(pool, text, "; fwd=", cache_status_field_fwd(field->fwd), NULL);
    if (field->collapsed)
        text = apr_pstrcat(pool, text, "; collapsed", NULL);
    if (field->fwd_status)
        text = apr_psprintf(pool, "%s; fwd-status=%d", text, field->fwd_status);
    if (field->has_ttl)
        text = apr_psprintf(pool, "%s; ttl=%" APR_INT64_T_FMT, text, field->ttl);
    if (field->stored)
        text = apr_pstrcat(pool, text, "; stored", NULL);
    if (field->detail)
        text = apr_pstrcat(pool, text, "; detail=", field->detail, NULL);
    return text;
}
