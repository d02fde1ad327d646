/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_FILE_H
#define REPROXY_FILE_H

#include <httpd.h>

#include "reproxy_order.h"

/*
 * Answers r with the local file order->path, as httpd's own files are sent: sendfile, ranges,
 * conditions. Only a regular file below a TierReproxyFileRoot, wherever links lead, is opened; a
 * relative path is looked for below each root. Returns OK, or a status with nothing sent: 304, 412,
 * order->absent_status or HTTP_NOT_FOUND, HTTP_FORBIDDEN (not readable), HTTP_BAD_GATEWAY (outside
 * of every root, or no regular file). In the thread of the request.
 */
int reproxy_file_deliver(request_rec *r, const reproxy_order_t *order);

#endif
