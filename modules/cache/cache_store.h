/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_STORE_H
#define CACHE_STORE_H

#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_time.h>

#include "cache_key.h"
#include "cache_record.h"

/*
 * Where records are kept. A store knows ids and bytes, nothing of HTTP. Every function may be
 * called by any thread of any process, keeps its caller waiting no longer than its deadline, and
 * may fail: to a cache that is a miss.
 */
typedef struct cache_store_t cache_store_t;

/* Bytes that stay where they are. */
typedef struct cache_piece_t {
    const unsigned char *data;
    apr_size_t size;
    apr_off_t place; /* in the file of the blob's lend; negative: not there */
} cache_piece_t;

/*
 * What get found. data stays as it is until release is called (which may be NULL), or until the
 * pool is destroyed.
 */
typedef struct cache_blob_t {
    const unsigned char *data;
    apr_size_t size;
    void (*release)(void *baton);
    void *baton;
    cache_record_trust_e trust; /* how much of it is known to be right */
    apr_time_t since; /* as of when it is known to be right (tier_clock_now()); 0: not told */
    /*
     * Of get_in_place, NULL else: data is the head alone, the body is in these pieces, until
     * release was called once more often than hold. One thread.
     */
    const cache_piece_t *pieces;
    int piece_count;
    void (*hold)(void *baton);
    /*
     * With pieces only; NULL: not worth while. Makes ready for the kernel to send pieces itself, by
     * sendfile: returns the descriptor of the file where they are, or -1 when it cannot be. They
     * are there for as long as the blob is held.
     */
    int (*lend)(void *baton);
} cache_blob_t;

struct cache_store_t {
    /*
     * APR_SUCCESS, APR_NOTFOUND, or why it could not be asked. Copies the bytes at most once, into
     * pool.
     */
    apr_status_t (*get)(cache_store_t *store, const cache_id_t *id, cache_blob_t *blob,
                        apr_pool_t *pool);

    /*
     * As get, but may leave the body where it is. Who fills blob->pieces wants release called for
     * certain. NULL: this store copies.
     */
    apr_status_t (*get_in_place)(cache_store_t *store, const cache_id_t *id, cache_blob_t *blob,
                                 apr_pool_t *pool);

    /* Keeps a copy for at most keep. APR_ENOSPC: it cannot hold that many bytes. */
    apr_status_t (*put)(cache_store_t *store, const cache_id_t *id, const unsigned char *data,
                        apr_size_t size, apr_interval_time_t keep);

    /*
     * APR_SUCCESS also when there was nothing. APR_INCOMPLETE: it could not be done now, but holds
     * on this box, and is done when the store can be reached again.
     */
    apr_status_t (*remove)(cache_store_t *store, const cache_id_t *id);

    /*
     * For who changes what it has read: changes is read before, put_unless keeps nothing, and
     * returns APR_EBUSY, where something near id was put or removed since. NULL: this store cannot.
     */
    apr_uint64_t (*changes)(cache_store_t *store, const cache_id_t *id);
    apr_status_t (*put_unless)(cache_store_t *store, const cache_id_t *id,
                               const unsigned char *data, apr_size_t size, apr_interval_time_t keep,
                               apr_uint64_t changes);

    const char *name;     /* for people: "shared memory", "memcached" */
    apr_size_t largest;   /* bytes of the largest record it takes */
    cache_store_t *truth; /* what has to be read before it is changed; NULL: this store itself */
    cache_record_trust_e trust; /* how its records are checked */
    int is_quick; /* put and remove only copy memory: they may run before the client has its answer
                   */
};

#endif
