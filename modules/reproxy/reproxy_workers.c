/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_workers.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "reproxy_private.h"

#define WORKERS_MAX 1024
/* Seconds after which a name is looked up again. */
#define ADDRESS_TTL 60

/* A worker, and for whom it is. */
typedef struct place_t place_t;
struct place_t {
    proxy_worker *worker;
    apr_interval_time_t connect;
    const server_rec *server; /* with TLS */
    place_t *next;            /* of the same node */
};

struct reproxy_workers_t {
    apr_pool_t *pool; /* with an allocator of its own, that threads share */
    apr_thread_mutex_t *lock;
    apr_hash_t *by_node; /* the first place_t of each; under the lock, as count is */
    int count;
};

apr_status_t reproxy_workers_create(reproxy_workers_t **workers, apr_pool_t *pool)
{
    reproxy_workers_t *made = apr_pcalloc(pool, sizeof(*made));
    apr_allocator_t *allocator;
    apr_thread_mutex_t *allocator_lock;
    apr_status_t status = apr_allocator_create(&allocator);

    if (status != APR_SUCCESS)
        return status;
    status = apr_pool_create_ex(&made->pool, pool, NULL, allocator);
    if (status != APR_SUCCESS)
        return status;
    apr_allocator_owner_set(allocator, made->pool);
    status = apr_thread_mutex_create(&allocator_lock, APR_THREAD_MUTEX_DEFAULT, made->pool);
    if (status == APR_SUCCESS) {
        apr_allocator_mutex_set(allocator, allocator_lock);
        status = apr_thread_mutex_create(&made->lock, APR_THREAD_MUTEX_DEFAULT, made->pool);
    }
    if (status != APR_SUCCESS)
        return status;
    made->by_node = apr_hash_make(made->pool);
    *workers = made;
    return APR_SUCCESS;
}

static proxy_worker *make(request_rec *r, const char *node, apr_interval_time_t connect,
                          apr_pool_t *pool)
{
    proxy_worker *worker;
    const char *problem = ap_proxy_define_worker(pool, &worker, NULL, NULL, node, 0);
    apr_status_t status;

    if (problem) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WTNO(3001) "no worker for storage node %s: %s",
                      node, problem);
        return NULL;
    }
    worker->s->conn_timeout = worker->s->acquire = connect;
    worker->s->conn_timeout_set = worker->s->acquire_set = 1;
    worker->s->address_ttl = ADDRESS_TTL;
    worker->s->address_ttl_set = 1;
    /* Whether a node is asked is decided by what the children know of it, not by the worker. */
    worker->s->status |= PROXY_WORKER_IGNORE_ERRORS;
    status = ap_proxy_initialize_worker(worker, r->server, pool);
    if (status == APR_SUCCESS)
        return worker;
    ap_log_rerror(APLOG_MARK, APLOG_ERR, status, r, WTNO(3002) "no worker for storage node %s",
                  node);
    return NULL;
}

/* Connections over TLS have the keys and rules of their virtual host. */
static int is_for(const place_t *place, const request_rec *r, const reproxy_url_t *url,
                  apr_interval_time_t connect)
{
    return place->connect == connect && (!url->is_tls || place->server == r->server);
}

/* Under the lock. NULL: it cannot be made. */
static proxy_worker *add(reproxy_workers_t *workers, request_rec *r, const reproxy_url_t *url,
                         apr_interval_time_t connect, place_t *first)
{
    apr_pool_t *pool;
    place_t *place;
    proxy_worker *worker;

    apr_pool_create(&pool, workers->pool);
    worker = make(r, url->node, connect, pool);
    if (!worker) {
        apr_pool_destroy(pool);
        return NULL;
    }
    place = apr_palloc(pool, sizeof(*place));
    *place = (place_t){worker, connect, r->server, first};
    apr_hash_set(workers->by_node, apr_pstrdup(pool, url->node), APR_HASH_KEY_STRING, place);
    workers->count++;
    return worker;
}

proxy_worker *reproxy_workers_get(reproxy_workers_t *workers, request_rec *r,
                                  const reproxy_url_t *url, apr_interval_time_t connect)
{
    proxy_worker *worker = NULL;
    place_t *first, *place;
    int is_full;

    apr_thread_mutex_lock(workers->lock);
    first = place = apr_hash_get(workers->by_node, url->node, APR_HASH_KEY_STRING);
    while (place && !is_for(place, r, url, connect))
        place = place->next;
    is_full = workers->count >= WORKERS_MAX;
    if (place)
        worker = place->worker;
    else if (!is_full)
        worker = add(workers, r, url, connect, first);
    apr_thread_mutex_unlock(workers->lock);
    return worker || !is_full ? worker : make(r, url->node, connect, r->pool);
}
