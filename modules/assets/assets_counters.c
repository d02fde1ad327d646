/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_counters.h"

#include "status_tree.h"

static void add(tier_status_node_t *node, const char *name, const tier_counter_t *counter,
                const char *help, apr_pool_t *pool)
{
    tier_status_metric(node, TIER_STATUS_COUNTER, name, (apr_int64_t)tier_counter_get(counter),
                       help, pool);
}

static void report_refused(const assets_counters_t *counters, tier_status_node_t *root,
                           apr_pool_t *pool)
{
    static const char *const names[ASSETS_REFUSALS] = {NULL,   "status",  "set_cookie", "private",
                                                       "vary", "encoded", "too_large",  "fields"};
    tier_status_node_t *node = tier_status_object(root, "not_stored", pool);

    for (int i = 1; i < ASSETS_REFUSALS; i++)
        add(node, names[i], &counters->refused[i],
            "Answers of the application that were not stored, by reason.", pool);
}

static void report_pages(const assets_counters_t *counters, tier_status_node_t *root,
                         apr_pool_t *pool)
{
    static const char *const names[ASSETS_UNTOUCHED] = {"encoded", "no_transform", "charset",
                                                        "range"};
    tier_status_node_t *node;

    add(root, "pages", &counters->pages, "Pages and style sheets rewritten.", pool);
    add(root, "references", &counters->references, "References looked at in them.", pool);
    add(root, "references_changed", &counters->changed, "References changed.", pool);
    node = tier_status_object(root, "pages_untouched", pool);
    for (int i = 0; i < ASSETS_UNTOUCHED; i++)
        add(node, names[i], &counters->untouched[i],
            "Pages and style sheets that were not rewritten, by reason.", pool);
}

void assets_counters_report(const assets_counters_t *counters, tier_status_node_t *root,
                            apr_pool_t *pool)
{
    add(root, "served", &counters->served, "Requests answered from the disk.", pool);
    add(root, "stale", &counters->stale,
        "Of them with a file past its time, as the application did not answer or was being asked.",
        pool);
    add(root, "fetched", &counters->fetched, "Files fetched from the application and stored.",
        pool);
    add(root, "fetched_bytes", &counters->fetched_bytes, "Bytes of the files stored.", pool);
    add(root, "from_peers", &counters->from_peers,
        "Of the files fetched, those from other web boxes.", pool);
    add(root, "revalidated", &counters->revalidated,
        "Stored files that the application confirmed with 304.", pool);
    add(root, "followed", &counters->followed,
        "Requests answered by a fetch while it was under way.", pool);
    add(root, "not_found", &counters->not_found,
        "Requests answered 404 because the application had said so a moment before.", pool);
    add(root, "failed", &counters->failed, "Fetches that failed or broke off.", pool);
    add(root, "unavailable", &counters->unavailable,
        "Requests answered 503: no file, and the application did not answer.", pool);
    add(root, "shed", &counters->shed,
        "Requests not let wait for a fetch, as TierAssetsWaiters others of their process did.",
        pool);
    add(root, "passed", &counters->passed,
        "Requests of missing files that were sent on to the application.", pool);
    report_refused(counters, root, pool);
    add(root, "variants", &counters->variants, "Requests answered with a compressed file.", pool);
    add(root, "compressed", &counters->compressed, "Compressed files made in the background.",
        pool);
    report_pages(counters, root, pool);
    add(root, "early_hints", &counters->early_hints,
        "Answers 103 with what the page's head had clients load the last time.", pool);
    add(root, "disk_errors", &counters->disk_errors, "Files that could not be written.", pool);
    add(root, "removed", &counters->removed,
        "Fetched files removed to keep a directory within its bound.", pool);
    tier_status_metric(root, TIER_STATUS_GAUGE, "files", tier_atomic_load64(&counters->files),
                       "Fetched files on the disk, as counted by the last sweep.", pool);
    tier_status_metric(root, TIER_STATUS_GAUGE, "disk_bytes", tier_atomic_load64(&counters->bytes),
                       "Bytes of the fetched files on the disk, as counted by the last sweep.",
                       pool);
}
