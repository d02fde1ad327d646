/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_RETRY_BODY_H
#define HEALTH_RETRY_BODY_H

#include "health_retry.h"

/* Keeps the request's body, and plays it again from the start. The request's thread. */

/* Registers the input filter. */
void health_retry_body_register(void);

/* Inserts it before all others, for a request that has a body. */
void health_retry_body_insert(health_retry_t *retry);

/* Returns the body from its start to its end; NULL when it is not kept whole, or has not ended yet.
 */
apr_bucket_brigade *health_retry_body_kept(const health_retry_t *retry);

/* The next attempt reads the body from its start; without a body there is nothing to do. */
void health_retry_body_rewind(health_retry_t *retry);

#endif
