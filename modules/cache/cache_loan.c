/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies in shared memory that the kernel sends by itself, from the file that the memory is. */
#include "cache_loan.h"

#include <http_core.h>
#include <http_ssl.h>

#include <apr_strings.h>

#include <memfile.h>

static apr_status_t leave(void *data)
{
    const cache_blob_t *blob = data;

    blob->release(blob->baton);
    return APR_SUCCESS;
}

/* What filters of content and of other connections would read is better read from memory. */
static int is_sent_as_it_is(request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);

    return core->enable_sendfile == ENABLE_SENDFILE_ON && !r->header_only &&
           !r->connection->master && !ap_ssl_conn_is_ssl(r->connection) &&
           r->output_filters->frec->ftype >= AP_FTYPE_PROTOCOL;
}

/* The memory is not mapped once more: what is read of it is copied. */
apr_bucket *cache_loan_open(const cache_blob_t *blob, request_rec *r)
{
    int descriptor = blob->lend && is_sent_as_it_is(r) ? blob->lend(blob->baton) : -1;
    apr_bucket *whole;
    apr_file_t *file;

    if (descriptor < 0 || tier_memfile_open(&file, descriptor, r->pool) != APR_SUCCESS)
        return NULL;
    blob->hold(blob->baton);
    apr_pool_cleanup_register(r->pool, apr_pmemdup(r->pool, blob, sizeof(*blob)), leave,
                              apr_pool_cleanup_null);
    whole = apr_bucket_file_create(file, 0, 0, r->pool, r->connection->bucket_alloc);
    apr_bucket_file_enable_mmap(whole, 0);
    return whole;
}

/* Buckets of one file have to know of each other: the first that waits takes it along. */
apr_bucket *cache_loan_bucket(apr_bucket *whole, const cache_piece_t *piece)
{
    apr_bucket *bucket;

    apr_bucket_copy(whole, &bucket);
    bucket->start = piece->place;
    bucket->length = piece->size;
    return bucket;
}
