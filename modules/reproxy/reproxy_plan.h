/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_PLAN_H
#define REPROXY_PLAN_H

#include "reproxy_failure.h"

#define REPROXY_PLAN_MAX 64 /* URLs of one order; more are not looked at */

/* Which copy of a file is asked next. Zeroed but for count: nothing was tried. One thread. */
typedef struct reproxy_plan_t {
    int count; /* of copies, REPROXY_PLAN_MAX at most */
    struct {
        unsigned short failures : 6;     /* of attempts that may go better next time */
        unsigned short last_failure : 6; /* reproxy_failure_e */
        unsigned short is_out : 1;       /* asking again is pointless */
        unsigned short is_sick : 1;      /* its node failed lately: asked after the healthy ones */
        unsigned short is_asked : 1;     /* an attempt is under way */
    } copies[REPROXY_PLAN_MAX];
} reproxy_plan_t;

/*
 * Returns the copy to ask, or -1. The first of those that failed least often, healthy nodes before
 * sick ones; none that failed `rounds` times: 1 before the first byte was sent, more for a
 * continuation, where a copy may go on that broke off before. Never one that is asked already.
 */
int reproxy_plan_next(const reproxy_plan_t *plan, int rounds);

/* Notes that copy is asked (no failure yet), has failed, or delivers (_NONE: no longer asked). */
void reproxy_plan_ask(reproxy_plan_t *plan, int copy);
void reproxy_plan_done(reproxy_plan_t *plan, int copy, reproxy_failure_e failure);

/* Why the file as a whole could not be had, when no copy is left: the failure that says most.
 * _NONE when there was no copy at all. */
reproxy_failure_e reproxy_plan_verdict(const reproxy_plan_t *plan);

#endif
