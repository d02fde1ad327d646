/* SPDX-License-Identifier: Apache-2.0 */
#include "health_retry_body.h"

#define FILTER_NAME "TIER_HEALTH_BODY"
/* Where mod_proxy_http keeps what it has read of the body between its own attempts. */
#define PREFETCHED "proxy-req-input"

/* The request's body on its way to the member. */
typedef struct body_t {
    health_retry_t *retry;
    apr_bucket_brigade *kept;   /* from the start; gone when it has grown too large */
    apr_bucket_brigade *replay; /* what this attempt has still to read of it */
    apr_off_t size;
    int ended; /* kept ends with the end of the body */
    ap_filter_t *filter;
} body_t;

static void lose(body_t *body)
{
    body->retry->body_lost = 1;
    apr_brigade_cleanup(body->kept);
}

static apr_status_t keep_data(body_t *body, apr_bucket *e)
{
    const char *data;
    apr_size_t size;
    apr_status_t status = apr_bucket_read(e, &data, &size, APR_BLOCK_READ);

    if (status != APR_SUCCESS)
        return status;
    body->size += (apr_off_t)size;
    if (body->size > body->retry->config.body_size)
        lose(body);
    else
        status = apr_brigade_write(body->kept, NULL, NULL, data, size);
    return status;
}

static apr_status_t keep(body_t *body, apr_bucket_brigade *bb)
{
    apr_status_t status = APR_SUCCESS;

    for (apr_bucket *e = APR_BRIGADE_FIRST(bb);
         e != APR_BRIGADE_SENTINEL(bb) && !body->retry->body_lost && !body->ended;
         e = APR_BUCKET_NEXT(e)) {
        if (APR_BUCKET_IS_EOS(e)) {
            APR_BRIGADE_INSERT_TAIL(body->kept, apr_bucket_eos_create(bb->bucket_alloc));
            body->ended = 1;
        } else if (!APR_BUCKET_IS_METADATA(e)) {
            status = keep_data(body, e);
            if (status != APR_SUCCESS)
                break;
        }
    }
    return status;
}

static apr_status_t replay(body_t *body, apr_bucket_brigade *bb, apr_off_t bytes)
{
    apr_bucket *end;
    apr_status_t status = apr_brigade_partition(body->replay, bytes, &end);

    if (status != APR_SUCCESS && status != APR_INCOMPLETE)
        return status;
    do {
        apr_bucket *e = APR_BRIGADE_FIRST(body->replay);

        APR_BUCKET_REMOVE(e);
        APR_BRIGADE_INSERT_TAIL(bb, e);
    } while (!APR_BRIGADE_EMPTY(body->replay) && APR_BRIGADE_FIRST(body->replay) != end);
    return APR_SUCCESS;
}

static apr_status_t keep_body(ap_filter_t *f, apr_bucket_brigade *bb, ap_input_mode_t mode,
                              apr_read_type_e block, apr_off_t bytes)
{
    body_t *body = f->ctx;
    apr_status_t status;

    if (!APR_BRIGADE_EMPTY(body->replay))
        return mode == AP_MODE_READBYTES ? replay(body, bb, bytes) : APR_ENOTIMPL;
    status = ap_get_brigade(f->next, bb, mode, block, bytes);
    if (body->retry->body_lost)
        return status;
    if (mode != AP_MODE_READBYTES || (status != APR_SUCCESS && !APR_STATUS_IS_EAGAIN(status))) {
        lose(body);
        return status;
    }
    return status == APR_SUCCESS ? keep(body, bb) : status;
}

void health_retry_body_register(void)
{
    ap_register_input_filter(FILTER_NAME, keep_body, NULL, AP_FTYPE_RESOURCE - 1);
}

void health_retry_body_insert(health_retry_t *retry)
{
    request_rec *r = retry->r;
    body_t *body = apr_pcalloc(r->pool, sizeof(*body));

    body->retry = retry;
    body->kept = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    body->replay = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    body->filter = ap_add_input_filter(FILTER_NAME, body, r, r->connection);
    retry->body = body;
}

apr_bucket_brigade *health_retry_body_kept(const health_retry_t *retry)
{
    const body_t *body = retry->body;

    return body && body->ended && !retry->body_lost ? body->kept : NULL;
}

void health_retry_body_rewind(health_retry_t *retry)
{
    body_t *body = retry->body;
    apr_pool_t *pool = retry->r->pool;
    void *prefetched = NULL;

    if (!body)
        return;
    apr_pool_userdata_get(&prefetched, PREFETCHED, pool);
    if (prefetched)
        apr_brigade_cleanup(prefetched);
    apr_pool_userdata_setn(NULL, PREFETCHED, NULL, pool);
    apr_brigade_cleanup(body->replay);
    for (apr_bucket *e = APR_BRIGADE_FIRST(body->kept); e != APR_BRIGADE_SENTINEL(body->kept);
         e = APR_BUCKET_NEXT(e)) {
        apr_bucket *copy;

        if (apr_bucket_copy(e, &copy) == APR_SUCCESS)
            APR_BRIGADE_INSERT_TAIL(body->replay, copy);
    }
}
