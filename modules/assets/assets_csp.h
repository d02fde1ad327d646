/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_CSP_H
#define ASSETS_CSP_H

/*
 * Returns 1 when a Content-Security-Policy (level 3) lets pages load something from host (with its
 * port, if it has one): one of its lists of sources for what pages refer to names it, by itself, by
 * "*.", by its scheme or by "*"; or there is no such list. Which list that is is not looked at:
 * this is for a warning, which shall not come without need. Pure; any thread.
 */
int assets_csp_allows(const char *policy, const char *host);

#endif
