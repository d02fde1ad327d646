/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_TLS_H
#define HEALTH_TLS_H

#include <apr_pools.h>

#include "result.h"

/*
 * The client's side of TLS over bytes: what came from the network goes in, what is to be sent there
 * comes out; no socket is touched. A certificate is judged before anything else is said.
 */

/* What a probe demands of a member's certificate, and what it shows of its own. Strings: NULL is
 * none. */
typedef struct health_tls_settings_t {
    int chain;             /* an authority that is trusted here has signed it */
    int name;              /* it is issued for the member's name */
    int expiry;            /* its time has begun and is not over */
    const char *ca_file;   /* trusted authorities, PEM; with neither, the system's */
    const char *ca_path;   /* a folder of them, hashed */
    const char *cert_file; /* own certificate (with its chain), PEM */
    const char *key_file;  /* its key; NULL: in cert_file */
    const char *peer;      /* the name that is asked for (SNI) and verified; NULL: the member's */
} health_tls_settings_t;

/* Settings and certificates, loaded once. Read-only: any thread. */
typedef struct health_tls_context_t health_tls_context_t;

/*
 * Loads what settings name. Returns NULL and sets *context, from pool, or returns a sentence
 * fragment from pool that says which file cannot be used and why. While configuring, so that keys
 * may be readable for root only.
 */
const char *health_tls_context_create(const health_tls_context_t **context,
                                      const health_tls_settings_t *settings, apr_pool_t *pool);

/* One connection. One thread at a time. */
typedef struct health_tls_t health_tls_t;

typedef enum {
    HEALTH_TLS_SHAKING, /* the handshake goes on */
    HEALTH_TLS_OPEN,
    HEALTH_TLS_CLOSED, /* the peer has said that it says no more */
    HEALTH_TLS_FAILED
} health_tls_e;

/* Begins a handshake with a peer of that name. From pool, which frees it. NULL: no memory. */
health_tls_t *health_tls_begin(const health_tls_context_t *context, const char *peer,
                               apr_pool_t *pool);

/*
 * Takes bytes from the network in (size 0: none, to begin with) and goes on. With
 * HEALTH_TLS_FAILED, *problem, from pool, says "handshake", "untrusted", "expired", "wrong_name" or
 * "tls". All of data is taken.
 */
health_tls_e health_tls_feed(health_tls_t *tls, const char *data, apr_size_t size,
                             tier_result_t *problem, apr_pool_t *pool);

/* Encrypts text once the connection is open. Returns 0 when that is not possible. */
int health_tls_write(health_tls_t *tls, const char *text, apr_size_t size);

/*
 * Decrypts up to size bytes that came. Returns how many; 0: none for now, or the end. *state then
 * says which, and *problem is as above.
 */
apr_size_t health_tls_read(health_tls_t *tls, char *bytes, apr_size_t size, health_tls_e *state,
                           tier_result_t *problem, apr_pool_t *pool);

/* Moves up to size bytes that are to be sent to the network into bytes. Returns how many. */
apr_size_t health_tls_output(health_tls_t *tls, char *bytes, apr_size_t size);

/* Returns a line for people, from pool: "TLSv1.3, certificate valid for 80 days". */
const char *health_tls_text(const health_tls_t *tls, apr_pool_t *pool);

#endif
