/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_MEMBER_H
#define HEALTH_MEMBER_H

#include <apr.h>
#include <apr_time.h>

#include <stddef.h>

#include "health_advice.h"

/*
 * What is known of one member, as plain shared memory: no pointers, so that it survives a graceful
 * restart (and the unloading of the module) and a killed child. Written by the leading watch only;
 * readers take a copy through health_table_read().
 */

typedef enum {
    HEALTH_CHECKING, /* not proven yet; counts as up */
    HEALTH_UP,
    HEALTH_DOWN,
    HEALTH_EJECTED,    /* by live traffic, whatever the checks say: in the history only */
    HEALTH_DRAINING,   /* by an administrator: in the history only */
    HEALTH_MAINTENANCE /* likewise */
} health_state_e;

/* What an administrator has said of the member; stands beside what checks and traffic say. */
typedef enum { HEALTH_MODE_NORMAL, HEALTH_MODE_DRAIN, HEALTH_MODE_MAINTENANCE } health_mode_e;

#define HEALTH_HISTORY 16
#define HEALTH_PROBES  8
#define HEALTH_TEXT    112

typedef struct health_transition_t {
    apr_time_t when; /* wall clock */
    apr_uint32_t from;
    apr_uint32_t to;
    char reason[HEALTH_TEXT];
} health_transition_t;

typedef struct health_past_probe_t {
    apr_time_t when; /* wall clock: when it ended; 0: there was none */
    apr_interval_time_t latency;
    apr_uint32_t passed;
    char result[HEALTH_TEXT];
} health_past_probe_t;

typedef struct health_member_t {
    apr_uint32_t state;    /* health_state_e */
    apr_uint32_t passes;   /* consecutive, up to now; one of the two is 0 */
    apr_uint32_t failures; /* consecutive, up to now */
    apr_uint32_t probes_in_bitmap;
    apr_uint64_t bitmap;                 /* the last 64 probes, the latest in bit 0; 1 is a pass */
    apr_time_t since;                    /* wall clock: when this state began */
    apr_time_t probed;                   /* wall clock: when the last probe ended */
    apr_time_t failed;                   /* wall clock: when the last failure was seen */
    health_advice_t advice;              /* of the member's agent; a weight of 0: it has none */
    apr_interval_time_t latency;         /* of the last passed probe */
    apr_interval_time_t latency_average; /* moving, weight 1/8 for the new one */
    apr_uint64_t probes;
    apr_uint64_t probes_failed;
    apr_uint64_t transitions;
    apr_time_t ejected_until; /* wall clock; 0: not ejected. state goes on saying what checks say */
    apr_uint32_t mode;        /* health_mode_e */
    apr_uint32_t
        eject_count;      /* ejections that make the next one longer, when it was last ejected */
    apr_uint32_t ejects;  /* 1: live traffic may eject it */
    apr_uint32_t drained; /* 1: it drained already when its agent asked for that */
    health_past_probe_t past[HEALTH_PROBES]; /* the last one at (probes - 1) % HEALTH_PROBES */
    health_transition_t history[HEALTH_HISTORY];
} health_member_t;

/* What lies before the past: a member whose state does not change has no more to say. */
#define HEALTH_MEMBER_HEAD offsetof(health_member_t, past)

/* One judged probe. */
typedef struct health_outcome_t {
    int passed;
    apr_interval_time_t latency;
    apr_time_t when;               /* wall clock */
    const char *result;            /* the line for people; what does not fit is cut */
    const health_advice_t *advice; /* what the member's agent said with it, or NULL */
} health_outcome_t;

/* Makes a zeroed member one that is being checked since now (wall clock). */
void health_member_init(health_member_t *member, apr_time_t now);

/*
 * Takes one outcome in. rise and fall are counts of strictly consecutive outcomes: one of the other
 * kind starts the count anew. A member that is being checked is up with its first pass and down
 * with fall failures. Returns 1 when the state changed; *from is then what it was before.
 */
int health_member_judge(health_member_t *member, apr_uint32_t rise, apr_uint32_t fall,
                        const health_outcome_t *outcome, health_state_e *from);

/* Live traffic has taken the member out of service until then, and the watch puts it back; both are
 * kept in the history. Times: wall clock. */
void health_member_eject(health_member_t *member, apr_time_t until, apr_time_t now,
                         const char *reason);
void health_member_readmit(health_member_t *member, apr_time_t now, const char *reason);

/* An administrator has said how the member is to be used, which is kept in the history. now: wall
 * clock. */
void health_member_set_mode(health_member_t *member, health_mode_e mode, apr_time_t now,
                            const char *reason);

/* Returns the i-th transition of the history, 0 is the latest; NULL past the end. */
const health_transition_t *health_member_history(const health_member_t *member, apr_uint32_t i);

/* Returns the i-th of the last probes, 0 is the latest; NULL past the end. */
const health_past_probe_t *health_member_past(const health_member_t *member, apr_uint32_t i);

/* Returns "checking", "up", "down", "ejected", "drain" or "maintenance"; "unknown" for anything
 * else. */
const char *health_member_state_name(apr_uint32_t state);

/*
 * Writes the last probes, oldest first, as '+' (passed) and '-' into text, which holds 65 bytes,
 * and ends it with a zero byte.
 */
void health_member_bitmap_text(const health_member_t *member, char text[65]);

#endif
