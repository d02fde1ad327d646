/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_HOOKS_H
#define ASSETS_HOOKS_H

/* What the hook files of mod_tier_assets share. */

#include <httpd.h>
#include <http_config.h>

#include "assets_config.h"
#include "assets_counters.h"
#include "assets_file.h"
#include "assets_fingerprint.h"
#include "assets_hint.h"
#include "assets_hot.h"
#include "assets_marks.h"
#include "assets_waiters.h"

#include "background.h"
#include "glue.h"
#include "leader.h"

extern module AP_MODULE_DECLARE_DATA tier_assets_module;

/* In shared memory; the layout number changes with the structs. */
#define ASSETS_SHARED_LAYOUT 8

/* Of more peers than that, some are left alone together. */
#define ASSETS_PEERS_DOWN 256

typedef struct assets_shared_t {
    assets_marks_t marks;
    assets_counters_t counters;
    assets_hint_pages_t hints;
    tier_leader_t leader;                      /* whose process sweeps */
    apr_int64_t peers_down[ASSETS_PEERS_DOWN]; /* by their numbers; atomic */
    apr_int64_t warned;     /* when a page's policy was complained of last; atomic */
    apr_int64_t complained; /* when a disk error was logged last; atomic */
    apr_int64_t shed;       /* when it was logged last that too many wait; atomic */
} assets_shared_t;

/* What one process works with. NULL pointers: it could not be had; waiters: all may wait. */
typedef struct assets_runtime_t {
    assets_shared_t *shared;
    tier_background_t *background;
    assets_hot_t *hot;
    assets_waiters_t *waiters;
    int are_types_known; /* assets_serve_types_are_known() */
} assets_runtime_t;

/* Returns this process's runtime. Set up before its first request, unchanged after. */
const assets_runtime_t *assets_runtime(void);

/* Returns 1 when every has passed since *last, which is one of the shared times: whoever gets it
 * says what is not to be said more often. Any thread. */
int assets_runtime_is_due(apr_int64_t *last, apr_interval_time_t every);

/* A request of a URL below a TierAssets prefix; lives in r->pool. */
typedef struct assets_request_t {
    const assets_root_t *root;
    const char *name; /* below the prefix, decoded */
    const char *path; /* of the file */
    apr_uint64_t id;  /* of what is known about path; where it is not fresh */
    assets_file_t file;
    int has_file, is_fresh; /* fresh: it may be served without asking */
    int is_followed;        /* the file is that of a fetch r has waited for */
    int is_mapped;          /* the URL was mapped to the file: nobody else has it */
    const char *looked_for; /* the path of the name with its fingerprint; NULL: not on the disk */
    apr_uint64_t claimed;   /* the fingerprint in the URL's name; 0: there is none */
    apr_uint64_t version;   /* of assets_version_of; 0: the query names none */
    const char *type;       /* that was found for the file in memory, and for the next ones */
    const void *output_filters, *input_filters; /* before the type was looked for */
    const assets_version_t *now; /* of assets_rewrite_version; NULL: nobody has asked yet */
    int is_renewed; /* claimed was looked for in what others have written down just now */
} assets_request_t;

/* Starts the thread that keeps the asset directories of all servers within their bounds; call in
 * child_init. assets_keeper.c */
apr_status_t assets_keeper_start(assets_shared_t *shared, server_rec *s, apr_pool_t *pchild);

#endif
