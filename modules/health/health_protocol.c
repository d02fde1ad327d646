/* SPDX-License-Identifier: Apache-2.0 */
#include "health_protocol.h"

#include "health_http.h"

static const health_protocol_t tcp_protocol = {NULL, NULL, NULL, NULL};

const health_protocol_t *health_protocol_of(health_kind_e kind)
{
    return kind == HEALTH_KIND_TCP ? &tcp_protocol : &health_http_protocol;
}
