/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_server.h"

#include "clock.h"

#define SMOOTH 8 /* the average's weight against one answer */

const char *mogile_error_name(mogile_error_e error)
{
    static const char *const names[MOGILE_ERRORS] = {"refused", "timeout", "closed", "garbage",
                                                     "failure"};

    return names[error];
}

static const char *text_of(mogile_error_e error)
{
    static const char *const texts[MOGILE_ERRORS] = {
        "no connection", "no answer in time", "it closed the connection before it had answered",
        "what it sent is no answer", "it cannot do what it is asked"};

    return texts[error];
}

mogile_error_e mogile_error_of(apr_status_t status)
{
    if (APR_STATUS_IS_EOF(status))
        return MOGILE_ERROR_CLOSED;
    if (APR_STATUS_IS_TIMEUP(status) || APR_STATUS_IS_ETIMEDOUT(status))
        return MOGILE_ERROR_TIMEOUT;
    if (status == APR_EGENERAL || APR_STATUS_IS_ENOSPC(status))
        return MOGILE_ERROR_GARBAGE;
    return MOGILE_ERROR_REFUSED;
}

int mogile_server_allows(const mogile_server_t *server)
{
    return tier_breaker_allows(server->breaker);
}

void mogile_server_tell(const mogile_server_t *server, apr_status_t status, const char *problem)
{
    apr_uint64_t untold = 0;
    tier_breaker_news_e news = tier_breaker_news(server->breaker, tier_clock_now(), &untold);

    if (news == TIER_BREAKER_HAS_OPENED && untold == 0)
        tier_log(server->log, TIER_LOG_MARK, TIER_LOG_WARNING, status,
                 WTNO(3501) "MogileFS %s %s: %s; it is left out until it answers", server->kind,
                 server->name, problem);
    else if (news == TIER_BREAKER_HAS_OPENED)
        tier_log(server->log, TIER_LOG_MARK, TIER_LOG_WARNING, status,
                 WTNO(3502) "MogileFS %s %s comes and goes: given up %" APR_UINT64_T_FMT
                            " more times, now for: %s",
                 server->kind, server->name, untold, problem);
    else if (news == TIER_BREAKER_HAS_CLOSED)
        tier_log(server->log, TIER_LOG_MARK, TIER_LOG_NOTICE, 0,
                 WTNO(3503) "MogileFS %s %s answers again", server->kind, server->name);
}

void mogile_server_failed(const mogile_server_t *server, apr_time_t began, mogile_error_e error,
                          apr_status_t status)
{
    tier_counter_add(&server->counts->requests, 1);
    tier_counter_add(&server->counts->errors[error], 1);
    if (tier_breaker_failure(server->breaker, 1, began, tier_clock_now()))
        mogile_server_tell(server, status == APR_EGENERAL ? APR_SUCCESS : status, text_of(error));
}

void mogile_server_answered(const mogile_server_t *server, apr_time_t began)
{
    apr_time_t now = tier_clock_now();
    apr_int64_t latency = tier_atomic_load64(&server->counts->latency);

    tier_counter_add(&server->counts->requests, 1);
    /* Two threads at once lose one of their answers, which an average can bear. */
    tier_atomic_store64(&server->counts->latency,
                        latency ? latency + (now - began - latency) / SMOOTH : now - began);
    if (tier_breaker_success(server->breaker, began, now))
        mogile_server_tell(server, 0, "");
}

void mogile_server_cannot(const mogile_server_t *server)
{
    tier_counter_add(&server->counts->errors[MOGILE_ERROR_FAILURE], 1);
}
