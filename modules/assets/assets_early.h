/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_EARLY_H
#define ASSETS_EARLY_H

/* Early hints (103, RFC 8297): TierAssetsEarlyHints. For requests whose pages are rewritten. */

#include "assets_hooks.h"

#include "assets_page.h"

/* Makes page, r's, gather what its head has browsers load, where hints are on. */
void assets_early_gather(assets_page_t *page, request_rec *r);

/* The page was whole: what it has gathered is remembered. */
void assets_early_remember(const assets_page_t *page, request_rec *r);

/* r is about to be sent to the application: sends its client what the page had the last time; to
 * clients that hints are not for, the application's own are not sent either. */
void assets_early_send(request_rec *r);

#endif
