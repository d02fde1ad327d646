/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_SCAN_H
#define ASSETS_SCAN_H

#include "assets_edit.h"

/* A scanner for a body of one of the types that hold references. One thread. */
typedef enum {
    ASSETS_SCAN_NONE, /* a type without references, or one that is not read */
    ASSETS_SCAN_HTML,
    ASSETS_SCAN_XHTML,
    ASSETS_SCAN_CSS
} assets_scan_e;

typedef struct assets_scan_t assets_scan_t;

/* Returns what a Content-Type (NULL: none) says: NONE also for charsets that cannot be read, and
 * *is_unreadable then. */
assets_scan_e assets_scan_kind(const char *type, int *is_unreadable);

/* Returns a scanner of kind, which is not NONE. judge must outlive it. */
assets_scan_t *assets_scan_create(assets_scan_e kind, const assets_judge_t *judge,
                                  apr_pool_t *pool);

/* Reads the next bytes; size is at most some 64 KiB, which bounds what a call allocates. Returns
 * the edits found (NULL: none), which live until the next call. */
const apr_array_header_t *assets_scan_feed(assets_scan_t *scan, const char *data, apr_size_t size);

/* The body is over; returns as assets_scan_feed does. */
const apr_array_header_t *assets_scan_end(assets_scan_t *scan);

/* Returns up to where of the stream nothing will be changed any more. */
apr_off_t assets_scan_safe(const assets_scan_t *scan);

#endif
