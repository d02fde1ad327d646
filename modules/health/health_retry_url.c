/* SPDX-License-Identifier: Apache-2.0 */
#include "health_retry_url.h"

#include <apr_strings.h>

#include <string.h>

#define SCHEME "proxy:"

/* In no header; 0 in an older httpd, or without mod_proxy. */
#pragma weak ap_proxy_canon_url
PROXY_DECLARE(int) ap_proxy_canon_url(request_rec *r);

int health_retry_url_rewrite(request_rec *r, const proxy_worker *worker, char **url)
{
    const char *host = strstr(*url, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;

    r->filename = apr_pstrcat(r->pool, SCHEME, worker->s->name_ex, path ? path : "/", NULL);
    if (ap_proxy_canon_url) {
        int status = ap_proxy_canon_url(r);

        if (status != OK)
            return status;
    }
    *url = apr_pstrdup(r->pool, r->filename + sizeof(SCHEME) - 1);
    return OK;
}
