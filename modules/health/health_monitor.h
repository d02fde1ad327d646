/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_MONITOR_H
#define HEALTH_MONITOR_H

#include "health_target.h"

/*
 * The work of the leading watch: keeps one target for each member that the server names, asks the
 * server for its members each second, and writes the state of each into the server's records each
 * HEALTH_TICK, or less often when they are many, since httpd's own plain writes to the same word
 * can undo ours.
 */
#define HEALTH_TICK         apr_time_from_msec(50)
#define HEALTH_TICK_MEMBERS 256 /* with each more of them, so much longer */
#define HEALTH_TICK_MAX     apr_time_from_msec(500)
#define HEALTH_SYNC         apr_time_from_sec(1)

typedef struct health_monitor_options_t {
    health_table_t *table;
    const health_server_t *server;
    const tier_log_t *log;               /* for what concerns no single member */
    const char *const *event_command;    /* told of changes: a program, or what the log calls the
                                            URL; NULL: nobody is */
    const health_check_t *event_url;     /* how the URL is posted to; NULL: a program is told */
    const char *state_file;              /* kept over a full restart; NULL: none */
    apr_uint32_t (*random)(void *baton); /* 32 random bits */
    void *random_baton;
} health_monitor_options_t;

/*
 * Begins to lead: takes over the table from whoever led before (members that are not named any more
 * are forgotten) and arms everything on loop. options is copied; what it points to must live as
 * long as pool. All of it ends with pool, which must go before the loop. Errors: APR_ENOMEM. The
 * watch thread.
 */
apr_status_t health_monitor_start(tier_loop_t *loop, const health_monitor_options_t *options,
                                  apr_pool_t *pool);

#endif
