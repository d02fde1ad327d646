/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_COMMAND_H
#define HEALTH_COMMAND_H

#include "health_probe.h"
#include "health_spawn.h"

/*
 * Probes by a program of the administrator's: its exit status decides, the first line of its output
 * is the reason. A limited number runs at once; others wait for their turn within their deadline.
 * At the deadline the whole process group is killed.
 */
#define HEALTH_COMMANDS 16

/* What the probes of one watch share. Zeroed before its first use; the watch thread only. */
typedef struct health_commands_t {
    int running;                           /* those that are dying included */
    struct health_command_t *waiting;      /* the first of those that wait for their turn */
    health_spawn_t dying[HEALTH_COMMANDS]; /* killed and not gone yet; pid 0: free */
    tier_loop_timer_t reaper;
} health_commands_t;

extern const health_driver_t health_command_driver;

/*
 * To be called when all probes are cancelled, before commands goes: forgets the processes that were
 * killed, for which it waits up to 50 ms, and disarms its timer.
 */
void health_commands_end(health_commands_t *commands, tier_loop_t *loop);

#endif
