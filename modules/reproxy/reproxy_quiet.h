/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_QUIET_H
#define REPROXY_QUIET_H

#include <apr_pools.h>
#include <apr_time.h>

#include "atomics.h"

/*
 * How often a line that each request would write in an outage is written: REPROXY_QUIET_LINES times
 * in REPROXY_QUIET_TIME by all processes together; how many were held back is told with the
 * next. In shared memory, zeroed when fresh; any thread of any process, without a lock.
 */
#define REPROXY_QUIET_LINES 5
#define REPROXY_QUIET_TIME  apr_time_from_sec(10)

typedef struct reproxy_quiet_t {
    apr_int64_t until;  /* the end of the current time; atomic, as the others */
    apr_uint32_t lines; /* of it, those held back among them */
} reproxy_quiet_t;

/* Returns what to write behind the line: "", or how many were held back. NULL: hold it back. From
 * pool. now: tier_clock_now(). */
const char *reproxy_quiet_tail(reproxy_quiet_t *quiet, apr_time_t now, apr_pool_t *pool);

#endif
