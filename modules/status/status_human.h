/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_HUMAN_H
#define STATUS_HUMAN_H

#include <apr_pools.h>
#include <apr_time.h>

/* Numbers as text, from pool. All take any value. One thread at a time a pool. */

/* Microseconds as decimal seconds without needless zeros: "0.25", "5", "-1.5". For programs. */
const char *status_human_seconds(apr_int64_t microseconds, apr_pool_t *pool);

/* An instant as RFC 3339 in UTC with milliseconds; NULL for 0 ("never") and for instants outside
 * the years 1970 to 9999. For programs. */
const char *status_human_instant(apr_time_t when, apr_pool_t *pool);

/* An instant for people, "2026-01-31 09:05:00 UTC"; NULL as above. */
const char *status_human_clock(apr_time_t when, apr_pool_t *pool);

/* Microseconds in the two largest units that matter: "850 us", "12.5 ms", "4.2 s", "3 min 20 s", "2
 * d 4 h". */
const char *status_human_duration(apr_int64_t microseconds, apr_pool_t *pool);

/* Groups of three digits: "1,234,567". */
const char *status_human_count(apr_int64_t count, apr_pool_t *pool);

/* "512 B", "1.5 KiB", "64.0 MiB". */
const char *status_human_bytes(apr_int64_t bytes, apr_pool_t *pool);

#endif
