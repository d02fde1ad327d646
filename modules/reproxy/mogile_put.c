/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_request.h"

#include <string.h>

#include <http_protocol.h>
#include <http_request.h>

#include <apr_base64.h>
#include <apr_md5.h>
#include <apr_strings.h>

#include "clock.h"
#include "mogile_body.h"
#include "mogile_store.h"
#include "mogile_write.h"
#include "reproxy_private.h"

typedef enum { STORED, NODE_FAILED, CLIENT_FAILED } outcome_e;

typedef struct upload_t {
    mogile_request_t *request;
    mogile_body_t body;
    mogile_file_t *opened;      /* the fid, and where it may be put */
    const mogile_copy_t *tried; /* the device that was tried last */
    const char *md5;            /* of the bytes that were sent, hexadecimal */
    int status;                 /* with CLIENT_FAILED: what to return */
} upload_t;

static apr_interval_time_t patience(const upload_t *upload)
{
    return upload->request->config->settings->timeout_write;
}

/* What went wrong with a node, in the words of deliveries: it is counted and avoided as there. */
static outcome_e node_failed(upload_t *upload, const mogile_copy_t *copy, reproxy_failure_e failure,
                             apr_status_t status, const char *what)
{
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, status, upload->request->r,
                  WTNO(3531) "upload of key %s: %s: %s", upload->request->key.key, copy->url, what);
    mogile_devices_failed(&upload->request->service->shared->devices, copy, failure,
                          tier_clock_now());
    return NODE_FAILED;
}

static outcome_e client_failed(upload_t *upload, int status)
{
    upload->status = status;
    return CLIENT_FAILED;
}

/* Content-MD5 (RFC 1864), where the client gives it, is held against the bytes that came. */
static int is_as_announced(upload_t *upload, const unsigned char digest[APR_MD5_DIGESTSIZE])
{
    request_rec *r = upload->request->r;
    const char *announced = apr_table_get(r->headers_in, "Content-MD5");
    char encoded[32];

    upload->md5 = mogile_write_hex(digest, APR_MD5_DIGESTSIZE, r->pool);
    if (!announced)
        return 1;
    apr_base64_encode_binary(encoded, digest, APR_MD5_DIGESTSIZE);
    if (strcmp(encoded, announced) == 0)
        return 1;
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  WTNO(3532) "upload of key %s: Content-MD5 is %s, the body's is %s",
                  upload->request->key.key, announced, encoded);
    return 0;
}

/*
 * The last piece goes only when it is known to be right: a node that has not got all of a body does
 * not store it.
 */
static outcome_e send_body(upload_t *upload, const mogile_copy_t *copy, mogile_store_t *store)
{
    unsigned char digest[APR_MD5_DIGESTSIZE];
    apr_md5_ctx_t md5;
    const char *data;
    apr_size_t size;
    apr_status_t status;

    apr_md5_init(&md5);
    while ((status = mogile_body_read(&upload->body, &data, &size)) == APR_SUCCESS) {
        apr_md5_update(&md5, data, size);
        if (upload->body.position == upload->body.length) {
            apr_md5_ctx_t whole = md5;

            apr_md5_final(digest, &whole);
            if (!is_as_announced(upload, digest))
                return client_failed(upload, HTTP_BAD_REQUEST);
        }
        status = mogile_store_write(store, data, size, patience(upload));
        if (status != APR_SUCCESS)
            return node_failed(upload, copy,
                               APR_STATUS_IS_TIMEUP(status) ? REPROXY_FAILURE_STALL
                                                            : REPROXY_FAILURE_CUT,
                               status, "it does not take the body");
    }
    if (status != APR_EOF)
        return client_failed(upload, upload->body.status);
    apr_md5_final(digest, &md5);
    return is_as_announced(upload, digest) ? STORED : client_failed(upload, HTTP_BAD_REQUEST);
}

static outcome_e finish(upload_t *upload, const mogile_copy_t *copy, mogile_store_t *store)
{
    int http_status = 0;
    apr_status_t status = mogile_store_finish(store, &http_status, patience(upload));

    if (status != APR_SUCCESS)
        return node_failed(upload, copy,
                           APR_STATUS_IS_TIMEUP(status) ? REPROXY_FAILURE_TIMEOUT
                                                        : REPROXY_FAILURE_CUT,
                           status, "no answer to the PUT");
    if (http_status < 200 || http_status > 299)
        return node_failed(
            upload, copy, REPROXY_FAILURE_STATUS, 0,
            apr_psprintf(upload->request->r->pool, "status %d to the PUT", http_status));
    return STORED;
}

