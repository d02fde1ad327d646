/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_STATUS_TREE_H
#define TIER_STATUS_TREE_H

#include <webtier/status_provider.h>

/*
 * Builds the tree a status provider fills. Every function appends a child to parent and returns it;
 * name, text and help must live as long as pool (constants or copies). name is NULL for children of
 * an array. One thread.
 */
tier_status_node_t *tier_status_root(const char *name, apr_pool_t *pool);
tier_status_node_t *tier_status_object(tier_status_node_t *parent, const char *name,
                                       apr_pool_t *pool);
tier_status_node_t *tier_status_array(tier_status_node_t *parent, const char *name,
                                      apr_pool_t *pool);
tier_status_node_t *tier_status_string(tier_status_node_t *parent, const char *name,
                                       const char *text, apr_pool_t *pool);
tier_status_node_t *tier_status_number(tier_status_node_t *parent, tier_status_kind_e kind,
                                       const char *name, apr_int64_t number, apr_pool_t *pool);

/* A counter or gauge with the sentence that Prometheus prints as HELP. */
tier_status_node_t *tier_status_metric(tier_status_node_t *parent, tier_status_kind_e kind,
                                       const char *name, apr_int64_t number, const char *help,
                                       apr_pool_t *pool);

/* Says what may be done about parent; words: with a space between; target: what act() is told. */
tier_status_node_t *tier_status_actions(tier_status_node_t *parent, const char *words,
                                        const char *target, apr_pool_t *pool);

/* Sets how an administrator is to read node; returns node. */
tier_status_node_t *tier_status_mood(tier_status_node_t *node, tier_status_mood_e mood);

#endif
