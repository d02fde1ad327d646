/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_VARY_H
#define CACHE_VARY_H

#include <apr_tables.h>

/*
 * RFC 9111 section 4.1. A response that varies is stored under its URI's key made longer by a
 * selector: the names in its Vary and the request's values for them, normalised. Which sets of
 * names are in use under a URI is kept in a list of its own. Pure; any thread.
 */
typedef enum { CACHE_VARY_NONE, CACHE_VARY_FIELDS, CACHE_VARY_ANY } cache_vary_e;

/*
 * More names than this, or a name that is no token, is taken for "*": the response is not stored.
 */
#define CACHE_VARY_MAX_NAMES 16

/* How many sets of names a list has at most; the one that was used longest ago leaves. */
#define CACHE_VARY_MAX_SETS 4

/*
 * Reads all Vary lines. FIELDS: *names is the set, in lower case, sorted, each once, joined by
 * commas, from pool; two spellings of one set are equal. With a NULL pool only the kind is told.
 */
cache_vary_e cache_vary_parse(const char **names, const apr_table_t *response, apr_pool_t *pool);

/*
 * Returns the selector, from pool, of a request for a set of names: the names and this request's
 * values. Lines of one field are joined, white space around the elements of a list is dropped
 * (RFC 9111 section 4.1), of Cookie and others that are no lists around the value; Accept and
 * Accept-Charset are sorted and in lower case, Accept-Language is in lower case and sorted by
 * weight; of Accept-Encoding counts which of br, gzip and zstd are acceptable (weights do not), and
 * whether no coding at all is; a missing field differs from an empty one.
 */
const char *cache_vary_selector(const char *names, const apr_table_t *request, apr_pool_t *pool);

/*
 * Returns 0 when a response has a coding that Accept-Encoding is not told apart by, or several: one
 * that varies by that field cannot be stored then.
 */
int cache_vary_is_plain(const apr_table_t *response);

/*
 * Returns list (sets joined by newlines, the newest first; NULL: none) with names moved or put to
 * its front and at most CACHE_VARY_MAX_SETS sets, from pool. "" is a set too: that of responses
 * without Vary.
 */
const char *cache_vary_list_add(const char *list, const char *names, apr_pool_t *pool);

/* Returns the next set of *list from pool and moves *list behind it; NULL at the end. */
const char *cache_vary_list_next(const char **list, apr_pool_t *pool);

#endif
