/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_proxy reads dates more leniently than RFC 9111 section 5.3 has a cache read Expires, and
 * passes them on in a valid form: in another time zone, without a comma, with a one-digit hour an
 * answer that is to count as expired would look fresh. This filter is on the connections to
 * backends, where the field still is as the origin sent it, and makes an invalid one "0".
 */
#include "cache_hooks.h"
#include "cache_date.h"

#include <string.h>
#include <strings.h>

#define NAME      "Expires:"
#define NAME_SIZE (sizeof(NAME) - 1)
#define LONGEST   80 /* bytes of a line; no valid one is longer */

/* Most lines do not begin so. */
static int may_be_it(const apr_bucket_brigade *brigade)
{
    apr_bucket *first = APR_BRIGADE_FIRST(brigade);
    apr_size_t size;
    const char *data;

    return first != APR_BRIGADE_SENTINEL(brigade) && !APR_BUCKET_IS_METADATA(first) &&
           apr_bucket_read(first, &data, &size, APR_NONBLOCK_READ) == APR_SUCCESS && size > 0 &&
           (data[0] | 0x20) == 'e';
}

static int is_valid(char *line, apr_size_t size)
{
    char *value = line + NAME_SIZE;
    char *end = line + size;
    apr_time_t date;

    value += strspn(value, " \t");
    while (end > value && strchr(" \t\r\n", end[-1]))
        end--;
    *end = '\0';
    return size < LONGEST && cache_date_parse(value, apr_time_now(), &date);
}

/*
 * Makes the line another one where it is an Expires field that is not valid. By itself, so that its
 * memory is no part of what each line costs.
 */
static __attribute__((noinline)) void correct(const ap_filter_t *f, apr_bucket_brigade *brigade)
{
    char line[LONGEST + 1];
    apr_size_t size = LONGEST;

    if (apr_brigade_flatten(brigade, line, &size) != APR_SUCCESS)
        return;
    line[size] = '\0';
    if (strncasecmp(line, NAME, NAME_SIZE) != 0 || is_valid(line, size))
        return;
    apr_brigade_cleanup(brigade);
    APR_BRIGADE_INSERT_TAIL(
        brigade, apr_bucket_immortal_create(NAME " 0\r\n", NAME_SIZE + 4, f->c->bucket_alloc));
}

apr_status_t cache_expires_filter(ap_filter_t *f, apr_bucket_brigade *brigade, ap_input_mode_t mode,
                                  apr_read_type_e block, apr_off_t bytes)
{
    apr_status_t rv;

    if (mode != AP_MODE_GETLINE)
        return ap_get_brigade(f->next, brigade, mode, block, bytes);
    rv = ap_get_brigade(f->next, brigade, mode, block, bytes);
    if (rv == APR_SUCCESS && may_be_it(brigade))
        correct(f, brigade);
    return rv;
}
