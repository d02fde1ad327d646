/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_REMEMBER_H
#define REPROXY_REMEMBER_H

#include <httpd.h>

#include "reproxy_memory.h"

/* X-REPROXY-CACHE-FOR: which requests may be answered by what the application said before. The
 * memory is the child's; any thread. */
typedef struct reproxy_remember_t reproxy_remember_t;

/* Makes one for max answers, in child_init. NULL: no memory. pool: the child's. */
reproxy_remember_t *reproxy_remember_create(apr_uint32_t max, apr_pool_t *pool);

/* Returns 1 when r may be answered by *memo, from r->pool. */
int reproxy_remember_get(reproxy_remember_t *remember, request_rec *r, reproxy_memo_t *memo);

/* Remembers what the application said, if it asked for that and it is nobody's own: r's fields are
 * those of the application. */
void reproxy_remember_put(reproxy_remember_t *remember, request_rec *r, const reproxy_said_t *said);

/* What was remembered for r cannot be had any more. */
void reproxy_remember_drop(reproxy_remember_t *remember, request_rec *r);

#endif
