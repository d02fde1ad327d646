/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_OBEY_H
#define REPROXY_OBEY_H

#include <apr_pools.h>

/* Registers what makes answers of applications obeyed: handlers that run the application's, and a
 * filter that takes its answer where that names a file. Called once, in register_hooks. */
void reproxy_obey_register(apr_pool_t *pool);

#endif
