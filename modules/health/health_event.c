/* SPDX-License-Identifier: Apache-2.0 */
#include "health_event.h"

#include <apr_strings.h>

#include <string.h>

/* Each byte takes six at most; what is no ASCII becomes a question mark. */
static const char *quote(const char *text, apr_pool_t *pool)
{
    char *quoted = apr_palloc(pool, 6 * strlen(text) + 3);
    char *to = quoted;

    *to++ = '"';
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < ' ' || c == 0x7F) {
            to += apr_snprintf(to, 7, "\\u%04x", c);
        } else {
            if (c == '"' || c == '\\')
                *to++ = '\\';
            *to++ = c < 0x80 ? (char)c : '?';
        }
    }
    *to++ = '"';
    *to = '\0';
    return quoted;
}

static const char *instant(apr_time_t when, apr_pool_t *pool)
{
    apr_time_exp_t utc;

    if (apr_time_exp_gmt(&utc, when) != APR_SUCCESS)
        return "";
    return apr_psprintf(pool, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", utc.tm_year + 1900,
                        utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                        utc.tm_usec);
}

const char *health_event_text(const health_key_t *key, const health_transition_t *transition,
                              apr_pool_t *pool)
{
    return apr_pstrcat(pool, "{\"balancer\": ", quote(key->balancer, pool),
                       ", \"virtual_host\": ", quote(key->scope, pool),
                       ", \"member\": ", quote(key->member, pool), ", \"from\": \"",
                       health_member_state_name(transition->from), "\", \"to\": \"",
                       health_member_state_name(transition->to),
                       "\", \"reason\": ", quote(transition->reason, pool), ", \"time\": \"",
                       instant(transition->when, pool), "\"}", NULL);
}
