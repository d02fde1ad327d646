/* SPDX-License-Identifier: Apache-2.0 */
#include "flushes.h"

#include <mod_proxy.h>

#define KEY "tier-flushes"

/* mod_proxy_http has this run before it asks the backend. */
static int proxy_fixups(request_rec *r)
{
    apr_table_setn(r->notes, KEY, "1");
    return OK;
}

void tier_flushes_register_hooks(void)
{
    APR_OPTIONAL_HOOK(proxy, fixups, proxy_fixups, NULL, NULL, APR_HOOK_MIDDLE);
}

int tier_flushes(const request_rec *r)
{
    return apr_table_get(r->notes, KEY) != NULL;
}

void tier_flushes_no_more(request_rec *r)
{
    apr_table_unset(r->notes, KEY);
}
