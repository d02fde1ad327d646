/* SPDX-License-Identifier: Apache-2.0 */
#include "health_protocol.h"

#include "health_agent.h"
#include "health_http_dialogue.h"
#include "health_memcached.h"
#include "health_redis.h"

static const health_protocol_t connect_only = {NULL};

/* By health_kind_e; NULL: the kind is no dialogue over a connection of ours. */
static const health_protocol_t *const protocols[HEALTH_KINDS] = {
    [HEALTH_KIND_HTTP] = &health_http_protocol,
    [HEALTH_KIND_HTTPS] = &health_http_protocol,
    [HEALTH_KIND_TCP] = &connect_only,
    [HEALTH_KIND_TLS] = &connect_only,
    [HEALTH_KIND_REDIS] = &health_redis_protocol,
    [HEALTH_KIND_MEMCACHED] = &health_memcached_protocol,
    [HEALTH_KIND_AGENT] = &health_agent_protocol,
};

const health_protocol_t *health_protocol_of(health_kind_e kind)
{
    return protocols[kind];
}
