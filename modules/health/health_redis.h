/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_REDIS_H
#define HEALTH_REDIS_H

#include "health_protocol.h"

/* Redis (RESP): AUTH where the check has a password, then PING. Passes with PONG. */
extern const health_protocol_t health_redis_protocol;

#endif
