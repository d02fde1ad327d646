/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_SERVER_H
#define MOGILE_SERVER_H

#include <apr_errno.h>

#include "atomics.h"
#include "breaker.h"
#include "log.h"

/*
 * A tracker or the database: whether it may be asked, and what came of asking it. What is counted
 * is in memory that all processes share. Any thread of any process; no lock.
 */
typedef enum {
    MOGILE_ERROR_REFUSED, /* no connection */
    MOGILE_ERROR_TIMEOUT, /* no whole answer within the deadline */
    MOGILE_ERROR_CLOSED,  /* the connection ended before the answer did */
    MOGILE_ERROR_GARBAGE, /* what came is no answer */
    MOGILE_ERROR_FAILURE, /* an answer: it cannot do what it is asked */
    MOGILE_ERRORS
} mogile_error_e;

/* In shared memory, zeroed when fresh. */
typedef struct mogile_counts_t {
    tier_counter_t requests;
    tier_counter_t connections;
    tier_counter_t errors[MOGILE_ERRORS];
    apr_int64_t latency; /* moving average of answers, microseconds; atomic */
} mogile_counts_t;

typedef struct mogile_server_t {
    const char *kind; /* "tracker" or "database": for people */
    const char *name; /* as configured, without user and password */
    tier_breaker_t *breaker;
    mogile_counts_t *counts;
    const tier_log_t *log;
} mogile_server_t;

/* Returns the error's name on the status page, lower_case; a constant. */
const char *mogile_error_name(mogile_error_e error);

/* Returns what a status of a connection means. APR_EOF is CLOSED, APR_TIMEUP and its kin TIMEOUT,
 * APR_ENOSPC and APR_EGENERAL GARBAGE, every other one REFUSED. */
mogile_error_e mogile_error_of(apr_status_t status);

/* Returns 1 when it may be asked. */
int mogile_server_allows(const mogile_server_t *server);

/*
 * A request that began then (tier_clock_now()) got no answer, by a fault of the server: it is not
 * asked again until a probe succeeds. Logged once, not once a request.
 */
void mogile_server_failed(const mogile_server_t *server, apr_time_t began, mogile_error_e error,
                          apr_status_t status);

/* A request or a probe got an answer, whatever it says. */
void mogile_server_answered(const mogile_server_t *server, apr_time_t began);

/* It said that it cannot do what it is asked, which may be the request's fault: counted only. */
void mogile_server_cannot(const mogile_server_t *server);

/* Logs what was held back of a server that comes and goes; called now and then. */
void mogile_server_tell(const mogile_server_t *server, apr_status_t status, const char *problem);

#endif
