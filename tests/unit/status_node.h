/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_NODE_H
#define STATUS_NODE_H

/* Finding what a status provider has said. To be included after cmocka.h. */

#include <string.h>

#include "status_tree.h"

/* Returns the child of that name; fails the test when there is none. */
static inline const tier_status_node_t *child(const tier_status_node_t *node, const char *name)
{
    for (node = node->first; node; node = node->next) {
        if (strcmp(node->name, name) == 0)
            return node;
    }
    fail_msg("there is no %s", name);
    return NULL;
}

static inline int has_child(const tier_status_node_t *node, const char *name)
{
    for (node = node->first; node; node = node->next) {
        if (strcmp(node->name, name) == 0)
            return 1;
    }
    return 0;
}

/* Returns child number n, from 0, or NULL. */
static inline const tier_status_node_t *nth(const tier_status_node_t *node, int n)
{
    const tier_status_node_t *one = node->first;

    while (one && n-- > 0)
        one = one->next;
    return one;
}

#endif
