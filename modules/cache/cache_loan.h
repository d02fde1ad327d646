/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_LOAN_H
#define CACHE_LOAN_H

/* Bodies in shared memory that the kernel sends by itself. Thread of the request. */
#include "cache_hooks.h"

/*
 * Opens the file that r's client can be sent blob's pieces from by sendfile; blob is held until r
 * ends. Returns a bucket of it, in no brigade, for cache_loan_bucket; NULL where the pieces are to
 * be sent from memory: by EnableSendfile, over TLS or HTTP/2, or as the store says.
 */
apr_bucket *cache_loan_open(const cache_blob_t *blob, request_rec *r);

/* Returns a bucket of a piece that is in the file of whole (place). */
apr_bucket *cache_loan_bucket(apr_bucket *whole, const cache_piece_t *piece);

#endif
