/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_VAULT_TESTING_H
#define CACHE_VAULT_TESTING_H

#include "cache_vault.h"
#include "cache_table_testing.h"

/* A table of a vault takes records of so many bytes. */
#define LARGEST 100000

/* Returns a response of NOW, fresh for a minute, that is to be saved; request and response are
 * lines of fields. From pool. */
cache_saving_t saving_of(const char *key, const char *request, const char *response, int listed,
                         apr_pool_t *pool);

/* Saves such a response with a body under "key"; returns what cache_vault_save does. */
apr_status_t store_one(table_store_t *table, const char *request, const char *response,
                       const char *body, int listed, apr_time_t now);

/* Returns the body that a request for "key" finds, or what it finds instead. */
const char *look(table_store_t *table, const char *request);

#endif
