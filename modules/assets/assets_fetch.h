/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_FETCH_H
#define ASSETS_FETCH_H

/* Files that are missing or past their time, as a client sees it. */

#include "assets_hooks.h"

/* Answers r, whose file is missing or stale, with what the application says. Returns a handler's
 * result; DECLINED: the request goes to the application itself. assets_fetch.c */
int assets_fetch(assets_request_t *state, request_rec *r);

/* Answers r, for which there is nothing and the application cannot be asked. assets_fetch.c */
int assets_fetch_unavailable(request_rec *r);

/* What came of a fetch for one that waits for it. */
typedef enum {
    ASSETS_FOLLOW_ANSWERED, /* result is the handler's */
    ASSETS_FOLLOW_OVER,     /* it ended without a file; the marks or the disk say why */
    ASSETS_FOLLOW_LATE      /* it took too long, or longer than too many may wait */
} assets_follow_e;

/* Answers r with the file that a fetch is writing, as it comes, or when it is whole where r wants
 * something of it (a range). file is from r->pool. assets_follow.c */
assets_follow_e assets_follow(assets_request_t *state, request_rec *r, apr_file_t *file,
                              int *result);

#endif
