/* SPDX-License-Identifier: Apache-2.0 */
/* What the cache wants to know of a request before it is looked up, and what it changes in one. */
#include "cache_hooks.h"
#include "cache_conditional.h"

#include "received.h"

#include <http_core.h>
#include <http_protocol.h>

#include <string.h>

cache_request_t *cache_request_of(const request_rec *r)
{
    for (; r; r = r->prev) {
        cache_request_t *state = ap_get_module_config(r->request_config, &tier_cache_module);
        if (state)
            return state;
    }
    return NULL;
}

/*
 * ServerName's port tells virtual hosts of one name apart; where it has none, the one the request
 * came in by does.
 */
static const char *site_of(const request_rec *r)
{
    apr_port_t port = r->server->port ? r->server->port : r->connection->local_addr->port;
    apr_size_t size = strlen(r->server->server_hostname);
    char *site = apr_palloc(r->pool, size + sizeof(":65535"));

    memcpy(site, r->server->server_hostname, size);
    site[size] = ':';
    *cache_text_put_number(site + size + 1, port) = '\0';
    return site;
}

static void set_key(cache_request_t *state, request_rec *r)
{
    const char *host = apr_table_get(r->headers_in, "Host");

    state->parts.site = site_of(r);
    state->parts.scheme = ap_http_scheme(r);
    state->parts.host = host && *host ? host : ap_get_server_name(r);
    state->parts.uri = tier_received_uri(r);
    state->key = cache_key_make(&state->parts, r->pool);
}

static int has_body(const request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");

    return apr_table_get(r->headers_in, "Transfer-Encoding") ||
           (length && strcmp(length, "0") != 0);
}

/* Pragma counts only where there is no Cache-Control (RFC 9111 section 5.4). */
static void read_directives(cache_request_t *state, const request_rec *r)
{
    if (apr_table_get(r->headers_in, "Cache-Control")) {
        cache_directives_parse(&state->asked, r->headers_in, r->pool);
    } else {
        state->asked = cache_directives_none;
        if (cache_text_list_has(apr_table_get(r->headers_in, "Pragma"), "no-cache"))
            state->asked.flags |= CACHE_CC_NO_CACHE;
    }
    cache_rules_forget_wishes(r, &state->asked);
}

cache_request_t *cache_request_make(request_rec *r, const cache_runtime_t *runtime,
                                    apr_size_t max_size)
{
    cache_request_t *state = apr_pcalloc(r->pool, sizeof(*state));

    state->runtime = runtime;
    state->server = r->server;
    state->connection = r->connection;
    state->max_size = max_size;
    state->method = cache_exchange_method(r->method);
    state->announced = -1;
    state->may_store = !has_body(r) && !tier_glue_asks_for_another(r) &&
                       !cache_conditional_is_for_origin(r->headers_in);
    state->fields = r->headers_in;
    read_directives(state, r);
    set_key(state, r);
    ap_set_module_config(r->request_config, &tier_cache_module, state);
    return state;
}

static const char *const conditions[] = {"If-None-Match", "If-Modified-Since", "If-Range", "Range"};

void cache_request_restore(const cache_request_t *state, request_rec *r)
{
    for (apr_size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        const char *own = apr_table_getm(r->pool, state->fields, conditions[i]);
        if (own) {
            apr_table_setn(r->headers_in, conditions[i], own);
        } else {
            apr_table_unset(r->headers_in, conditions[i]);
        }
    }
}

/* What they were is needed to put them back, and for Vary. */
void cache_request_keep_fields(cache_request_t *state, request_rec *r)
{
    if (state->fields == r->headers_in)
        state->fields = apr_table_copy(r->pool, r->headers_in);
}

void cache_request_validate(cache_request_t *state, request_rec *r)
{
    apr_table_t *stored = apr_table_make(r->pool, (int)state->found.record.field_count);
    const char *etag;
    const char *modified;

    cache_record_add_fields(&state->found.record, stored);
    etag = apr_table_get(stored, "ETag");
    modified = apr_table_get(stored, "Last-Modified");
    if (!etag && !modified)
        return;
    state->stored = stored;
    for (apr_size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++)
        apr_table_unset(r->headers_in, conditions[i]);
    if (etag)
        apr_table_setn(r->headers_in, "If-None-Match", etag);
    if (modified)
        apr_table_setn(r->headers_in, "If-Modified-Since", modified);
}
