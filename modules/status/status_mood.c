/* SPDX-License-Identifier: Apache-2.0 */
#include "status_mood.h"

static int is_parent(const tier_status_node_t *node)
{
    return node->kind == TIER_STATUS_OBJECT || node->kind == TIER_STATUS_ARRAY;
}

/* The worst mood of node's values (parents 0) or of its objects and arrays (parents 1). */
static tier_status_mood_e worst_child(const tier_status_node_t *node, int parents)
{
    tier_status_mood_e worst = TIER_STATUS_NEUTRAL;

    for (const tier_status_node_t *child = node->first; child; child = child->next) {
        tier_status_mood_e mood =
            is_parent(child) == parents ? status_mood_of(child) : TIER_STATUS_NEUTRAL;

        if (mood > worst)
            worst = mood;
    }
    return worst;
}

tier_status_mood_e status_mood_of(const tier_status_node_t *node)
{
    tier_status_mood_e mood = node->mood;

    if (mood == TIER_STATUS_NEUTRAL)
        mood = worst_child(node, 0);
    if (mood == TIER_STATUS_NEUTRAL)
        mood = worst_child(node, 1);
    return mood;
}

const char *status_mood_word(tier_status_mood_e mood)
{
    switch (mood) {
    case TIER_STATUS_GOOD:
        return "good";
    case TIER_STATUS_DEGRADED:
        return "degraded";
    case TIER_STATUS_BAD:
        return "bad";
    default:
        return "neutral";
    }
}
