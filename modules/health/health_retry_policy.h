/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_RETRY_POLICY_H
#define HEALTH_RETRY_POLICY_H

#include <apr_pools.h>

/* What can come of one attempt at a member, and whether another member is to be asked. Pure. */

typedef enum {
    HEALTH_ATTEMPT_PASSED,
    HEALTH_ATTEMPT_CONNECT,   /* no connection: the request was certainly not sent */
    HEALTH_ATTEMPT_TIMEOUT,   /* no answer, or no whole one, in time */
    HEALTH_ATTEMPT_EMPTY,     /* closed without a byte of an answer */
    HEALTH_ATTEMPT_MALFORMED, /* an answer that is not HTTP */
    HEALTH_ATTEMPT_TRUNCATED, /* closed within the answer */
    HEALTH_ATTEMPT_STATUS,    /* a whole answer with a status of 500 or above, or one listed */
    HEALTH_ATTEMPT_KINDS
} health_attempt_e;

#define HEALTH_RETRY_STATUS_MIN 400
#define HEALTH_RETRY_STATUS_MAX 599
#define HEALTH_RETRY_MAX        10 /* attempts at one request, the first included */

/* What is tried again: bits of health_attempt_e, and statuses. Read-only once configured. */
typedef struct health_retry_on_t {
    apr_uint32_t kinds;
    apr_byte_t statuses[HEALTH_RETRY_STATUS_MAX - HEALTH_RETRY_STATUS_MIN + 1];
} health_retry_on_t;

/* One bad attempt, as the decision wants it. */
typedef struct health_retry_case_t {
    health_attempt_e attempt;
    int status;              /* of the answer; only with HEALTH_ATTEMPT_STATUS */
    apr_uint32_t made;       /* attempts so far, this one included */
    apr_uint32_t allowed;    /* attempts in all */
    unsigned idempotent : 1; /* RFC 9110 9.2.2 */
    unsigned sent : 1;       /* 0: the member has certainly not had the request */
    unsigned body_lost : 1;  /* the request's body can not be sent again */
    unsigned answered : 1;   /* the client has had a part of the answer */
    unsigned aborted : 1;    /* the client is gone */
    unsigned bound : 1;      /* the session may not leave its member */
} health_retry_case_t;

typedef enum {
    HEALTH_RETRY_YES,
    HEALTH_RETRY_NOT_LISTED,
    HEALTH_RETRY_ANSWERED,
    HEALTH_RETRY_ABORTED,
    HEALTH_RETRY_UNSAFE,
    HEALTH_RETRY_BODY_LOST,
    HEALTH_RETRY_BOUND,
    HEALTH_RETRY_USED_UP
} health_retry_verdict_e;

/* Returns the short name of a kind ("passed", "connect", ...); "unknown" for anything else. */
const char *health_attempt_name(apr_uint32_t kind);

/* What is tried again when nothing is said: all kinds but statuses, and 502, 503 and 504. */
extern const health_retry_on_t health_retry_on_default;

/* Adds a kind's name or a status (400-599) to the set. Returns NULL, or what is allowed. */
const char *health_retry_on_add(health_retry_on_t *on, const char *text);

/* Returns 1 when an answer with this status is one to be tried again. */
int health_retry_on_status(const health_retry_on_t *on, int status);

/* Returns 1 for the methods that may be sent twice: GET HEAD OPTIONS PUT DELETE TRACE. */
int health_retry_idempotent(const char *method);

/* Says whether the rules let the request be tried again; members and budget are not looked at. */
health_retry_verdict_e health_retry_judge(const health_retry_case_t *bad,
                                          const health_retry_on_t *on);

/* Returns why not, as a sentence without a final stop. */
const char *health_retry_verdict_text(health_retry_verdict_e verdict);

#endif
