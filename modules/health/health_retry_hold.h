/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_RETRY_HOLD_H
#define HEALTH_RETRY_HOLD_H

#include "health_retry.h"

/* The output filter that keeps an answer back until it is known to be good. The request's thread.
 */

/* Registers the output filter, and inserts it before all others. */
void health_retry_hold_register(void);
void health_retry_hold_insert(health_retry_t *retry);

/* Returns the filter, once it is registered. post_config. */
ap_filter_rec_t *health_retry_hold_filter(void);

/* Gives what is held, and all that follows, to the client; with flush, at once. */
apr_status_t health_retry_hold_release(health_retry_t *retry, int flush);

#endif
