/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_HTTP_DIALOGUE_H
#define HEALTH_HTTP_DIALOGUE_H

#include "health_protocol.h"

/* The record for probes with HTTP, in the clear or inside TLS: one request, the answer's status,
 * and of its body as much as the check asks for. */
extern const health_protocol_t health_http_protocol;

#endif
