/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_node.h"

#include <string.h>

#include <apr_hash.h>

#define FREE         0
#define NAMING       1
#define NAMED        2
#define SAMPLES_MIN  20
#define PATIENCE_MIN apr_time_from_msec(100)
#define SICK_MIN     apr_time_from_sec(1)
#define SICK_DOUBLES 5
#define SICK_MAX     apr_time_from_sec(30)

static int take_place(reproxy_node_t *node, const char *name)
{
    if (!tier_atomic_swap(&node->state, FREE, NAMING))
        return 0;
    strcpy(node->name, name);
    tier_atomic_store(&node->state, NAMED);
    return 1;
}

/* Returns 1 when node bears the name, now or already. */
static int is_named(reproxy_node_t *node, const char *name)
{
    if (tier_atomic_load(&node->state) == FREE && take_place(node, name))
        return 1;
    /* Who names it is a few instructions from done. */
    while (tier_atomic_load(&node->state) == NAMING) {
    }
    return strcmp(node->name, name) == 0;
}

reproxy_node_t *reproxy_node_find(reproxy_table_t *table, const char *name)
{
    apr_ssize_t size = (apr_ssize_t)strlen(name);
    unsigned at = apr_hashfunc_default(name, &size) % REPROXY_NODES_MAX;

    if (size >= REPROXY_NODE_NAME)
        return &table->rest;
    for (int i = 0; i < REPROXY_NODES_MAX; i++) {
        if (is_named(&table->nodes[at], name))
            return &table->nodes[at];
        at = (at + 1) % REPROXY_NODES_MAX;
    }
    return &table->rest;
}

int reproxy_node_is_named(const reproxy_node_t *node)
{
    return tier_atomic_load(&node->state) == NAMED;
}

static int makes_sick(reproxy_failure_e failure)
{
    return failure == REPROXY_FAILURE_CONNECT || failure == REPROXY_FAILURE_TIMEOUT ||
           failure == REPROXY_FAILURE_STALL;
}

void reproxy_node_failed(reproxy_node_t *node, reproxy_failure_e failure, apr_time_t asked,
                         apr_time_t now)
{
    apr_uint32_t count;
    apr_interval_time_t time;

    tier_counter_add(&node->failures[failure], 1);
    if (!makes_sick(failure) || asked < tier_atomic_load64(&node->sick_since))
        return;
    tier_atomic_store64(&node->sick_since, now);
    count = tier_atomic_load(&node->sick_count);
    time = count > SICK_DOUBLES ? SICK_MAX : SICK_MIN << count;
    tier_atomic_store64(&node->sick_until, now + (time > SICK_MAX ? SICK_MAX : time));
    tier_atomic_store(&node->sick_count, count < 1000 ? count + 1 : count);
}

apr_int64_t reproxy_node_quantile(apr_int64_t figure, apr_int64_t sample)
{
    apr_int64_t step = figure / 16 + 100;

    return sample > figure ? figure + step * 19 / 20 : figure - step / 20;
}

void reproxy_node_answered(reproxy_node_t *node, apr_interval_time_t wait)
{
    tier_counter_add(&node->answers, 1);
    tier_counter_add(&node->wait_time, (apr_uint64_t)(wait > 0 ? wait : 0));
    tier_atomic_store64(&node->slow, reproxy_node_quantile(tier_atomic_load64(&node->slow), wait));
    if (tier_atomic_load(&node->sick_count) != 0) {
        tier_atomic_store(&node->sick_count, 0);
        tier_atomic_store64(&node->sick_until, 0);
    }
}

int reproxy_node_is_sick(reproxy_node_t *node, apr_time_t now)
{
    apr_int64_t until = tier_atomic_load64(&node->sick_until);

    if (until == 0)
        return 0;
    return until > now || !tier_atomic_swap64(&node->sick_until, until, now + SICK_MIN);
}

apr_interval_time_t reproxy_node_patience(const reproxy_node_t *node, apr_interval_time_t first)
{
    apr_interval_time_t time = first / 8, usual = 4 * reproxy_node_slow(node);

    if (time < usual)
        time = usual;
    if (time < PATIENCE_MIN)
        time = PATIENCE_MIN;
    return time < first ? time : first;
}

apr_interval_time_t reproxy_node_slow(const reproxy_node_t *node)
{
    return tier_counter_get(&node->answers) < SAMPLES_MIN ? 0 : tier_atomic_load64(&node->slow);
}
