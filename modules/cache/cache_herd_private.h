/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_HERD_PRIVATE_H
#define CACHE_HERD_PRIVATE_H

/*
 * What those who wait for each other (cache_herd.c) and revalidation in the background
 * (cache_herd_background.c) share. One thread, that of the request, but for the start.
 */

#include "cache_hooks.h"

/* Sets state->herd.id: of the stored variant, of the one that would be stored, or of the URI. */
void cache_herd_identify(cache_request_t *state);

/* r's answer is what others wait for; where none comes, they are told when r's pool goes. */
void cache_herd_lead(cache_request_t *state, request_rec *r);

/* Starts the threads of herd; where that fails it is logged, and nothing is revalidated. */
void cache_herd_start_background(cache_herd_t *herd, server_rec *s, apr_pool_t *pchild);

#endif
