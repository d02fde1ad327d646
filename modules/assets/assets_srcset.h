/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_SRCSET_H
#define ASSETS_SRCSET_H

#include <apr.h>

/*
 * Values of attributes that hold URLs beside other things. Pure; any thread.
 */

/* Some bytes of the value. */
typedef struct assets_span_t {
    apr_size_t from, to;
} assets_span_t;

/*
 * srcset and imagesrcset, HTML standard 4.8.4.4.7 ("parse a srcset attribute"). Sets *url to where
 * the next image candidate's URL stands and moves *cursor (0 at first) behind the candidate.
 * Returns 0 at the end.
 */
int assets_srcset_next(const char *value, apr_size_t size, apr_size_t *cursor, assets_span_t *url);

/*
 * The content of <meta http-equiv=refresh>, HTML standard 4.2.5.3 ("shared declarative refresh
 * steps"). Returns 1 and sets *url where it names one.
 */
int assets_srcset_refresh(const char *value, apr_size_t size, assets_span_t *url);

#endif
