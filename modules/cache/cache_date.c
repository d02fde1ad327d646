/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_date.h"
#include "cache_text.h"

#include <stdio.h>
#include <string.h>

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char long_days[7][10] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday"};

/* What is read so far: a cursor, NULL from the first character on that does not fit, and numbers.
 */
typedef struct reader_t {
    const char *at;
    int year, month, day, hour, minute, second;
} reader_t;

static int read_digits(reader_t *reader, int count)
{
    const char *at = reader->at;
    int value = 0;

    for (; at && count > 0; count--) {
        value = value * 10 + (*at - '0');
        at = cache_text_is_digit(*at) ? at + 1 : NULL;
    }
    reader->at = at;
    return value;
}

/* In any case: RFC 9111 section 4.2. */
static int is_char(char c, char wanted)
{
    return (c ^ wanted) == 0 || ((c ^ wanted) == 0x20 && wanted >= 'A');
}

/* Returns the number of the name that text starts with, or -1. */
static int find_name(const char *text, const char (*names)[4], int count)
{
    for (int i = 0; i < count; i++) {
        if (is_char(text[0], names[i][0]) && is_char(text[1], names[i][1]) &&
            is_char(text[2], names[i][2]))
            return i;
    }
    return -1;
}

static void read_month(reader_t *reader)
{
    reader->month = find_name(reader->at, months, 12) + 1;
    reader->at = reader->month ? reader->at + 3 : NULL;
}

/* The day of asctime: of two places, the first may be a space. */
static void read_padded_day(reader_t *reader)
{
    int is_padded = *reader->at == ' ';

    reader->at += is_padded;
    reader->day = read_digits(reader, 2 - is_padded);
}

/*
 * Reads what format says: d day, m month's name, y year, c its last two digits, h hour, n minute,
 * s second, e day of asctime; all else stands for itself. One small loop is sooner in the
 * processor's cache than what compilers make of a function for each form.
 */
static void read_format(reader_t *reader, const char *format)
{
    for (; reader->at && *format; format++) {
        switch (*format) {
        case 'd':
            reader->day = read_digits(reader, 2);
            break;
        case 'm':
            read_month(reader);
            break;
        case 'y':
            reader->year = read_digits(reader, 4);
            break;
        case 'c':
            reader->year = read_digits(reader, 2);
            break;
        case 'h':
            reader->hour = read_digits(reader, 2);
            break;
        case 'n':
            reader->minute = read_digits(reader, 2);
            break;
        case 's':
            reader->second = read_digits(reader, 2);
            break;
        case 'e':
            read_padded_day(reader);
            break;
        default:
            reader->at = is_char(*reader->at, *format) ? reader->at + 1 : NULL;
        }
    }
}

static int year_of(apr_time_t time)
{
    apr_time_exp_t exploded;

    apr_time_exp_gmt(&exploded, time);
    return exploded.tm_year + 1900;
}

/* RFC 9110 section 5.6.7: of the last two digits. */
static int full_year(int digits, apr_time_t now)
{
    int this_year = year_of(now);
    int year = digits + this_year - this_year % 100;

    if (year > this_year + 50)
        return year - 100;
    return year <= this_year - 50 ? year + 100 : year;
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

/* RFC 850's, of which little is seen. */
static void read_long(reader_t *reader, const char *text, const char *day, apr_time_t now)
{
    apr_size_t size = strlen(day);

    reader->at = strncasecmp(text, day, size) == 0 ? text + size : NULL;
    read_format(reader, ", d-m-c h:n:s GMT");
    reader->year = full_year(reader->year, now);
}

int cache_date_parse(const char *text, apr_time_t now, apr_time_t *date)
{
    reader_t reader = {0};
    int day = find_name(text, days, 7);

    if (day < 0)
        return 0;
    reader.at = text + 3;
    if (*reader.at == ',') {
        read_format(&reader, ", d m y h:n:s GMT");
    } else if (*reader.at == ' ') {
        read_format(&reader, " m e h:n:s y");
    } else {
        read_long(&reader, text, long_days[day], now);
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
