/* SPDX-License-Identifier: Apache-2.0 */
#include "received.h"

#define KEY "tier-received"

void tier_received_keep(request_rec *r, const char *uri)
{
    apr_table_setn(r->notes, KEY, uri);
}

const char *tier_received_uri(const request_rec *r)
{
    const char *kept = apr_table_get(r->notes, KEY);

    return kept ? kept : r->unparsed_uri;
}
