/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_STORE_H
#define MOGILE_STORE_H

#include <apr_pools.h>

#include "mogile_file.h"

/*
 * One request to a storage node that changes it: PUT of a file as its bytes come, or DELETE.
 * HTTP/1.1 (RFC 9112) on a connection of its own, by numeric address as MogileFS has its hosts; no
 * call waits for longer than its deadline. One thread.
 */
typedef struct mogile_store_t mogile_store_t;

#define MOGILE_STORE_HEAD 8192 /* bytes of an answer's head that are read */

/*
 * Connects to copy's node and sends the head of a request. length: of the body, 0 for DELETE.
 * *store lives in pool, which closes it. Errors: APR_TIMEUP, APR_EINVAL (the node is no address),
 * errno's.
 */
apr_status_t mogile_store_open(mogile_store_t **store, const char *method,
                               const mogile_copy_t *copy, apr_off_t length,
                               apr_interval_time_t deadline, apr_pool_t *pool);

/* Sends a piece of the body. Errors: APR_TIMEUP, APR_EOF (the node closed), errno's. */
apr_status_t mogile_store_write(mogile_store_t *store, const char *data, apr_size_t size,
                                apr_interval_time_t deadline);

/*
 * Waits for the answer. APR_SUCCESS: *status is HTTP's. Errors: as of write; APR_EGENERAL: no HTTP.
 */
apr_status_t mogile_store_finish(mogile_store_t *store, int *status, apr_interval_time_t deadline);

/* Ends the connection; a PUT that was not finished is not stored by the node. */
void mogile_store_close(mogile_store_t *store);

/*
 * Finds the final status in what was received: heads of interim answers (1xx) are passed over.
 * APR_INCOMPLETE: more is needed. APR_EGENERAL: it is no HTTP. Pure.
 */
apr_status_t mogile_store_status(const char *text, apr_size_t size, int *status);

#endif