/* Sends the body to one device. Nothing is registered by it. */
static outcome_e store_at(upload_t *upload, const mogile_copy_t *copy)
{
    apr_pool_t *pool = upload->request->r->pool;
    mogile_store_t *store;
    outcome_e outcome;
    apr_status_t status = mogile_store_open(&store, "PUT", copy, upload->body.length,
                                            upload->request->config->settings->timeout, pool);

    if (status != APR_SUCCESS)
        return node_failed(upload, copy,
                           APR_STATUS_IS_TIMEUP(status) ? REPROXY_FAILURE_TIMEOUT
                                                        : REPROXY_FAILURE_CONNECT,
                           status, "no connection");
    outcome = send_body(upload, copy, store);
    if (outcome == STORED)
        outcome = finish(upload, copy, store);
    mogile_store_close(store);
    return outcome;
}

/* Stores and registers at one device; what was stored and not registered is removed again. */
static outcome_e upload_to(upload_t *upload, const mogile_copy_t *copy)
{
    mogile_request_t *request = upload->request;
    outcome_e outcome;
    mogile_closed_e closed;

    upload->tried = copy;
    outcome = store_at(upload, copy);
    if (outcome != STORED)
        return outcome;
    closed =
        mogile_write_close(request, upload->opened->fid, copy, upload->body.length, upload->md5);
    if (closed == MOGILE_CLOSED) {
        mogile_devices_worked(&request->service->shared->devices, copy);
        return STORED;
    }
    if (closed == MOGILE_CLOSE_UNKNOWN)
        return client_failed(upload, mogile_request_unavailable(request->r));
    return node_failed(upload, copy, REPROXY_FAILURE_CHECKSUM, 0,
                       "what it stored is not what it was sent");
}

static int answer_stored(upload_t *upload, int existed)
{
    mogile_request_t *request = upload->request;
    request_rec *r = request->r;

    mogile_lookup_drop(&request->service->lookup, &request->key, r->pool);
    tier_counter_add(&request->service->shared->writes.uploads, 1);
    tier_counter_add(&request->service->shared->writes.bytes, (apr_uint64_t)upload->body.length);
    apr_table_setn(r->headers_out, "ETag", mogile_request_etag(r, upload->opened->fid));
    r->status = existed ? HTTP_NO_CONTENT : HTTP_CREATED;
    if (!existed)
        ap_set_content_length(r, 0);
    return OK;
}

static int answer_failed(upload_t *upload, outcome_e outcome)
{
    mogile_request_t *request = upload->request;

    mogile_write_abandon(request, upload->opened, upload->tried);
    if (outcome == CLIENT_FAILED && upload->status != HTTP_SERVICE_UNAVAILABLE)
        return upload->status;
    tier_counter_add(&request->service->shared->writes.failed, 1);
    if (outcome == NODE_FAILED)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, request->r,
                      WTNO(3533) "upload of key %s: no device has taken it", request->key.key);
    return mogile_request_unavailable(request->r);
}

static int upload_body(upload_t *upload, int existed)
{
    mogile_file_t *opened = upload->opened;
    outcome_e outcome = NODE_FAILED;

    mogile_devices_sort(&upload->request->service->shared->devices, opened, tier_clock_now());
    for (int i = 0; i < opened->copies->nelts && outcome == NODE_FAILED; i++) {
        if (!mogile_body_rewind(&upload->body))
            break;
        outcome = upload_to(upload, &APR_ARRAY_IDX(opened->copies, i, mogile_copy_t));
    }
    return outcome == STORED ? answer_stored(upload, existed) : answer_failed(upload, outcome);
}

int mogile_put(mogile_request_t *request)
{
    upload_t *upload = apr_pcalloc(request->r->pool, sizeof(*upload));
    int existed = 0, result;

    upload->request = request;
    /* RFC 9110, 14.5: a part of a file must not be taken for the whole. */
    if (apr_table_get(request->r->headers_in, "Content-Range"))
        return HTTP_BAD_REQUEST;
    result = mogile_write_check(request, &existed);
    if (result == OK)
        result = mogile_write_open(request, &upload->opened);
    if (result != OK)
        return result;
    result = mogile_body_open(&upload->body, request->r);
    if (result == OK)
        return upload_body(upload, existed);
    upload->status = result;
    return answer_failed(upload, CLIENT_FAILED);
}
