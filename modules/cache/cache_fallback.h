/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_FALLBACK_H
#define CACHE_FALLBACK_H

/* What is stored, in the place of the origin's error. Thread of the request. */
#include "cache_hooks.h"

/*
 * stale-if-error: whether r's answer, which begins with brigade, is replaced by what is stored, and
 * doing so.
 */
int cache_fallback_is_wanted(const cache_request_t *state, const request_rec *r,
                             const apr_bucket_brigade *brigade);
apr_status_t cache_fallback_serve(cache_request_t *state, ap_filter_t *f,
                                  apr_bucket_brigade *brigade);

/*
 * Of what is stored and may not be used: where brigade says that there is no answer, the client is
 * to get an error (RFC 9111 section 5.2.2.2), not the end of its connection. Returns 1 then.
 */
int cache_fallback_say_error(const cache_request_t *state, apr_bucket_brigade *brigade);

/*
 * r has its answer. mod_proxy may end with an error nevertheless, and httpd send a page for that,
 * which is to be dropped.
 */
void cache_fallback_end(cache_request_t *state, const request_rec *r);
void cache_fallback_drop_page(cache_request_t *state, request_rec *r);

#endif
