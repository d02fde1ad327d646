/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_CALM_H
#define HEALTH_CALM_H

#include "health_target.h"

/*
 * Members that give a tick nothing to do, which is nearly all of them nearly always. To find that
 * out anew at each tick would cost more than it does to probe them: the records of a thousand
 * members are more than a processor keeps at hand. The watch thread only.
 */

/* Looks whether the next ticks have nothing to do for target, and remembers it. After all that a
 * tick does. */
void health_calm_note(health_target_t *target);

/* Returns 1 while what was remembered holds: nothing is asked for, no ejection has come, and the
 * server's records say what they did. */
int health_calm_holds(const health_target_t *target);

#endif
