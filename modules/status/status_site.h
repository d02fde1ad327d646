/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_SITE_H
#define STATUS_SITE_H

/*
 * Whether an action was asked for by our own page or a program, and not by a page of another site
 * that a browser of an administrator shows (cross-site request forgery). Pure.
 */

#define STATUS_TOKEN_BYTES 16 /* of randomness; twice as many characters of text */

/*
 * Returns NULL when a request with these headers (each may be NULL) may act, else why not, a
 * constant. site: Sec-Fetch-Site, origin: Origin (RFC 6454), host: Host. A program sends neither of
 * the first two; a browser cannot leave them out.
 */
const char *status_site_error(const char *site, const char *origin, const char *host);

/* Returns 1 when the token sent, which may be NULL, is the one expected; in a time that does not
 * tell how much of it is right. */
int status_site_token_matches(const char *sent, const char *expected);

/* Returns 1 when host, a Host header or NULL, names this machine itself: localhost or an address,
 * with or without a port. */
int status_site_is_local_name(const char *host);

#endif
