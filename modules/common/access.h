/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_ACCESS_H
#define TIER_ACCESS_H

#include <apr_network_io.h>
#include <apr_tables.h>

/*
 * Who may do something, by address. Built while configuring, read by any thread after that.
 */
typedef struct tier_access_t {
    int all;                      /* everybody */
    int local;                    /* loopback: 127.0.0.0/8 and ::1 */
    apr_array_header_t *networks; /* of apr_ipsubnet_t * */
} tier_access_t;

/* Returns an access from pool that admits nobody yet. */
tier_access_t *tier_access_make(apr_pool_t *pool);

/*
 * Admits what word says: "local", "all", an IP address or a network ("10.0.0.0/8",
 * "2001:db8::/32"). Returns 1, or 0 when word is none of these. pool must live as long as access.
 */
int tier_access_admit(tier_access_t *access, const char *word, apr_pool_t *pool);

/*
 * Returns non-zero when address is admitted. forwarded: the request says that it came through a
 * proxy. Then it is not local, however near that proxy is: else a proxy on this host would admit
 * everybody it serves. tier_glue_admits asks for a request.
 */
int tier_access_admits(const tier_access_t *access, apr_sockaddr_t *address, int forwarded);

#endif
