/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_PRIVATE_H
#define REPROXY_PRIVATE_H

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include "log.h"

/* For the hook files other than mod_tier_reproxy.c: makes ap_log_rerror log as this module. Log
 * ids: 3001-3299 delivery, 3300-3599 MogileFS, 3600-3799 the relay. */
APLOG_USE_MODULE(tier_reproxy);

#endif
