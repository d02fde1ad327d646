/* SPDX-License-Identifier: Apache-2.0 */
#include "status_tree.h"

static tier_status_node_t *make_node(tier_status_kind_e kind, const char *name, apr_pool_t *pool)
{
    tier_status_node_t *node = apr_pcalloc(pool, sizeof(*node));

    node->kind = kind;
    node->mood = TIER_STATUS_NEUTRAL;
    node->name = name;
    return node;
}

static tier_status_node_t *append_node(tier_status_node_t *parent, tier_status_kind_e kind,
                                       const char *name, apr_pool_t *pool)
{
    tier_status_node_t *node = make_node(kind, name, pool);

    if (parent->last) {
        parent->last->next = node;
    } else {
        parent->first = node;
    }
    parent->last = node;
    return node;
}

tier_status_node_t *tier_status_root(const char *name, apr_pool_t *pool)
{
    return make_node(TIER_STATUS_OBJECT, name, pool);
}

tier_status_node_t *tier_status_object(tier_status_node_t *parent, const char *name,
                                       apr_pool_t *pool)
{
    return append_node(parent, TIER_STATUS_OBJECT, name, pool);
}

tier_status_node_t *tier_status_array(tier_status_node_t *parent, const char *name,
                                      apr_pool_t *pool)
{
    return append_node(parent, TIER_STATUS_ARRAY, name, pool);
}

tier_status_node_t *tier_status_string(tier_status_node_t *parent, const char *name,
                                       const char *text, apr_pool_t *pool)
{
    tier_status_node_t *node = append_node(parent, TIER_STATUS_STRING, name, pool);

    node->text = text ? text : "";
    return node;
}

tier_status_node_t *tier_status_number(tier_status_node_t *parent, tier_status_kind_e kind,
                                       const char *name, apr_int64_t number, apr_pool_t *pool)
{
    tier_status_node_t *node = append_node(parent, kind, name, pool);

    node->number = number;
    return node;
}

tier_status_node_t *tier_status_metric(tier_status_node_t *parent, tier_status_kind_e kind,
                                       const char *name, apr_int64_t number, const char *help,
                                       apr_pool_t *pool)
{
    tier_status_node_t *node = tier_status_number(parent, kind, name, number, pool);

    node->help = help;
    return node;
}

tier_status_node_t *tier_status_actions(tier_status_node_t *parent, const char *words,
                                        const char *target, apr_pool_t *pool)
{
    tier_status_node_t *node = append_node(parent, TIER_STATUS_ACTIONS, "actions", pool);

    node->text = words;
    node->target = target;
    return node;
}

tier_status_node_t *tier_status_mood(tier_status_node_t *node, tier_status_mood_e mood)
{
    node->mood = mood;
    return node;
}
