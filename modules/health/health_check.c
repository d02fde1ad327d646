/* SPDX-License-Identifier: Apache-2.0 */
#include "health_check.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

#define STATUSES_ALLOWED                                                                           \
    "allowed are statuses from 100 to 599 and ranges of them, at most 16, with commas between: "   \
    "200-399 or 200,204"

void health_check_defaults(health_check_t *check)
{
    memset(check, 0, sizeof(*check));
    check->kind = HEALTH_KIND_HTTP;
    check->method = "GET";
    check->uri = "/";
    check->interval = HEALTH_INTERVAL_DEFAULT;
    check->rise = 2;
    check->fall = 3;
    check->statuses.count = 1;
    check->statuses.range[0].first = 200;
    check->statuses.range[0].last = 399;
}

const char *health_check_settle(health_check_t *check, apr_pool_t *pool)
{
    if (check->timeout == 0)
        check->timeout =
            check->interval < HEALTH_TIMEOUT_DEFAULT ? check->interval : HEALTH_TIMEOUT_DEFAULT;
    if (check->timeout > check->interval)
        return apr_psprintf(
            pool,
            "timeout=%s is longer than interval=%s: a probe must be over when the next one "
            "begins, so timeout may be up to interval",
            health_check_time_text(check->timeout, pool),
            health_check_time_text(check->interval, pool));
    if (strcmp(check->uri, "*") == 0 && strcmp(check->method, "OPTIONS") != 0)
        return "uri=* goes with method=OPTIONS only: give a path that begins with /";
    return NULL;
}

/* Reads a status of three digits; returns what follows it, or NULL. */
static const char *read_status(const char *text, int *status)
{
    int value = 0;

    for (int i = 0; i < 3; i++) {
        if (!apr_isdigit(text[i]))
            return NULL;
        value = value * 10 + (text[i] - '0');
    }
    if (value < 100 || value > 599)
        return NULL;
    *status = value;
    return text + 3;
}

const char *health_check_parse_statuses(health_status_set_t *set, const char *text)
{
    set->count = 0;
    for (;;) {
        int first, last;

        if (set->count == HEALTH_STATUS_RANGES || !(text = read_status(text, &first)))
            return STATUSES_ALLOWED;
        last = first;
        if (*text == '-' && !(text = read_status(text + 1, &last)))
            return STATUSES_ALLOWED;
        if (last < first)
            return STATUSES_ALLOWED;
        set->range[set->count].first = first;
        set->range[set->count].last = last;
        set->count++;
        if (*text == '\0')
            return NULL;
        if (*text++ != ',')
            return STATUSES_ALLOWED;
    }
}

int health_check_status_passes(const health_status_set_t *set, int status)
{
    for (int i = 0; i < set->count; i++) {
        if (status >= set->range[i].first && status <= set->range[i].last)
            return 1;
    }
    return 0;
}

const char *health_check_method_error(const char *method)
{
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 || strcmp(method, "OPTIONS") == 0)
        return NULL;
    return "allowed are GET, HEAD and OPTIONS";
}

const char *health_check_uri_error(const char *uri)
{
    static const char allowed[] =
        "allowed is a path of up to 1024 visible ASCII characters that begins with /, with "
        "or without a query (or * with method=OPTIONS)";

    if (strcmp(uri, "*") == 0)
        return NULL;
    if (*uri != '/' || strlen(uri) > 1024)
        return allowed;
    for (; *uri; uri++) {
        if (!apr_isascii(*uri) || !apr_isgraph(*uri) || *uri == '#')
            return allowed;
    }
    return NULL;
}

const char *health_check_host_error(const char *host)
{
    static const char allowed[] =
        "allowed is a host name or address of up to 255 characters, with or without :port";

    if (*host == '\0' || strlen(host) > 255)
        return allowed;
    for (; *host; host++) {
        if (!apr_isalnum(*host) && !strchr("-._:[]", *host))
            return allowed;
    }
    return NULL;
}

int health_check_speaks_http(const char *scheme)
{
    return strcmp(scheme, "http") == 0 || strcmp(scheme, "ws") == 0;
}

const char *health_check_time_text(apr_interval_time_t time, apr_pool_t *pool)
{
    if (time % APR_USEC_PER_SEC == 0)
        return apr_psprintf(pool, "%" APR_TIME_T_FMT "s", time / APR_USEC_PER_SEC);
    if (time % 1000 == 0)
        return apr_psprintf(pool, "%" APR_TIME_T_FMT "ms", time / 1000);
    return apr_psprintf(pool, "%" APR_TIME_T_FMT "us", time);
}

const char *health_check_text(const health_check_t *check, apr_pool_t *pool)
{
    const char *what = check->kind == HEALTH_KIND_TCP
                           ? "tcp"
                           : apr_pstrcat(pool, "http ", check->method, " ", check->uri, NULL);

    return apr_psprintf(pool, "%s every %s, timeout %s, rise %u, fall %u", what,
                        health_check_time_text(check->interval, pool),
                        health_check_time_text(check->timeout, pool), check->rise, check->fall);
}
