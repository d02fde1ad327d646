/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_LINK_H
#define ASSETS_LINK_H

#include "assets_edit.h"

/*
 * Returns a Link field's value (RFC 8288) with the target of each link as judge wants it, from
 * pool; NULL: nothing changes. What stands within quotes is no target. Any thread.
 */
const char *assets_link_rewrite(const char *value, const assets_judge_t *judge, apr_pool_t *pool);

/*
 * The same for the Link fields of the head of an answer: text as it is sent, lines that end with
 * CRLF, the first of which is left alone.
 */
const char *assets_link_rewrite_head(const char *head, const assets_judge_t *judge,
                                     apr_pool_t *pool);

#endif
