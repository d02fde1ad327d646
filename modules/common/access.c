/* SPDX-License-Identifier: Apache-2.0 */
#include "access.h"

#include <apr_strings.h>
#include <string.h>

tier_access_t *tier_access_make(apr_pool_t *pool)
{
    tier_access_t *access = apr_pcalloc(pool, sizeof(*access));

    access->networks = apr_array_make(pool, 2, sizeof(apr_ipsubnet_t *));
    return access;
}

static int admit_network(tier_access_t *access, const char *address, const char *mask,
                         apr_pool_t *pool)
{
    apr_ipsubnet_t *network;

    if (apr_ipsubnet_create(&network, address, mask, pool) != APR_SUCCESS)
        return 0;
    APR_ARRAY_PUSH(access->networks, apr_ipsubnet_t *) = network;
    return 1;
}

int tier_access_admit(tier_access_t *access, const char *word, apr_pool_t *pool)
{
    char *address = apr_pstrdup(pool, word);
    char *slash = strchr(address, '/');

    if (strcmp(word, "all") == 0) {
        access->all = 1;
        return 1;
    }
    if (strcmp(word, "local") == 0) {
        access->local = 1;
        return 1;
    }
    if (slash)
        *slash++ = '\0';
    return admit_network(access, address, slash, pool);
}

/* The bytes decide, not the text: ::ffff:127.0.0.1 is what a dual-stack socket calls an IPv4
 * client. */
static int is_loopback(const apr_sockaddr_t *address)
{
    static const unsigned char v6[16] = {[15] = 1};
    static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    const unsigned char *bytes = address->ipaddr_ptr;

    if (address->family == APR_INET)
        return bytes[0] == 127;
#if APR_HAVE_IPV6
    if (address->family == APR_INET6)
        return memcmp(bytes, v6, sizeof(v6)) == 0 ||
               (memcmp(bytes, mapped, sizeof(mapped)) == 0 && bytes[12] == 127);
#endif
    return 0;
}

int tier_access_admits(const tier_access_t *access, apr_sockaddr_t *address, int forwarded)
{
    if (access->all)
        return 1;
    if (access->local && !forwarded && is_loopback(address))
        return 1;
    for (int i = 0; i < access->networks->nelts; i++) {
        if (apr_ipsubnet_test(APR_ARRAY_IDX(access->networks, i, apr_ipsubnet_t *), address))
            return 1;
    }
    return 0;
}
