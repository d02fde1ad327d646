/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_SSL_PROXY_H
#define HEALTH_SSL_PROXY_H

#include <httpd.h>
#include <http_config.h>

#include "health_tls.h"

/*
 * Fills what settings leave open (TIER_UNSET, NULL) with what the SSLProxy directives of mod_ssl
 * say in the section of cmd, then in its virtual host, then in the main server, as read from the
 * configuration's text: mod_ssl keeps its settings to itself. What none says is as in mod_ssl:
 * expiry and name are checked, the chain is not. While configuring.
 */
void health_ssl_proxy_fill(cmd_parms *cmd, health_tls_settings_t *settings);

#endif
