/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_AGENT_H
#define HEALTH_AGENT_H

#include "health_advice.h"
#include "health_protocol.h"

/*
 * The agent's protocol, as HAProxy's agent-check has it: the agent says one line of words and
 * closes. "up" or "ready": well; "down", "fail", "failed", "stopped" or "maint": not; "drain": new
 * sessions are to stay away; "75%": of the load factor. "maxconn:..." is passed over; what follows
 * "#" is for people. Each line stands alone: what it does not say is up, 100%, no drain.
 */
extern const health_protocol_t health_agent_protocol;

/* What one line means. */
typedef struct health_agent_t {
    const char *down;    /* the word that says that it is not well, or NULL */
    const char *unknown; /* the first word that means nothing here, from pool, or NULL */
    health_advice_t advice;
} health_agent_t;

/* Reads a line. An empty one has the unknown word "". Strings come from pool. */
void health_agent_read(health_agent_t *agent, const char *line, apr_pool_t *pool);

#endif
