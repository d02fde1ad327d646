/* SPDX-License-Identifier: Apache-2.0 */
#include "health_retry_policy.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const kind_names[HEALTH_ATTEMPT_KINDS] = {
    "passed", "connect", "timeout", "empty", "malformed", "truncated", "status"};

const char *health_attempt_name(apr_uint32_t kind)
{
    return kind < HEALTH_ATTEMPT_KINDS ? kind_names[kind] : "unknown";
}

const health_retry_on_t health_retry_on_default = {
    .kinds = 1u << HEALTH_ATTEMPT_CONNECT | 1u << HEALTH_ATTEMPT_TIMEOUT |
             1u << HEALTH_ATTEMPT_EMPTY | 1u << HEALTH_ATTEMPT_MALFORMED |
             1u << HEALTH_ATTEMPT_TRUNCATED,
    .statuses = {[502 - HEALTH_RETRY_STATUS_MIN] = 1,
                 [503 - HEALTH_RETRY_STATUS_MIN] = 1,
                 [504 - HEALTH_RETRY_STATUS_MIN] = 1}};

static int is_status(const char *text)
{
    return strlen(text) == 3 && (text[0] == '4' || text[0] == '5') && apr_isdigit(text[1]) &&
           apr_isdigit(text[2]);
}

const char *health_retry_on_add(health_retry_on_t *on, const char *text)
{
    if (is_status(text)) {
        on->statuses[atoi(text) - HEALTH_RETRY_STATUS_MIN] = 1;
        return NULL;
    }
    for (apr_uint32_t kind = HEALTH_ATTEMPT_CONNECT; kind < HEALTH_ATTEMPT_STATUS; kind++) {
        if (strcasecmp(text, kind_names[kind]) == 0) {
            on->kinds |= 1u << kind;
            return NULL;
        }
    }
    return "allowed are connect, timeout, empty, malformed, truncated and statuses from 400 to 599";
}

int health_retry_on_status(const health_retry_on_t *on, int status)
{
    return status >= HEALTH_RETRY_STATUS_MIN && status <= HEALTH_RETRY_STATUS_MAX &&
           on->statuses[status - HEALTH_RETRY_STATUS_MIN];
}

int health_retry_idempotent(const char *method)
{
    static const char *const methods[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"};

    for (apr_size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strcmp(method, methods[i]) == 0)
            return 1;
    }
    return 0;
}

static int is_listed(const health_retry_case_t *bad, const health_retry_on_t *on)
{
    if (bad->attempt == HEALTH_ATTEMPT_STATUS)
        return health_retry_on_status(on, bad->status);
    return bad->attempt != HEALTH_ATTEMPT_PASSED && (on->kinds & (1u << bad->attempt));
}

health_retry_verdict_e health_retry_judge(const health_retry_case_t *bad,
                                          const health_retry_on_t *on)
{
    if (!is_listed(bad, on))
        return HEALTH_RETRY_NOT_LISTED;
    if (bad->answered)
        return HEALTH_RETRY_ANSWERED;
    if (bad->aborted)
        return HEALTH_RETRY_ABORTED;
    if (bad->sent && !bad->idempotent)
        return HEALTH_RETRY_UNSAFE;
    if (bad->body_lost)
        return HEALTH_RETRY_BODY_LOST;
    if (bad->bound)
        return HEALTH_RETRY_BOUND;
    return bad->made >= bad->allowed ? HEALTH_RETRY_USED_UP : HEALTH_RETRY_YES;
}

const char *health_retry_verdict_text(health_retry_verdict_e verdict)
{
    switch (verdict) {
    case HEALTH_RETRY_YES:
        return "it may be tried again";
    case HEALTH_RETRY_NOT_LISTED:
        return "TierHealthRetryOn does not list this";
    case HEALTH_RETRY_ANSWERED:
        return "the client has a part of the answer already";
    case HEALTH_RETRY_ABORTED:
        return "the client is gone";
    case HEALTH_RETRY_UNSAFE:
        return "the method is not idempotent and the member may have the request";
    case HEALTH_RETRY_BODY_LOST:
        return "the request's body is larger than TierHealthRetryBody";
    case HEALTH_RETRY_BOUND:
        return "the session may not leave its member (nofailover=On)";
    case HEALTH_RETRY_USED_UP:
        return "all attempts are used up";
    }
    return "unknown";
}
