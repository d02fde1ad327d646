/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_SCENE_H
#define REPROXY_SCENE_H

#include <httpd.h>

#include "reproxy_deliver.h"

/*
 * What the module has beside its configuration. Filled by post_config and child_init, before
 * there are threads; read by every thread of a child.
 */
typedef struct reproxy_scene_t {
    const reproxy_relay_t *relay; /* NULL: every body is sent by the worker of its request */
} reproxy_scene_t;

/* Returns this process's scene, never NULL. */
reproxy_scene_t *reproxy_scene(void);

#endif
