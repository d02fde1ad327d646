/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_REQUEST_H
#define MOGILE_REQUEST_H

#include "mogile_config.h"

/* A request for a key of MogileFS. Lives in r->pool; one thread. */
typedef struct mogile_request_t {
    request_rec *r;
    const mogile_config_t *config;
    mogile_service_t *service;
    mogile_key_t key;
} mogile_request_t;

/*
 * The handler: answers GET and HEAD of the keys of sections with TierMogileDomain, and PUT and
 * DELETE where they are allowed. DECLINED for everything else.
 */
int mogile_request_handler(request_rec *r);

/* The hook translate_name: names the key where httpd has a file's name. */
int mogile_request_translate(request_rec *r);

/* The hook map_to_storage: a key is no file, which httpd would look for in vain. */
int mogile_request_map(request_rec *r);

/* Has the answer say when to come again; returns HTTP_SERVICE_UNAVAILABLE. */
int mogile_request_unavailable(request_rec *r);

/* Returns the entity tag of a fid, from r->pool: a fid's body never changes, so it is strong. */
const char *mogile_request_etag(request_rec *r, apr_int64_t fid);

/* mogile_get.c: answers GET and HEAD. */
int mogile_get(mogile_request_t *request);

/* mogile_put.c: stores the request's body. */
int mogile_put(mogile_request_t *request);

/* mogile_delete.c: removes the key. */
int mogile_delete(mogile_request_t *request);

#endif
