/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_ACTION_H
#define HEALTH_ACTION_H

#include "health_table.h"

/*
 * What an administrator asks of one member at run time. A worker leaves it in the member's entry,
 * the leading watch, the entry's one writer, carries it out at its next tick.
 */
typedef enum {
    HEALTH_ACTION_NONE,
    HEALTH_ACTION_DRAIN,       /* sessions stay, nothing new comes */
    HEALTH_ACTION_MAINTENANCE, /* no request at all */
    HEALTH_ACTION_NORMAL,      /* neither of the two */
    HEALTH_ACTION_EJECT,       /* as if live requests had failed */
    HEALTH_ACTION_RESTORE      /* ends an ejection, and what else is held against the member */
} health_action_e;

/* What came of it. */
typedef enum {
    HEALTH_ACTED,
    HEALTH_ACT_NO_EJECT, /* TierHealthEject is off there */
    HEALTH_ACT_IS_DOWN,  /* its checks fail */
    HEALTH_ACT_NOBODY,   /* no watch has taken it up in time */
    HEALTH_ACT_BUSY      /* another one is still to be carried out */
} health_acted_e;

/* Returns the action of this name, HEALTH_ACTION_NONE when there is none. */
health_action_e health_action_of(const char *name);

/* Returns its name; "none" for anything else. */
const char *health_action_name(apr_uint32_t action);

/* Returns what can be asked of a member as it is, names with a space between, from pool. */
const char *health_action_words(const health_member_t *member, apr_pool_t *pool);

/* Returns the text that names a member on the status page, from pool: "scope balancer member",
 * where the main server's scope is "-". */
const char *health_action_target(const health_key_t *key, apr_pool_t *pool);

/* Fills key by such a text, which may be anything. Returns 0 when it names no member. */
int health_action_key(health_key_t *key, const char *target);

/* Leaves action at entry and waits until it is carried out, for timeout at most. Any thread of any
 * process. */
health_acted_e health_action_ask(health_entry_t *entry, health_action_e action,
                                 apr_interval_time_t timeout);

/* Returns a sentence about what came of it, a constant. */
const char *health_action_text(health_acted_e acted);

#endif
