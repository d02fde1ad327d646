/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_EVENT_H
#define HEALTH_EVENT_H

#include "health_table.h"

/* Returns a change of a member's state as one line of JSON (RFC 8259, ASCII alone), from pool:
 * {"balancer": ..., "virtual_host": ..., "member": ..., "from": ..., "to": ..., "reason": ...,
 * "time": "2026-01-31T12:00:00.123456Z"}. Pure. */
const char *health_event_text(const health_key_t *key, const health_transition_t *transition,
                              apr_pool_t *pool);

#endif
