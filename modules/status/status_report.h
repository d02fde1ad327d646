/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_REPORT_H
#define STATUS_REPORT_H

#include <apr_time.h>
#include <webtier/status_provider.h>

/*
 * Everything that one answer says, as one tree with handles on its parts. One request, one thread.
 */
typedef struct status_report_t {
    apr_time_t now;
    const char *version;      /* of webtier */
    const char *host;         /* the server's name, for the page's title */
    const char *token;        /* what a client who may act sends with an action; NULL: it may not */
    tier_status_node_t *root; /* an object: what JSON prints */
    tier_status_node_t *server;  /* an object of root: httpd itself */
    tier_status_node_t *modules; /* an object of root: one object a module */
} status_report_t;

/* Fills report with a tree that has a version, the time and two empty parts. version, host: as long
 * as pool. */
void status_report_begin(status_report_t *report, const char *version, const char *host,
                         apr_time_t now, apr_pool_t *pool);

/* The client may act, and sends token, which lives as long as pool, with it. */
void status_report_allow(status_report_t *report, const char *token, apr_pool_t *pool);

/* Appends the object of a module, for its provider to fill. name: as long as pool. */
tier_status_node_t *status_report_module(status_report_t *report, const char *name,
                                         apr_pool_t *pool);

/* To be called when the provider is done: a module that has nothing to tell is said to be off. */
void status_report_module_done(tier_status_node_t *module, apr_pool_t *pool);

/* Returns non-zero for an array "history" or "..._history": events, newest or oldest first. They
 * are no state and no figures. */
int status_report_is_history(const tier_status_node_t *node);

#endif
