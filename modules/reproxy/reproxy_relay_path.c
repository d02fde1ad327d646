/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_relay_path.h"

#include <util_filter.h>

/* Let a body with a Content-Length pass as it is. Names as httpd keeps them: in lower case. */
static const char *const transparent[] = {"content_length", "http_outerror", "reqtimeout",
                                          "tier_linger",    "core",          NULL};

/* Look at the head of the response and then remove themselves. byterange does so when it sees a
 * FLUSH before the end of the body. */
static const char *const of_the_head[] = {
    "byterange",      "http_header", "fixup_headers_out", "fixup_headers_err",
    "logio_ttfb_out", "mod_expires", "mod_session_out",   NULL};

static int is_among(const char *name, const char *const *names)
{
    while (*names && ap_cstr_casecmp(name, *names) != 0) {
        names++;
    }
    return *names != NULL;
}

int reproxy_relay_path_is_plain(const request_rec *r, int head_sent)
{
    const ap_filter_t *filter;

    if (r->connection->master || r->connection->aborted || r->main || r->header_only ||
        r->chunked || r->proto_num < HTTP_VERSION(1, 0)) {
        return 0;
    }
    for (filter = r->output_filters; filter; filter = filter->next) {
        const char *name = filter->frec->name;

        if (!is_among(name, transparent) && ap_cstr_casecmp(name, REPROXY_RELAY_FILTER) != 0 &&
            (head_sent || !is_among(name, of_the_head))) {
            return 0;
        }
    }
    return 1;
}
