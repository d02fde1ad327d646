/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_ORDER_H
#define REPROXY_ORDER_H

#include <apr.h>
#include <apr_time.h>

#include "reproxy_failure.h"

/*
 * What is to be delivered: one file of which there are copies at several URLs, or one local file.
 * Made by what an application's answer says, or by a look-up of a MogileFS key; carried out by
 * reproxy_deliver(). A plain value; all it points to must live as long as the request. One thread.
 */
typedef struct reproxy_order_t {
    /* Copies, tried in this order. Absolute http:// or https:// URLs; what is no such URL counts as
     * REPROXY_FAILURE_REFUSED. */
    const char *const *urls;
    int url_count;
    /* A local file instead, looked for in the TierReproxyFileRoots; NULL: the URLs. */
    const char *path;

    /* What is known of the file. A copy that says otherwise is not used. */
    apr_off_t size;           /* bytes of the whole file; -1: not known */
    const char *etag;         /* strong, as sent, with its quotes; goes to the client. NULL: none */
    apr_time_t modified;      /* goes to the client as Last-Modified; 0: not known */
    const char *content_type; /* goes to the client; NULL: what r->content_type says */
    const char *md5;          /* 32 hex digits, of the whole file; NULL: not verified */

    /* The answer when every copy says 404 or 410: HTTP_NOT_FOUND where the URLs are all there is to
     * the file, HTTP_SERVICE_UNAVAILABLE where the file is known to exist. 0: HTTP_NOT_FOUND. */
    int absent_status;
    /* The URLs come from a service that the administrator has named: TierReproxyAllow is not
     * asked. */
    unsigned trusted : 1;

    /*
     * Called for each copy that failed, in the thread of the request, once a failure; the next copy
     * is tried after it. url: index in urls. status: HTTP's with _ABSENT and _STATUS, else 0.
     * Must not block. NULL: nobody wants to know.
     */
    void (*failed)(void *baton, int url, reproxy_failure_e failure, int status);
    /* Called for each copy that gave what it was asked for, in the same way. NULL as well. */
    void (*served)(void *baton, int url);
    void *baton;
} reproxy_order_t;

#endif
