/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_quiet.h"

#include <apr_strings.h>

const char *reproxy_quiet_tail(reproxy_quiet_t *quiet, apr_time_t now, apr_pool_t *pool)
{
    apr_int64_t until = tier_atomic_load64(&quiet->until);
    apr_uint32_t lines;

    if (until <= now && tier_atomic_swap64(&quiet->until, until, now + REPROXY_QUIET_TIME)) {
        lines = __atomic_exchange_n(&quiet->lines, 1, __ATOMIC_ACQ_REL);
        return lines > REPROXY_QUIET_LINES
                   ? apr_psprintf(pool, " (and %u more, not logged, since the last such line)",
                                  lines - REPROXY_QUIET_LINES)
                   : "";
    }
    lines = __atomic_fetch_add(&quiet->lines, 1, __ATOMIC_ACQ_REL);
    return lines < REPROXY_QUIET_LINES ? "" : NULL;
}
