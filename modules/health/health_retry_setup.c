/* SPDX-License-Identifier: Apache-2.0 */
#include "health_retry.h"

#include <http_config.h>
#include <http_log.h>

#include <segment.h>

#include "health_private.h"
#include "health_retry_backend.h"
#include "health_retry_body.h"
#include "health_retry_hold.h"
#include "health_retry_member.h"

#define SEGMENT_NAME "tier-health-traffic"
#define ROOM_MIN     256

extern module AP_MODULE_DECLARE_DATA tier_health_module;

/* Twice as large as needed: a full hash table is slow, and restarts find the same one again. */
static apr_status_t obtain(health_passive_table_t **table, server_rec *main_server)
{
    apr_pool_t *pool = main_server->process->pool;
    apr_uint32_t room = 2 * health_scene_room(main_server);
    apr_uint32_t capacity = room < ROOM_MIN ? ROOM_MIN : room;
    tier_segment_t segment;
    apr_status_t status = tier_segment_obtain(&segment, SEGMENT_NAME, HEALTH_PASSIVE_LAYOUT,
                                              health_passive_size(capacity), pool);

    if (status != APR_SUCCESS)
        return status;
    *table = segment.base;
    if (segment.fresh)
        health_passive_format(segment.base, capacity);
    if (segment.fresh && segment.old_base)
        health_passive_adopt(*table, segment.old_base);
    tier_segment_done(&segment, SEGMENT_NAME, pool);
    return APR_SUCCESS;
}

int health_retry_setup(health_scene_t **scene, health_balancers_t *balancers,
                       server_rec *main_server, apr_pool_t *pconf)
{
    health_passive_table_t *table;
    apr_status_t status;

    *scene = NULL;
    if (!health_retry_config_used(pconf) && !health_balancers_want_traffic(balancers))
        return OK;
    if (!health_retry_member_possible()) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, 0, main_server,
            WTNO(1043) "TierHealthRetry, TierHealthHedge, TierHealthQueueTimeout, TierHealthEject, "
                       "TierHealthPanic "
                       "and TierHealthSlowStart need mod_proxy: put its LoadModule line (a2enmod "
                       "proxy) before that of "
                       "mod_tier_health");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    status = obtain(&table, main_server);
    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, status, main_server,
                     WTNO(1044) "no shared memory for TierHealthRetry and TierHealthEject: they "
                                "have no effect until the next restart");
        return OK;
    }
    health_balancers_follow(balancers, table, pconf);
    *scene = health_scene_make(main_server, table, balancers, pconf);
    (*scene)->holding = health_retry_hold_filter();
    (*scene)->watching = health_retry_backend_filter();
    return OK;
}

void health_retry_register(void)
{
    health_retry_hold_register();
    health_retry_body_register();
    health_retry_backend_register();
    health_retry_member_register();
}
