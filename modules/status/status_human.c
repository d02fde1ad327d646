/* SPDX-License-Identifier: Apache-2.0 */
#include "status_human.h"

#include <apr_strings.h>

#define SECOND     APR_USEC_PER_SEC
#define MINUTE     (60 * SECOND)
#define HOUR       (60 * MINUTE)
#define DAY        (24 * HOUR)
#define YEAR_10000 (APR_INT64_C(253402300800) * SECOND)

/* The absolute value; well defined for the smallest number too. */
static apr_uint64_t magnitude(apr_int64_t number)
{
    return number < 0 ? -(apr_uint64_t)number : (apr_uint64_t)number;
}

const char *status_human_seconds(apr_int64_t microseconds, apr_pool_t *pool)
{
    apr_uint64_t value = magnitude(microseconds);
    char *text = apr_psprintf(pool, "%s%" APR_UINT64_T_FMT ".%06u", microseconds < 0 ? "-" : "",
                              value / SECOND, (unsigned)(value % SECOND));
    char *end = text + strlen(text);

    while (end[-1] == '0')
        end--;
    if (end[-1] == '.')
        end--;
    *end = '\0';
    return text;
}

/* Returns 0 where APR would hand the C library a year it cannot name. */
static int explode(apr_time_exp_t *parts, apr_time_t when)
{
    return when > 0 && when < YEAR_10000 && apr_time_exp_gmt(parts, when) == APR_SUCCESS;
}

const char *status_human_instant(apr_time_t when, apr_pool_t *pool)
{
    apr_time_exp_t at;

    if (!explode(&at, when))
        return NULL;
    return apr_psprintf(pool, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", at.tm_year + 1900,
                        at.tm_mon + 1, at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec,
                        at.tm_usec / 1000);
}

const char *status_human_clock(apr_time_t when, apr_pool_t *pool)
{
    apr_time_exp_t at;

    if (!explode(&at, when))
        return NULL;
    return apr_psprintf(pool, "%04d-%02d-%02d %02d:%02d:%02d UTC", at.tm_year + 1900, at.tm_mon + 1,
                        at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec);
}

/* One digit behind the point, cut and not rounded so that 59.99 s never reads "60.0 s"; "5", not
 * "5.0". */
static const char *with_tenths(const char *sign, apr_uint64_t value, apr_uint64_t unit,
                               const char *name, apr_pool_t *pool)
{
    unsigned tenths = (unsigned)(value % unit * 10 / unit);

    if (tenths == 0)
        return apr_psprintf(pool, "%s%" APR_UINT64_T_FMT " %s", sign, value / unit, name);
    return apr_psprintf(pool, "%s%" APR_UINT64_T_FMT ".%u %s", sign, value / unit, tenths, name);
}

static const char *in_two_units(const char *sign, apr_uint64_t value, apr_uint64_t large,
                                const char *large_name, apr_uint64_t small, const char *small_name,
                                apr_pool_t *pool)
{
    apr_uint64_t rest = value % large / small;

    if (rest == 0)
        return apr_psprintf(pool, "%s%" APR_UINT64_T_FMT " %s", sign, value / large, large_name);
    return apr_psprintf(pool, "%s%" APR_UINT64_T_FMT " %s %" APR_UINT64_T_FMT " %s", sign,
                        value / large, large_name, rest, small_name);
}

const char *status_human_duration(apr_int64_t microseconds, apr_pool_t *pool)
{
    apr_uint64_t value = magnitude(microseconds);
    const char *sign = microseconds < 0 ? "-" : "";

    if (value == 0)
        return "0 s";
    if (value < 1000)
        return apr_psprintf(pool, "%s%u us", sign, (unsigned)value);
    if (value < SECOND)
        return with_tenths(sign, value, 1000, "ms", pool);
    if (value < MINUTE)
        return with_tenths(sign, value, SECOND, "s", pool);
    if (value < HOUR)
        return in_two_units(sign, value, MINUTE, "min", SECOND, "s", pool);
    if (value < DAY)
        return in_two_units(sign, value, HOUR, "h", MINUTE, "min", pool);
    return in_two_units(sign, value, DAY, "d", HOUR, "h", pool);
}

const char *status_human_count(apr_int64_t count, apr_pool_t *pool)
{
    const char *digits = apr_psprintf(pool, "%" APR_UINT64_T_FMT, magnitude(count));
    apr_size_t size = strlen(digits);
    char *text = apr_palloc(pool, size + size / 3 + 2);
    char *out = text;

    if (count < 0)
        *out++ = '-';
    for (apr_size_t i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
    return text;
}

const char *status_human_bytes(apr_int64_t bytes, apr_pool_t *pool)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    apr_uint64_t value = magnitude(bytes);
    apr_uint64_t unit = 1024;
    int step = 0;

    if (value < 1024)
        return apr_psprintf(pool, "%s%u B", bytes < 0 ? "-" : "", (unsigned)value);
    while (step < 5 && value / unit >= 1024) {
        unit *= 1024;
        step++;
    }
    return apr_psprintf(pool, "%s%.1f %s", bytes < 0 ? "-" : "", (double)value / (double)unit,
                        units[step]);
}
