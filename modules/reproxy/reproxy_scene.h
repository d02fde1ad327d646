/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_SCENE_H
#define REPROXY_SCENE_H

#include <httpd.h>

#include "reproxy_buffers.h"
#include "reproxy_deliver.h"
#include "reproxy_node.h"
#include "reproxy_relay_carry.h"
#include "reproxy_remember.h"
#include "reproxy_workers.h"

/*
 * What the module has beside its configuration. Filled by post_config and child_init, before
 * there are threads; read by every thread of a child.
 */
typedef struct reproxy_scene_t {
    reproxy_table_t *table; /* shared with the other children, where there is memory for it */
    reproxy_workers_t *workers;
    reproxy_buffers_t buffers;
    reproxy_remember_t *remember;       /* NULL: TierReproxyCache is off */
    const reproxy_relay_t *relay;       /* NULL: every body is sent by the worker of its request */
    apr_int64_t relay_max;              /* TierReproxyRelayMax, of the configuration being read */
    reproxy_relay_tally_t *relay_tally; /* NULL: there is no relay in any child */
    reproxy_relay_child_state_t *relay_child; /* NULL: there is none in this one */
} reproxy_scene_t;

/* Returns this process's scene, never NULL. */
reproxy_scene_t *reproxy_scene(void);

#endif
