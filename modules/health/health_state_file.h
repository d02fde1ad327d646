/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_STATE_FILE_H
#define HEALTH_STATE_FILE_H

#include "health_table.h"
#include "log.h"

/* The file that keeps the members' state over a full restart: written by the leading watch, read by
 * the parent at start. */

/* Reads the file at path and calls visit for each member in it; a file that is not there is no
 * fault, one that cannot be read or is damaged is told in the log and ignored. The parent. */
void health_state_file_load(const char *path,
                            void (*visit)(void *visitor, const health_record_t *record),
                            void *visitor, const tier_log_t *log, apr_pool_t *ptemp);

/* The writer of a watch. Zeroed, but for the first four. */
typedef struct health_keeper_t {
    const char *path; /* NULL: nothing is kept */
    health_table_t *table;
    const tier_log_t *log;
    apr_pool_t *pool; /* cleared with each write */
    apr_time_t next;
    apr_uint64_t written; /* health_state_version() of what is in the file */
    int failed;           /* told in the log once */
} health_keeper_t;

/* Writes the file when something has changed and a second or more (with many members) has passed
 * since the last time; at once with now 0. Atomically: a reader has the old one or the new one. The
 * watch thread only. */
void health_keeper_tick(health_keeper_t *keeper, apr_time_t now);

#endif
