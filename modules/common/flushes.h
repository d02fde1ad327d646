/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_FLUSHES_H
#define TIER_FLUSHES_H

/*
 * mod_proxy_http passes on what each read of a backend has brought, 8 KiB mostly, and a flush
 * before it waits for more. What comes between may be gathered by a filter: nobody has to wait for
 * it, and to send much at a time costs less than to send each read.
 */
#include <httpd.h>

/* Has tier_flushes() know who answers. From a module's register_hooks; more than once is harmless.
 */
void tier_flushes_register_hooks(void);

/*
 * Returns 1 when whoever makes r's answer flushes before it waits. Thread of the request; known
 * from the answer's first brigade on.
 */
int tier_flushes(const request_rec *r);

/* From now on somebody else makes the answer, who does not. Thread of the request. */
void tier_flushes_no_more(request_rec *r);

#endif
