/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_body.h"

#include <http_protocol.h>
#include <util_filter.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "reproxy_private.h"

static apr_status_t fail(mogile_body_t *body, apr_status_t status, int http_status)
{
    body->status = http_status;
    return status == APR_SUCCESS || APR_STATUS_IS_EOF(status) ? APR_EGENERAL : status;
}

/* The bucket whose bytes were given out last goes when the next ones are wanted. */
static apr_status_t next_bucket(mogile_body_t *body, apr_bucket **bucket)
{
    apr_status_t status;

    if (!APR_BRIGADE_EMPTY(body->bb))
        apr_bucket_delete(APR_BRIGADE_FIRST(body->bb));
    if (APR_BRIGADE_EMPTY(body->bb)) {
        status = ap_get_brigade(body->r->input_filters, body->bb, AP_MODE_READBYTES, APR_BLOCK_READ,
                                (apr_off_t)MOGILE_BODY_PIECE);
        if (status != APR_SUCCESS)
            return fail(body, status, ap_map_http_request_error(status, HTTP_BAD_REQUEST));
        if (APR_BRIGADE_EMPTY(body->bb))
            return fail(body, APR_EGENERAL, HTTP_BAD_REQUEST);
    }
    *bucket = APR_BRIGADE_FIRST(body->bb);
    return APR_SUCCESS;
}

/* Gives the next bytes of the client; APR_EOF: there are no more. */
static apr_status_t receive(mogile_body_t *body, const char **data, apr_size_t *size)
{
    apr_bucket *bucket;
    apr_status_t status;

    *size = 0;
    while (*size == 0) {
        status = next_bucket(body, &bucket);
        if (status != APR_SUCCESS)
            return status;
        if (APR_BUCKET_IS_EOS(bucket)) {
            body->ended = 1;
            return APR_EOF;
        }
        if (APR_BUCKET_IS_METADATA(bucket))
            continue;
        status = apr_bucket_read(bucket, data, size, APR_BLOCK_READ);
        if (status != APR_SUCCESS)
            return fail(body, status, ap_map_http_request_error(status, HTTP_BAD_REQUEST));
    }
    body->received += (apr_off_t)*size;
    return APR_SUCCESS;
}

static apr_status_t open_spool(mogile_body_t *body)
{
    const char *folder;
    char *name;
    apr_status_t status = apr_temp_dir_get(&folder, body->r->pool);

    if (status != APR_SUCCESS)
        return status;
    name = apr_pstrcat(body->r->pool, folder, "/tier-mogile-XXXXXX", NULL);
    return apr_file_mktemp(
        &body->spool, name,
        APR_CREATE | APR_READ | APR_WRITE | APR_EXCL | APR_BINARY | APR_DELONCLOSE, body->r->pool);
}

static int spool(mogile_body_t *body)
{
    const char *data;
    apr_size_t size;
    apr_status_t status = open_spool(body);

    while (status == APR_SUCCESS) {
        apr_status_t received = receive(body, &data, &size);

        if (received != APR_SUCCESS && received != APR_EOF)
            return body->status;
        if (received == APR_EOF)
            break;
        status = apr_file_write_full(body->spool, data, size, NULL);
    }
    if (status != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, status, body->r,
                      WTNO(3530) "an upload of unknown length needs a temporary file, which cannot "
                                 "be written");
        return HTTP_INSUFFICIENT_STORAGE;
    }
    body->length = body->received;
    body->piece = apr_palloc(body->r->pool, MOGILE_BODY_PIECE);
    return mogile_body_rewind(body) ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

int mogile_body_open(mogile_body_t *body, request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");
    char *end;

    memset(body, 0, sizeof(*body));
    body->r = r;
    body->bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    if (!length || apr_table_get(r->headers_in, "Transfer-Encoding"))
        return spool(body);
    if (apr_strtoff(&body->length, length, &end, 10) != APR_SUCCESS || *end || body->length < 0)
        return HTTP_BAD_REQUEST;
    body->kept = apr_palloc(r->pool, body->length < (apr_off_t)MOGILE_BODY_KEPT
                                         ? (apr_size_t)body->length + 1
                                         : MOGILE_BODY_KEPT);
    return OK;
}

/* Keeps what came from the client as long as there is room; after that nothing is kept. */
static void remember(mogile_body_t *body, const char *data, apr_size_t size)
{
    if (!body->kept)
        return;
    if (body->kept_size + size > MOGILE_BODY_KEPT) {
        body->kept = NULL;
        return;
    }
    memcpy(body->kept + body->kept_size, data, size);
    body->kept_size += size;
}

static apr_status_t read_spool(mogile_body_t *body, const char **data, apr_size_t *size)
{
    apr_status_t status;

    *size = MOGILE_BODY_PIECE;
    *data = body->piece;
    status = apr_file_read(body->spool, body->piece, size);
    if (status == APR_EOF && body->position == body->length)
        return APR_EOF;
    if (status != APR_SUCCESS)
        return fail(body, status, HTTP_INTERNAL_SERVER_ERROR);
    body->position += (apr_off_t)*size;
    return APR_SUCCESS;
}

apr_status_t mogile_body_read(mogile_body_t *body, const char **data, apr_size_t *size)
{
    apr_status_t status;

    if (body->spool)
        return read_spool(body, data, size);
    if (body->position < body->received) {
        *data = body->kept + body->position;
        *size = (apr_size_t)(body->received - body->position);
        body->position = body->received;
        return APR_SUCCESS;
    }
    if (body->ended || body->received == body->length)
        return body->received == body->length ? APR_EOF
                                              : fail(body, APR_EGENERAL, HTTP_BAD_REQUEST);
    status = receive(body, data, size);
    if (status == APR_EOF && body->received < body->length)
        return fail(body, APR_EGENERAL, HTTP_BAD_REQUEST);
    if (status == APR_SUCCESS) {
        if (body->received > body->length)
            return fail(body, APR_EGENERAL, HTTP_BAD_REQUEST);
        remember(body, *data, *size);
        body->position = body->received;
    }
    return status;
}

int mogile_body_rewind(mogile_body_t *body)
{
    apr_off_t start = 0;

    if (body->spool && apr_file_seek(body->spool, APR_SET, &start) != APR_SUCCESS)
        return 0;
    if (!body->spool && !body->kept && body->received > 0)
        return 0;
    body->position = 0;
    return 1;
}
