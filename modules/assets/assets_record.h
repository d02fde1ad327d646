/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_RECORD_H
#define ASSETS_RECORD_H

#include <apr_tables.h>
#include <apr_time.h>

/*
 * What is kept beside the bytes of a fetched file: an extended attribute of the file itself, so
 * that both are published by one rename and gone with one unlink. A file without it was put there
 * by somebody else (a deployment) and is right as it is. Pure; any thread.
 */
#define ASSETS_RECORD_ATTRIBUTE "user.webtier.asset"

/* ext4 keeps all attributes of a file in one block. */
#define ASSETS_RECORD_LARGEST 3072

typedef struct assets_record_t {
    int is_complete;
    apr_time_t fetched, expires; /* of the wall clock, whole seconds: they outlive a restart */
    apr_off_t length;            /* of the body as announced; -1: it was not */
    apr_uint64_t fingerprint;    /* of the body (assets_fingerprint.h); 0: not known */
    apr_uint64_t version;        /* that its URL named last (assets_version.h); 0: none */
    apr_table_t *fields;         /* of the answer */
} assets_record_t;

/* Returns the record as text from pool and its size, or NULL: it would be larger than
 * ASSETS_RECORD_LARGEST, or has a field that no line can hold. */
const char *assets_record_write(const assets_record_t *record, apr_size_t *size, apr_pool_t *pool);

/* Reads it; the fields are from pool. APR_EINVAL: it is no record. */
apr_status_t assets_record_read(assets_record_t *record, const char *data, apr_size_t size,
                                apr_pool_t *pool);

/* Returns 1 while the file may be used without asking. A clock that was put back makes it stale. */
int assets_record_is_fresh(const assets_record_t *record, apr_time_t now);

#endif
