/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LINGER_FILTER_H
#define LINGER_FILTER_H

#include "linger_conn.h"

/* Registers the two filters; in register_hooks. */
void linger_filter_register(void);

/* Puts the filters on conn's connection; in pre_connection. */
void linger_filter_insert(linger_conn_t *conn);

#endif
