/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_RELAY_PATH_H
#define REPROXY_RELAY_PATH_H

#include <httpd.h>

/* The connection filter of the relay, which keeps the end-of-request bucket back. */
#define REPROXY_RELAY_FILTER "TIER_REPROXY_RELAY"

/*
 * Returns 1 when what is passed to r->output_filters reaches the client's socket byte for byte, so
 * that it may be written there directly: no TLS, no HTTP/2, no filter but those known to let a body
 * with a Content-Length pass. head_sent: whether the filters that only touch the head have been and
 * gone. Any thread, that of the request.
 */
int reproxy_relay_path_is_plain(const request_rec *r, int head_sent);

#endif
