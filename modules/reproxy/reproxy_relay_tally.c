/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_relay_tally.h"

#include <errno.h>
#include <signal.h>

#include <status_tree.h>

apr_size_t reproxy_relay_tally_size(apr_uint32_t children)
{
    return sizeof(reproxy_relay_tally_t) + children * sizeof(reproxy_relay_child_t);
}

static int is_gone(apr_uint32_t pid)
{
    return pid == 0 || (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
}

reproxy_relay_child_t *reproxy_relay_tally_join(reproxy_relay_tally_t *tally, apr_uint32_t pid)
{
    apr_uint32_t i;

    for (i = 0; i < tally->child_count; i++) {
        reproxy_relay_child_t *child = &tally->children[i];
        apr_uint32_t owner = tier_atomic_load(&child->pid);

        if (is_gone(owner) && tier_atomic_swap(&child->pid, owner, pid)) {
            tier_atomic_store(&child->running, 0);
            return child;
        }
    }
    return NULL;
}

static apr_int64_t running(const reproxy_relay_tally_t *tally)
{
    apr_int64_t sum = 0;
    apr_uint32_t i;

    for (i = 0; i < tally->child_count; i++) {
        if (!is_gone(tier_atomic_load(&tally->children[i].pid))) {
            sum += tier_atomic_load(&tally->children[i].running);
        }
    }
    return sum;
}

static void counter(tier_status_node_t *root, const char *name, const tier_counter_t *value,
                    const char *help, apr_pool_t *pool)
{
    tier_status_metric(root, TIER_STATUS_COUNTER, name, (apr_int64_t)tier_counter_get(value), help,
                       pool);
}

void reproxy_relay_tally_report(const reproxy_relay_tally_t *tally, tier_status_node_t *root,
                                apr_pool_t *pool)
{
    static const char *const helps[REPROXY_RELAY_ENDS] = {
        "Bodies that arrived whole.",
        "Bodies whose client went away.",
        "Bodies whose client took nothing for longer than Timeout.",
        "Bodies whose storage broke off, before another copy was asked.",
        "Bodies whose storage stood still, before another copy was asked.",
        "Bodies cut because httpd stopped."};
    int i;

    tier_status_metric(root, TIER_STATUS_GAUGE, "running", running(tally),
                       "Bodies on their way without a worker.", pool);
    counter(root, "begun", &tally->begun, "Bodies sent past httpd's filters.", pool);
    counter(root, "handed_over", &tally->handed_over,
            "Bodies that the relay had, as their clients did not take them at once.", pool);
    counter(root, "refused", &tally->refused,
            "Bodies that a worker sent to the end because the relay had no room.", pool);
    counter(root, "bytes", &tally->bytes, "Bytes of bodies sent past httpd's filters.", pool);
    counter(root, "continued", &tally->continued,
            "Bodies continued from another copy after one had failed.", pool);
    for (i = 0; i < REPROXY_RELAY_ENDS; i++) {
        counter(root, reproxy_relay_end_name(i), &tally->ended[i], helps[i], pool);
    }
}
