/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_PRIVATE_H
#define HEALTH_PRIVATE_H

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include "log.h"

/* For the hook files other than mod_tier_health.c: makes ap_log_error log as this module. */
APLOG_USE_MODULE(tier_health);

#endif
