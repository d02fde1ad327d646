/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_RECEIVED_H
#define TIER_RECEIVED_H

/*
 * The URL that a client has asked for, where a module has others work with another one. Answers may
 * differ by what is left out of that, so that it is what they are kept under.
 */
#include <httpd.h>

/* From now on r is known by uri, which lives as long as r, whatever r->unparsed_uri is. Thread of
 * the request. */
void tier_received_keep(request_rec *r, const char *uri);

/* Returns what r is known by, r->unparsed_uri unless somebody has said otherwise. */
const char *tier_received_uri(const request_rec *r);

#endif
