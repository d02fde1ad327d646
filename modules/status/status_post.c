/* SPDX-License-Identifier: Apache-2.0 */
#include "status_post.h"

#include <ap_provider.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_vhost.h>
#include <webtier/status_provider.h>

#include "glue.h"
#include "log.h"
#include "status_config.h"
#include "status_escape.h"
#include "status_site.h"

APLOG_USE_MODULE(tier_status);

#define FIELDS_MAX 8
#define BODY_MAX   8192
#define VALUE_MAX  2048

typedef struct fields_t {
    const char *token;
    const char *module;
    const char *target;
    const char *action;
} fields_t;

/* Behind another name of this server's address may stand a page of anybody, which a browser takes
 * for ours (DNS rebinding). */
static int is_own_name(request_rec *r)
{
    const char *host = apr_table_get(r->headers_in, "Host");

    return status_site_is_local_name(host) ||
           (r->hostname &&
            ap_matches_request_vhost(r, r->hostname,
                                     r->parsed_uri.port_str ? r->parsed_uri.port
                                                            : ap_get_server_port(r)));
}

int status_post_is_allowed(request_rec *r)
{
    return tier_glue_admits(r, status_config_actors(r)) && is_own_name(r);
}

static int refuse(request_rec *r, const char *why)
{
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  WTNO(8002) "an action is refused to this client: %s", why);
    return HTTP_FORBIDDEN;
}

static const char *text_of(const ap_form_pair_t *pair, apr_pool_t *pool)
{
    apr_size_t size = VALUE_MAX;
    char *text = apr_palloc(pool, VALUE_MAX + 1);

    if (apr_brigade_flatten(pair->value, text, &size) != APR_SUCCESS)
        return NULL;
    text[size] = '\0';
    return text;
}

static void take_field(fields_t *fields, const ap_form_pair_t *pair, apr_pool_t *pool)
{
    if (strcmp(pair->name, "token") == 0)
        fields->token = text_of(pair, pool);
    else if (strcmp(pair->name, "module") == 0)
        fields->module = text_of(pair, pool);
    else if (strcmp(pair->name, "target") == 0)
        fields->target = text_of(pair, pool);
    else if (strcmp(pair->name, "action") == 0)
        fields->action = text_of(pair, pool);
}

/* Returns OK when all fields are there, else a status. */
static int read_fields(fields_t *fields, request_rec *r)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");
    apr_array_header_t *pairs = NULL;
    int result;

    memset(fields, 0, sizeof(*fields));
    if (!type || strncasecmp(type, "application/x-www-form-urlencoded", 33) != 0)
        return HTTP_UNSUPPORTED_MEDIA_TYPE;
    result = ap_parse_form_data(r, NULL, &pairs, FIELDS_MAX, BODY_MAX);
    if (result != OK)
        return ap_is_HTTP_ERROR(result) ? result : HTTP_BAD_REQUEST;
    for (int i = 0; pairs && i < pairs->nelts; i++)
        take_field(fields, &APR_ARRAY_IDX(pairs, i, ap_form_pair_t), r->pool);
    return fields->module && fields->target && fields->action ? OK : HTTP_BAD_REQUEST;
}

static int status_of(tier_status_outcome_e outcome)
{
    switch (outcome) {
    case TIER_STATUS_DONE:
        return HTTP_OK;
    case TIER_STATUS_NO_ACTION:
        return HTTP_BAD_REQUEST;
    case TIER_STATUS_NO_TARGET:
        return HTTP_NOT_FOUND;
    default:
        return HTTP_CONFLICT;
    }
}

static tier_status_outcome_e ask(const fields_t *fields, const char **text, request_rec *r)
{
    const tier_status_provider_t *provider =
        ap_lookup_provider(TIER_STATUS_GROUP, fields->module, TIER_STATUS_VERSION);

    *text = "no such module, or nothing can be done there";
    if (!provider || !provider->act)
        return TIER_STATUS_NO_TARGET;
    return provider->act(fields->action, fields->target, text, r->server, r->pool);
}

static void send_json(request_rec *r, tier_status_outcome_e outcome, const char *text)
{
    status_buffer_t buffer;

    status_buffer_init(&buffer, r->pool);
    status_buffer_text(&buffer,
                       outcome == TIER_STATUS_DONE ? "{\"done\": true" : "{\"done\": false");
    status_buffer_text(&buffer, ", \"text\": \"");
    status_escape_json(&buffer, text);
    status_buffer_text(&buffer, "\"}\n");
    r->status = status_of(outcome);
    ap_set_content_type(r, "application/json");
    ap_set_content_length(r, (apr_off_t)buffer.size);
    ap_rwrite(buffer.data, (int)buffer.size, r);
}

/* A page that was sent by a form would be sent again with each reload. */
static int send_back(request_rec *r)
{
    const char *page = status_route_page(r->uri, STATUS_ROUTE_PAGE, r->pool);

    apr_table_setn(r->headers_out, "Location", *page ? ap_os_escape_path(r->pool, page, 1) : "/");
    return HTTP_SEE_OTHER;
}

int status_post_answer(request_rec *r, status_route_e route, const char *token)
{
    const char *why = status_site_error(apr_table_get(r->headers_in, "Sec-Fetch-Site"),
                                        apr_table_get(r->headers_in, "Origin"),
                                        apr_table_get(r->headers_in, "Host"));
    tier_status_outcome_e outcome;
    fields_t fields;
    const char *text;
    int status;

    if (!status_post_is_allowed(r))
        return refuse(r, "see TierStatusActions");
    if (why)
        return refuse(r, why);
    status = read_fields(&fields, r);
    if (status != OK)
        return status;
    if (!status_site_token_matches(fields.token, token))
        return refuse(r, "the token is not the one of this start of httpd");
    outcome = ask(&fields, &text, r);
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r, WTNO(8003) "asked to %s %s of %s: %s",
                  ap_escape_logitem(r->pool, fields.action),
                  ap_escape_logitem(r->pool, fields.target),
                  ap_escape_logitem(r->pool, fields.module), text);
    if (route == STATUS_ROUTE_PAGE && outcome == TIER_STATUS_DONE)
        return send_back(r);
    send_json(r, outcome, text);
    return OK;
}
