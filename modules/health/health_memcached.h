/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_MEMCACHED_H
#define HEALTH_MEMCACHED_H

#include "health_protocol.h"

/* memcached (text protocol): the command version, which costs the server nothing. */
extern const health_protocol_t health_memcached_protocol;

#endif
