/* SPDX-License-Identifier: Apache-2.0 */
#include "health_hedge.h"

#include <apr_lib.h>

#include <string.h>

#define STATUS     9 /* where it begins and ends in a status line */
#define STATUS_END 12

static apr_time_t earlier(apr_time_t one, apr_time_t other)
{
    if (one == 0 || other == 0)
        return one ? one : other;
    return one < other ? one : other;
}

/* The first member failed while the second is at it: that is the retry already. */
static health_hedge_step_e after_bad(const health_hedge_race_t *race, apr_time_t now,
                                     apr_time_t *wake_at)
{
    *wake_at = earlier(race->until, race->bad_until);
    if (race->second == HEALTH_SIDE_NONE || (*wake_at != 0 && now >= *wake_at))
        return HEALTH_HEDGE_FIRST;
    return HEALTH_HEDGE_WAIT;
}

health_hedge_step_e health_hedge_next(const health_hedge_race_t *race, apr_time_t now,
                                      apr_time_t *wake_at)
{
    if (race->first == HEALTH_SIDE_GOOD)
        return HEALTH_HEDGE_FIRST;
    if (race->second == HEALTH_SIDE_GOOD)
        return HEALTH_HEDGE_SECOND;
    if (race->first == HEALTH_SIDE_BAD)
        return after_bad(race, now, wake_at);
    if (race->until != 0 && now >= race->until)
        return HEALTH_HEDGE_OVER;
    if (race->second_at != 0 && now >= race->second_at)
        return HEALTH_HEDGE_BEGIN;
    /* What is left is a plain read. */
    if (race->second_at == 0 && race->second == HEALTH_SIDE_NONE)
        return HEALTH_HEDGE_FIRST;
    *wake_at = earlier(race->until, race->second_at);
    return HEALTH_HEDGE_WAIT;
}

/* "#" stands for a digit. */
static int fits(char c, char wanted)
{
    return wanted == '#' ? apr_isdigit(c) : c == wanted;
}

static health_beginning_e status_line(const char *bytes, apr_size_t size, int *status)
{
    static const char line[] = "HTTP/1.# ###";

    for (apr_size_t i = 0; i < size && i < STATUS_END; i++) {
        if (!fits(bytes[i], line[i]) || (i == STATUS && (bytes[i] < '1' || bytes[i] > '5')))
            return HEALTH_BEGINNING_OTHER;
    }
    if (size <= STATUS_END)
        return HEALTH_BEGINNING_SHORT;
    if (bytes[STATUS_END] != ' ' && bytes[STATUS_END] != '\r' && bytes[STATUS_END] != '\n')
        return HEALTH_BEGINNING_OTHER;
    *status =
        100 * (bytes[STATUS] - '0') + 10 * (bytes[STATUS + 1] - '0') + (bytes[STATUS + 2] - '0');
    return HEALTH_BEGINNING_HTTP;
}

health_beginning_e health_hedge_beginning(const char *bytes, apr_size_t size, int *status)
{
    apr_size_t skipped = 0;

    if (skipped < size && bytes[skipped] == '\r')
        skipped++;
    if (skipped < size && bytes[skipped] == '\n')
        skipped++;
    else if (skipped == 1 && size > 1)
        return HEALTH_BEGINNING_OTHER;
    return status_line(bytes + skipped, size - skipped, status);
}

const char *health_hedge_path(const char *url, const char *first)
{
    apr_size_t size = strlen(first);

    return strncmp(url, first, size) == 0 && url[size] == '/' ? url + size : NULL;
}
