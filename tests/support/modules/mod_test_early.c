/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test only: somebody's module that passes an interim response on before a request with the field
 * X-Early is handled, without a FLUSH: httpd keeps it for what follows.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>

extern module AP_MODULE_DECLARE_DATA test_early_module;

static int fixups(request_rec *r)
{
    static const char hints[] =
        "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
    conn_rec *c = r->connection;
    apr_bucket_brigade *brigade;

    if (!apr_table_get(r->headers_in, "X-Early"))
        return DECLINED;
    brigade = apr_brigade_create(r->pool, c->bucket_alloc);
    APR_BRIGADE_INSERT_TAIL(brigade,
                            apr_bucket_immortal_create(hints, sizeof(hints) - 1, c->bucket_alloc));
    ap_pass_brigade(c->output_filters, brigade);
    return DECLINED;
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_fixups(fixups, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(test_early) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE};
