/* SPDX-License-Identifier: Apache-2.0 */
#include "flushes.h"

#include <mod_proxy.h>

#include <string.h>

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

/*
 * mod_proxy_balancer, and who tries further members, name the one that is asked; it may be another
 * one than the one that mod_proxy_http asked before, and speak another protocol.
 */
static int is_http(const char *member)
{
    const char *behind_socket = strchr(member, '|'); /* unix:/path|http://host */

    return strncmp(behind_socket ? behind_socket + 1 : member, "http", 4) == 0;
}

int tier_flushes(const request_rec *r)
{
    const char *member = apr_table_get(r->subprocess_env, "BALANCER_WORKER_NAME");

    return apr_table_get(r->notes, KEY) != NULL && (!member || is_http(member));
}

void tier_flushes_no_more(request_rec *r)
{
    apr_table_unset(r->notes, KEY);
}
