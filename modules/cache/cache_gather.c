/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes from the application in many small reads goes to the client in fewer, larger writes
 * (flushes.h). This saves more than the store costs.
 */
#include "cache_filter.h"

#include "flushes.h"

#include <http_protocol.h>

/* Less than what httpd keeps for a client before it waits for it. */
#define GATHERED ((apr_off_t)48 * 1024)

static int has_metadata(const apr_bucket_brigade *brigade, int *is_broken)
{
    int found = 0;

    *is_broken = 0;
    for (const apr_bucket *b = APR_BRIGADE_FIRST(brigade); b != APR_BRIGADE_SENTINEL(brigade);
         b = APR_BUCKET_NEXT(b)) {
        if (APR_BUCKET_IS_METADATA(b))
            found = 1;
        if (AP_BUCKET_IS_ERROR(b))
            *is_broken = 1;
    }
    return found;
}

/* Returns 1 while more is likely to come at once, which is worth to be sent with this. */
static int is_little(apr_bucket_brigade *gathered, apr_bucket_brigade *brigade)
{
    apr_off_t before = 0, size;

    if (gathered)
        apr_brigade_length(gathered, 0, &before);
    apr_brigade_length(brigade, 0, &size);
    return size >= 0 && before + size < GATHERED;
}

int cache_gather(cache_request_t *state, ap_filter_t *f, apr_bucket_brigade *brigade)
{
    int is_broken;
    int ends = has_metadata(brigade, &is_broken);

    if (is_broken)
        apr_table_unset(f->r->headers_in, "Range"); /* all in one, it would pass for whole */
    if (!ends && tier_flushes(f->r) && is_little(state->gathered, brigade)) {
        if (!state->gathered)
            state->gathered = apr_brigade_create(f->r->pool, f->r->connection->bucket_alloc);
        return ap_save_brigade(f, &state->gathered, &brigade, f->r->pool) == APR_SUCCESS;
    }
    if (state->gathered)
        APR_BRIGADE_PREPEND(brigade, state->gathered);
    return 0;
}
