/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_request.h"

#include <string.h>

#include <http_protocol.h>

#include "mogile_write.h"
#include "reproxy_private.h"

/* One that was asked twice because the first answer was lost finds the key gone. */
static int is_gone(const mogile_ask_t *ask)
{
    return !ask->answers[0].ok && strcmp(ask->answers[0].code, "unknown_key") == 0;
}

int mogile_delete(mogile_request_t *request)
{
    request_rec *r = request->r;
    mogile_service_t *service = request->service;
    mogile_ask_t ask = {.deadline = request->config->settings->timeout_write};
    int existed = 0;
    int result = ap_discard_request_body(r);

    if (result == OK)
        result = mogile_write_check(request, &existed);
    if (result != OK || !existed)
        return result == OK ? HTTP_NOT_FOUND : result;
    ask.requests[0] = mogile_wire_request(r->pool, "delete", "domain", request->key.domain, "key",
                                          request->key.key, NULL);
    if (!service->lookup.client ||
        mogile_client_ask(service->lookup.client, &ask, r->pool) != APR_SUCCESS ||
        (!ask.answers[0].ok && !is_gone(&ask))) {
        tier_counter_add(&service->shared->writes.failed, 1);
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WTNO(3537) "deletion of key %s: %s",
                      request->key.key, ask.server ? ask.answers[0].code : "no tracker answers");
        return mogile_request_unavailable(r);
    }
    mogile_lookup_drop(&service->lookup, &request->key, r->pool);
    if (is_gone(&ask) && ask.lost == 0)
        return HTTP_NOT_FOUND;
    tier_counter_add(&service->shared->writes.deletions, 1);
    apr_table_unset(r->headers_out, "ETag");
    r->status = HTTP_NO_CONTENT;
    return OK;
}
