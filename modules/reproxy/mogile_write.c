/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_write.h"

#include <string.h>

#include <http_protocol.h>

#include <apr_strings.h>

#include "reproxy_private.h"

const char *mogile_write_hex(const unsigned char *bytes, apr_size_t size, apr_pool_t *pool)
{
    static const char digits[] = "0123456789abcdef";
    char *text = apr_palloc(pool, 2 * size + 1);

    for (apr_size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * size] = '\0';
    return text;
}

static const char *number(request_rec *r, apr_int64_t value)
{
    return apr_psprintf(r->pool, "%" APR_INT64_T_FMT, value);
}

static apr_status_t ask_with_patience(mogile_request_t *request, mogile_ask_t *ask)
{
    ask->deadline = request->config->settings->timeout_write;
    if (!request->service->lookup.client)
        return APR_EAGAIN;
    return mogile_client_ask(request->service->lookup.client, ask, request->r->pool);
}

int mogile_write_check(mogile_request_t *request, int *existed)
{
    request_rec *r = request->r;
    mogile_file_t *file;
    mogile_from_e from;
    mogile_found_e found =
        mogile_lookup_find(&request->service->lookup, &request->key, 1, &file, &from, r->pool);

    if (found != MOGILE_FOUND && found != MOGILE_NO_KEY) {
        tier_counter_add(&request->service->shared->writes.failed, 1);
        return mogile_request_unavailable(r);
    }
    *existed = found == MOGILE_FOUND;
    if (!*existed)
        return apr_table_get(r->headers_in, "If-Match") ? HTTP_PRECONDITION_FAILED : OK;
    apr_table_setn(r->headers_out, "ETag", mogile_request_etag(r, file->fid));
    return ap_meets_conditions(r);
}

int mogile_write_open(mogile_request_t *request, mogile_file_t **opened)
{
    request_rec *r = request->r;
    mogile_ask_t ask = {{NULL}};
    const char *length = apr_table_get(r->headers_in, "Content-Length");

    ask.requests[0] = mogile_wire_request(
        r->pool, "create_open", "domain", request->key.domain, "key", request->key.key, "class",
        request->config->class_name, "multi_dest", "1", "fid", "0", "size", length, NULL);
    *opened = mogile_file_make(r->pool);
    if (ask_with_patience(request, &ask) == APR_SUCCESS &&
        mogile_file_of_open(*opened, &ask.answers[0], r->pool) == APR_SUCCESS)
        return OK;
    tier_counter_add(&request->service->shared->writes.failed, 1);
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WTNO(3534) "upload of key %s: %s%s",
                  request->key.key,
                  !ask.server         ? "no tracker answers"
                  : ask.answers[0].ok ? "a tracker's answer to create_open is none"
                                      : "the tracker says ",
                  ask.server && !ask.answers[0].ok ? ask.answers[0].code : "");
    return mogile_request_unavailable(r);
}

/* Whether the key is this fid now: what create_close did when its answer was lost. */
static mogile_closed_e find_out(mogile_request_t *request, apr_int64_t fid)
{
    mogile_file_t *file;
    mogile_from_e from;
    mogile_found_e found = mogile_lookup_find(&request->service->lookup, &request->key, 1, &file,
                                              &from, request->r->pool);

    if (found == MOGILE_FOUND && file->fid == fid)
        return MOGILE_CLOSED;
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, request->r,
                  WTNO(3535) "upload of key %s: no tracker has said that fid %" APR_INT64_T_FMT
                             " is registered",
                  request->key.key, fid);
    return MOGILE_CLOSE_UNKNOWN;
}

/* The tracker has looked at what the device has. */
static int is_of_device(const char *code)
{
    return strcmp(code, "size_mismatch") == 0 || strcmp(code, "checksum_mismatch") == 0 ||
           strcmp(code, "size_verify_error") == 0;
}

mogile_closed_e mogile_write_close(mogile_request_t *request, apr_int64_t fid,
                                   const mogile_copy_t *copy, apr_off_t length, const char *md5)
{
    request_rec *r = request->r;
    mogile_ask_t ask = {{NULL}};

    ask.requests[0] = mogile_wire_request(
        r->pool, "create_close", "domain", request->key.domain, "key", request->key.key, "fid",
        number(r, fid), "devid", number(r, copy->devid), "path", copy->url, "size",
        number(r, length), "checksum", apr_pstrcat(r->pool, "MD5:", md5, NULL), "checksumverify",
        "1", NULL);
    if (ask_with_patience(request, &ask) != APR_SUCCESS)
        return find_out(request, fid);
    if (ask.answers[0].ok)
        return MOGILE_CLOSED;
    if (is_of_device(ask.answers[0].code)) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, WTNO(3536) "upload of key %s: %s: %s",
                      request->key.key, ask.answers[0].code, ask.answers[0].text);
        return MOGILE_CLOSE_FAILED;
    }
    return find_out(request, fid);
}

void mogile_write_abandon(mogile_request_t *request, const mogile_file_t *opened,
                          const mogile_copy_t *tried)
{
    request_rec *r = request->r;
    const mogile_copy_t *copy = tried ? tried : &APR_ARRAY_IDX(opened->copies, 0, mogile_copy_t);
    mogile_ask_t ask = {{NULL}};

    ask.deadline = request->config->settings->timeout;
    ask.requests[0] = mogile_wire_request(r->pool, "create_close", "domain", request->key.domain,
                                          "key", "", "fid", number(r, opened->fid), "devid",
                                          number(r, copy->devid), "path", copy->url, NULL);
    mogile_client_ask(request->service->lookup.client, &ask, r->pool);
}
