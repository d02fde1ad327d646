/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_TIMES_H
#define HEALTH_TIMES_H

#include <apr_pools.h>

/*
 * mod_proxy reads timeout=, retry= and ttl= of its members with atoi: timeout=300ms is 300 seconds
 * there. Returns the first such setting of a directive's arguments whose unit is not seconds, as it
 * is written ("timeout=300ms"), from pool; NULL when there is none. Any thread.
 */
const char *health_times_misread(const char *arguments, apr_pool_t *pool);

#endif
