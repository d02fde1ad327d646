/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_VERSION_H
#define ASSETS_VERSION_H

#include <apr_tables.h>

/*
 * Versions in queries, as WordPress and others write them: "a.css?ver=6.1.9". Pure; any thread.
 */

/*
 * Returns what stands for the version that a query (size bytes, without its '?') names, never 0; 0:
 * it is empty, or has a parameter that is not one of names (of const char *; NULL: none).
 */
apr_uint64_t assets_version_of(const apr_array_header_t *names, const char *query, apr_size_t size);

#endif
