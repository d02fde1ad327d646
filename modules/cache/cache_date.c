/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_date.h"

#include <apr_lib.h>

#include <stdio.h>
#include <string.h>

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char long_days[7][10] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday"};

/*
 * What is read so far: a cursor and the numbers; at becomes NULL at the first character that does
 * not fit.
 */
typedef struct reader_t {
    const char *at;
    int year, month, day, hour, minute, second;
} reader_t;

static void read_literal(reader_t *reader, const char *literal)
{
    apr_size_t size = strlen(literal);

    if (reader->at)
        reader->at = strncmp(reader->at, literal, size) == 0 ? reader->at + size : NULL;
}

static int read_digits(reader_t *reader, int count)
{
    int value = 0;

    for (int i = 0; i < count && reader->at; i++) {
        if (apr_isdigit(reader->at[0])) {
            value = value * 10 + (*reader->at++ - '0');
        } else {
            reader->at = NULL;
        }
    }
    return value;
}

static void read_month(reader_t *reader)
{
    for (int i = 0; reader->at && i < 12; i++) {
        if (strncmp(reader->at, months[i], 3) == 0) {
            reader->month = i + 1;
            reader->at += 3;
            return;
        }
    }
    reader->at = NULL;
}

static void read_time(reader_t *reader)
{
    reader->hour = read_digits(reader, 2);
    read_literal(reader, ":");
    reader->minute = read_digits(reader, 2);
    read_literal(reader, ":");
    reader->second = read_digits(reader, 2);
}

/* Returns the length of the weekday that text starts with, or 0. */
static apr_size_t weekday(const char *text, int is_long)
{
    for (int i = 0; i < 7; i++) {
        const char *name = is_long ? long_days[i] : days[i];
        if (strncmp(text, name, strlen(name)) == 0)
            return strlen(name);
    }
    return 0;
}

static void read_imf(reader_t *reader)
{
    read_literal(reader, ", ");
    reader->day = read_digits(reader, 2);
    read_literal(reader, " ");
    read_month(reader);
    read_literal(reader, " ");
    reader->year = read_digits(reader, 4);
    read_literal(reader, " ");
    read_time(reader);
    read_literal(reader, " GMT");
}

static void read_asctime(reader_t *reader)
{
    read_literal(reader, " ");
    read_month(reader);
    read_literal(reader, " ");
    if (reader->at && reader->at[0] == ' ') {
        reader->at++;
        reader->day = read_digits(reader, 1);
    } else {
        reader->day = read_digits(reader, 2);
    }
    read_literal(reader, " ");
    read_time(reader);
    read_literal(reader, " ");
    reader->year = read_digits(reader, 4);
}

static int year_of(apr_time_t time)
{
    apr_time_exp_t exploded;

    apr_time_exp_gmt(&exploded, time);
    return exploded.tm_year + 1900;
}

static void read_rfc850(reader_t *reader, apr_time_t now)
{
    int this_year = year_of(now);

    read_literal(reader, ", ");
    reader->day = read_digits(reader, 2);
    read_literal(reader, "-");
    read_month(reader);
    read_literal(reader, "-");
    reader->year = read_digits(reader, 2) + this_year - this_year % 100;
    if (reader->year > this_year + 50) {
        reader->year -= 100;
    } else if (reader->year <= this_year - 50) {
        reader->year += 100;
    }
    read_literal(reader, " ");
    read_time(reader);
    read_literal(reader, " GMT");
}

static int days_in(int month, int year)
{
    static const int length[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return length[month - 1] + (month == 2 && leap);
}

static int is_valid(const reader_t *reader)
{
    return reader->at && *reader->at == '\0' && reader->day >= 1 &&
           reader->day <= days_in(reader->month, reader->year) && reader->hour <= 23 &&
           reader->minute <= 59 && reader->second <= 60;
}

/*
 * Days from 1970-01-01 in the proleptic Gregorian calendar; years count from March, so that
 * February ends them.
 */
static apr_int64_t days_since_epoch(int year, int month, int day)
{
    apr_int64_t y = month <= 2 ? year - 1 : year;
    apr_int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    apr_int64_t leaps = y >= 0 ? y / 4 - y / 100 + y / 400 : -1;

    return y * 365 + leaps + day_of_year - 719468;
}

int cache_date_parse(const char *text, apr_time_t now, apr_time_t *date)
{
    reader_t reader = {0};
    apr_size_t name = weekday(text, 1);

    if (name) {
        reader.at = text + name;
        read_rfc850(&reader, now);
    } else if ((name = weekday(text, 0)) != 0) {
        reader.at = text + name;
        if (text[name] == ',') {
            read_imf(&reader);
        } else {
            read_asctime(&reader);
        }
    }
    if (!is_valid(&reader))
        return 0;
    *date = apr_time_from_sec(days_since_epoch(reader.year, reader.month, reader.day) * 86400 +
                              reader.hour * 3600 + reader.minute * 60 + reader.second);
    return 1;
}

void cache_date_format(char text[CACHE_DATE_SIZE], apr_time_t date)
{
    const apr_time_t first = apr_time_from_sec(APR_INT64_C(-62167219200));
    const apr_time_t last = apr_time_from_sec(APR_INT64_C(253402300799));
    apr_time_exp_t t;

    apr_time_exp_gmt(&t, date < first ? first : date > last ? last : date);
    /* The remainders tell the compiler what the calendar does: that it fits. */
    snprintf(text, CACHE_DATE_SIZE, "%s, %02u %s %04u %02u:%02u:%02u GMT", days[t.tm_wday % 7],
             (unsigned)t.tm_mday % 100, months[t.tm_mon % 12], (unsigned)(t.tm_year + 1900) % 10000,
             (unsigned)t.tm_hour % 100, (unsigned)t.tm_min % 100, (unsigned)t.tm_sec % 100);
}
