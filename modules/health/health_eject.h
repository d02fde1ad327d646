/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_EJECT_H
#define HEALTH_EJECT_H

#include <apr.h>
#include <apr_time.h>

#include "atomics.h"
#include "health_outlier.h"
#include "health_retry_policy.h"

/*
 * Passive ejection: a member that fails several requests in a row is taken out of service for a
 * time that grows with each ejection and shrinks again while it serves well (the outlier detection
 * of Envoy). Pure; the state is zeroed shared memory without pointers. Requests in any thread of
 * any process count and eject; the leading watch alone ends ejections.
 */

typedef struct health_eject_settings_t {
    apr_uint32_t errors;               /* consecutive failures that eject */
    apr_interval_time_t time;          /* of the first ejection */
    apr_interval_time_t max;           /* of any ejection */
    apr_uint32_t share;                /* of the members that may be ejected at once, in percent */
    health_outlier_settings_t outlier; /* TierHealthOutlier's, which go with these */
} health_eject_settings_t;

#define HEALTH_EJECT_ERRORS   5
#define HEALTH_EJECT_TIME     apr_time_from_sec(10)
#define HEALTH_EJECT_MAX      apr_time_from_sec(300)
#define HEALTH_EJECT_SHARE    50
#define HEALTH_EJECT_TIME_MIN apr_time_from_msec(100)

/* Of one member. Times are tier_clock_now()'s, which a graceful restart does not change. */
typedef struct health_eject_t {
    apr_int64_t until;     /* 0: not ejected; atomic */
    apr_int64_t decayed;   /* when count was last changed; the watch's alone */
    apr_uint32_t failures; /* consecutive; atomic */
    apr_uint32_t count;    /* ejections that make the next one longer; atomic */
    apr_uint32_t kind;     /* health_attempt_e of the failure that ejected; KINDS: an administrator
                              did; more: KINDS + health_outlier_e; atomic */
    apr_uint32_t status;   /* with HEALTH_ATTEMPT_STATUS; of outliers the value; atomic */
    tier_counter_t ejections; /* all there ever were */
    apr_uint64_t noted;       /* of these, those in the history; the watch's alone */
} health_eject_t;

/* Fills in the defaults; those of outliers stay. */
void health_eject_defaults(health_eject_settings_t *settings);

/* Returns 1 when an attempt that came to this is a failure of the member: all but passed ones and
 * statuses below 500. */
int health_eject_is_failure(health_attempt_e kind, int status);

/* A request was answered well: the count of failures starts anew. Any thread. */
void health_eject_passed(health_eject_t *eject);

/* A request has failed. Returns 1 when the member is to be ejected for it. Any thread. */
int health_eject_failed(health_eject_t *eject, const health_eject_settings_t *settings);

/* Returns 1 while the member is ejected. Any thread. */
int health_eject_is_out(const health_eject_t *eject);

/*
 * Returns how many of all members may be ejected at once: share percent of them, rounded down, but
 * one where there are two at least, and never all.
 */
apr_uint32_t health_eject_room(apr_uint32_t all, apr_uint32_t share);

/*
 * Ejects the member for now. Returns until when, or 0 when it is ejected already. The caller then
 * looks whether the balancer has room for it and confirms or cancels: so two threads that eject two
 * members at once never both stay. now: tier_clock_now(). Any thread.
 */
apr_time_t health_eject_claim(health_eject_t *eject, const health_eject_settings_t *settings,
                              apr_time_t now);
void health_eject_confirm(health_eject_t *eject, health_attempt_e kind, int status);
void health_eject_cancel(health_eject_t *eject, apr_time_t until);

/* Goes on with an ejection that began before a full restart, of a member that was ejected so often.
 * The parent. */
void health_eject_resume(health_eject_t *eject, apr_time_t until, apr_uint32_t count);

/* Returns 1 when the member is not ejected, none of its ejections counts any more, and all are in
 * the history: there is nothing to do. The watch. */
int health_eject_rests(const health_eject_t *eject);

/* Returns 1 when the time of the ejection is over. The watch. */
int health_eject_is_over(const health_eject_t *eject, apr_time_t now);

/* The member is in service again, with no failures to its name. The watch. */
void health_eject_end(health_eject_t *eject, apr_time_t now);

/* Forgets one earlier ejection for each settings->time that the member was in service. The watch,
 * now and then. */
void health_eject_decay(health_eject_t *eject, const health_eject_settings_t *settings,
                        apr_time_t now);

/* Writes why the member was ejected into text, for people. Any thread. */
void health_eject_reason(const health_eject_t *eject, const health_eject_settings_t *settings,
                         char *text, apr_size_t size);

#endif
