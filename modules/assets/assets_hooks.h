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

#include "background.h"
#include "glue.h"
#include "leader.h"

extern module AP_MODULE_DECLARE_DATA tier_assets_module;

/* In shared memory; the layout number changes with the structs. */
#define ASSETS_SHARED_LAYOUT 7

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
} assets_shared_t;

/* What one process works with. NULL pointers: it could not be had. */
typedef struct assets_runtime_t {
    assets_shared_t *shared;
    tier_background_t *background;
    assets_hot_t *hot;
} assets_runtime_t;

/* Returns this process's runtime. Set up before its first request, unchanged after. */
const assets_runtime_t *assets_runtime(void);

/* A request of a URL below a TierAssets prefix; lives in r->pool. */
typedef struct assets_request_t {
    const assets_root_t *root;
    const char *name; /* below the prefix, decoded */
    const char *path; /* of the file */
    apr_uint64_t id;
    assets_file_t file;
    int has_file, is_fresh; /* fresh: it may be served without asking */
    int is_followed;        /* the file is that of a fetch r has waited for */
    int is_mapped;          /* the URL was mapped to the file: nobody else has it */
    const char *looked_for; /* the path of the name with its fingerprint; NULL: not on the disk */
    apr_uint64_t claimed;   /* the fingerprint in the URL's name; 0: there is none */
    apr_uint64_t version;   /* of assets_version_of; 0: the query names none */
    int is_renewed;         /* claimed was looked for in what others have written down just now */
} assets_request_t;

/* Starts the thread that keeps the asset directories of all servers within their bounds; call in
 * child_init. assets_keeper.c */
apr_status_t assets_keeper_start(assets_shared_t *shared, server_rec *s, apr_pool_t *pchild);

/* Finds out what r's URL says of the content: sets the state's name, path, claimed and version.
 * Where it has a fingerprint, the rest of httpd gets to see the URL without. assets_claim.c */
void assets_claim_read(assets_request_t *state, request_rec *r);

/* Remembers that there is no file of the very name, whose fingerprint was right. assets_claim.c */
void assets_claim_keep(const assets_request_t *state);

/* Returns what the fingerprint of the URL has to do with the state's file. assets_claim.c */
assets_fingerprint_e assets_claim_judge(assets_request_t *state, request_rec *r);

/* Returns 1 when the state's file, which was fetched, is not what the URL asks for by fingerprint
 * or version, and the application was not asked in this second. assets_claim.c */
int assets_claim_is_newer(assets_request_t *state, request_rec *r);

/* Finds what is at state->path, in memory or on the disk, and sets has_file and is_fresh.
 * assets_serve.c */
void assets_serve_find(assets_request_t *state, request_rec *r);

/* The same from the disk alone, as it is now. assets_serve.c */
void assets_serve_look(assets_request_t *state, request_rec *r);

/* Answers r with the file that state has. Returns a handler's result. assets_serve.c */
int assets_serve(assets_request_t *state, request_rec *r);

/* Returns what to open files for r with besides. assets_serve.c */
apr_int32_t assets_serve_flags(const request_rec *r);

/* Adds a part of a file to what answers r, as httpd would send its own. assets_serve.c */
void assets_serve_add_file(apr_bucket_brigade *brigade, apr_file_t *file, apr_off_t start,
                           apr_off_t length, const request_rec *r);

/* Puts a compressed file in the place of state's, where one is beside it and r wants it. r has its
 * type and fields already. assets_variant.c */
void assets_variant_choose(assets_request_t *state, request_rec *r);

/* Returns 1 when what r, which has its type, answers with is rewritten. assets_variant.c */
int assets_variant_is_rewritten(request_rec *r);

/* Sets r's fields from what is kept beside a fetched file. assets_serve.c */
void assets_serve_fields(request_rec *r, const assets_file_t *file);

/* Answers r, whose file is missing or stale, with what the application says. Returns a handler's
 * result; DECLINED: the request goes to the application itself. assets_fetch.c */
int assets_fetch(assets_request_t *state, request_rec *r);

/* Answers r, for which there is nothing and the application cannot be asked. assets_fetch.c */
int assets_fetch_unavailable(request_rec *r);

/* What came of a fetch for one that waits for it. */
typedef enum {
    ASSETS_FOLLOW_ANSWERED, /* result is the handler's */
    ASSETS_FOLLOW_OVER,     /* it ended without a file; the marks or the disk say why */
    ASSETS_FOLLOW_LATE      /* it took too long */
} assets_follow_e;

/* Answers r with the file that a fetch is writing, as it comes, or when it is whole where r wants
 * something of it (a range). file is from r->pool. assets_follow.c */
assets_follow_e assets_follow(assets_request_t *state, request_rec *r, apr_file_t *file,
                              int *result);

/* A fetch that is begun by its leader. assets_job.c */
typedef struct assets_job_t assets_job_t;

/* Makes a job, with a pool of its own, for state's file: enters it. *is_leader 0: another process
 * or thread fetches. Errors: as of assets_file_enter. */
apr_status_t assets_job_enter(assets_job_t **job, int *is_leader, const assets_request_t *state,
                              request_rec *r);

/* Returns a file of r's own on what the job writes or another one does. */
apr_status_t assets_job_watch(apr_file_t **file, const assets_job_t *job, request_rec *r);

/* Fetches: in the background, or before it returns where that cannot be. The job is not the
 * caller's any more. state has the stale file that is to be validated, or none. */
void assets_job_start(assets_job_t *job, const assets_request_t *state, request_rec *r);

/* Asks the peers, in the request r that job makes for itself. Returns a handler's result; DECLINED:
 * the application is to be asked. */
int assets_job_ask_peers(assets_job_t *job, request_rec *r);

/* Gives the job up before it was started; what it entered is free for others. */
void assets_job_drop(assets_job_t *job);

/* Logs, at most once a minute, that something could not be stored. */
void assets_job_complain(apr_status_t rv, const server_rec *s, const char *path);

#endif
