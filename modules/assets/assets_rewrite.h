/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_REWRITE_H
#define ASSETS_REWRITE_H

/* The rewriting of pages: TierAssetsRewrite. */

#include "assets_hooks.h"
#include "assets_page.h"

/* Registers the filter and what goes with it; call in register_hooks. */
void assets_rewrite_register(apr_pool_t *pool);

/* Returns 1 when what r answers may be rewritten: it is on, and there is a map. */
int assets_rewrite_is_on(const request_rec *r);

/* Returns what is said about references now; the same to all who ask during r, unless it is
 * renewed. Only where assets_rewrite_is_on, or the server has a live. */
const assets_version_t *assets_rewrite_version(request_rec *r);

/* Has r see what other processes have written down in this second. Returns 1 when it is something
 * else than assets_rewrite_version said before. Where that may be called. */
int assets_rewrite_renew(request_rec *r);

/* Fills in what the references of r's answer are judged by. Where assets_rewrite_version may be
 * called. */
void assets_rewrite_page(assets_page_t *page, request_rec *r);

/* Has the links of early hints rewritten that come before the answer to r, which is about to be
 * proxied. Where assets_rewrite_is_on. assets_interim.c */
void assets_interim_watch(request_rec *r);

/* Registers what that needs; call in register_hooks. assets_interim.c */
void assets_interim_register(void);

/* Translates the validators of the request for who answers it; is_proxied: what is sent to the
 * application. assets_validators.c */
void assets_validators_restore(request_rec *r, int is_proxied);

/* Makes r's fields those of a rewritten page. assets_validators.c */
void assets_validators_set(request_rec *r);

/* Translates the tag of a 304. assets_validators.c */
void assets_validators_confirm(request_rec *r);

#endif
