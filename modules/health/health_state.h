/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_STATE_H
#define HEALTH_STATE_H

#include <apr_pools.h>

#include "health_table.h"

/*
 * The table as a text, which a file keeps over a full restart: a line with version and checksum,
 * then one for each member and one for each line of its history. Pure.
 */

#define HEALTH_STATE_MAX (64 * 1024 * 1024) /* bytes; what is longer is none of ours */

/* Returns the text of all members, from pool, and its size. The watch thread only. */
const char *health_state_encode(health_table_t *table, apr_size_t *size, apr_pool_t *pool);

/*
 * Reads such a text, which may be anything, and calls visit for each member in it: its probes are
 * forgotten, its state, mode, ejection and history are as they were. Returns NULL, or a constant
 * that says what is wrong with it; then visit was not called. pool: for the time of the call.
 */
const char *health_state_decode(const char *text, apr_size_t size,
                                void (*visit)(void *visitor, const health_record_t *record),
                                void *visitor, apr_pool_t *pool);

/* Returns a number that changes when anything that the text has does. The watch thread only. */
apr_uint64_t health_state_version(health_table_t *table);

#endif
