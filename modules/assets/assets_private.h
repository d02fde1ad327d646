/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_PRIVATE_H
#define ASSETS_PRIVATE_H

#include <httpd.h>
#include <http_log.h>

#include "log.h"

/* For the hook files other than mod_tier_assets.c: makes ap_log_rerror log as this module. */
APLOG_USE_MODULE(tier_assets);

#endif
