/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_DATE_H
#define CACHE_DATE_H

#include <apr_time.h>

/*
 * Reads an HTTP-date strictly, in the three forms of RFC 9110 section 5.6.7 and no other:
 * IMF-fixdate, RFC 850 (its two-digit year is the one that is less than 50 years ago or at most 50
 * ahead) and asctime. Each number has its digits, the zone is GMT, the day exists in its month;
 * case does not count (RFC 9111 section 4.2); the weekday is not compared with the date. Returns 1
 * and *date (microseconds, Unix epoch), or 0. Any thread.
 */
int cache_date_parse(const char *text, apr_time_t now, apr_time_t *date);

#define CACHE_DATE_SIZE 30 /* what cache_date_format needs, the end included */

/* Writes date as IMF-fixdate into text. Years 0 to 9999; others are moved to the nearer end. */
void cache_date_format(char text[CACHE_DATE_SIZE], apr_time_t date);

#endif
