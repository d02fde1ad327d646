/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_POLICY_H
#define ASSETS_POLICY_H

#include <apr_tables.h>
#include <apr_time.h>

/*
 * What may be kept of the application's answers, and for how long: a file of the web tier is
 * everybody's, so RFC 9111 section 3 for shared caches applies, without its finer exceptions. Pure;
 * any thread.
 */
typedef enum {
    ASSETS_STORE,
    ASSETS_REFUSE_STATUS,  /* not 200 */
    ASSETS_REFUSE_COOKIE,  /* Set-Cookie */
    ASSETS_REFUSE_PRIVATE, /* Cache-Control: private or no-store */
    ASSETS_REFUSE_VARY,    /* it depends on more than Accept-Encoding, which is not sent */
    ASSETS_REFUSE_ENCODED, /* Content-Encoding */
    ASSETS_REFUSE_SIZE,
    ASSETS_REFUSE_FIELDS, /* more of them than are kept beside the file */
    ASSETS_REFUSALS
} assets_verdict_e;

/* Judges an answer to GET by its status and fields. Size and number of fields are not looked at. */
assets_verdict_e assets_policy_judge(int status, const apr_table_t *fields);

/* Returns 1 for an answer that has any of the fields that those of HTTP/1 have. mod_proxy takes
 * whatever else a backend sends for one of HTTP/0.9, with status 200. */
int assets_policy_is_http(const apr_table_t *fields);

/*
 * Returns until when an answer that came now is used without asking again: s-maxage, max-age or
 * Expires (RFC 9111 section 4.2.1) less its Age, else fallback from now on; now itself for
 * no-cache.
 */
apr_time_t assets_policy_expires(const apr_table_t *fields, apr_time_t now,
                                 apr_interval_time_t fallback);

/* Returns 1 for a field that is kept: not of one connection, one message or this server. */
int assets_policy_keeps(const char *name);

#endif
