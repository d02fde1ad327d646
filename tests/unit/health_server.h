/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_SERVER_H
#define HEALTH_SERVER_H

/* A server around the watch, in place of httpd with its balancers: records of members, and what was
 * mirrored there. */

#include "health_testing.h"

#include "health_monitor.h"

typedef struct record_t {
    const char *url; /* NULL: not there */
    const char *host;
    int port;
    int down;                     /* what was mirrored last; -1: nothing was */
    int recovered;                /* how often RECOVERED was mirrored */
    apr_time_t error;             /* since when the server itself holds it for broken */
    int share;                    /* the last that was set, percent; 0: none was */
    int drains;                   /* the last that was set */
    const char *balancer;         /* NULL: balancer://app */
    const char *scope;            /* its virtual host; NULL: the main server */
    int unchecked;                /* live traffic alone judges it */
    health_eject_t *eject;        /* NULL: it is never ejected */
    apr_uint32_t panic;           /* of its balancer, of which it is the first */
    apr_array_header_t *required; /* balancers that its own one needs; NULL: none */
    int unknown;                  /* the server has no record of it */
} record_t;

typedef struct fake_server_t {
    health_server_t server;
    health_check_t check;
    health_eject_settings_t ejecting;
    kept_log_t log;
    record_t records[8];
    int asked;
} fake_server_t;

static inline health_spec_t spec_of(fake_server_t *fake, record_t *record)
{
    health_spec_t spec = {.check = record->unchecked ? NULL : &fake->check,
                          .ejecting = record->eject ? &fake->ejecting : NULL,
                          .eject = record->eject,
                          .panic = &record->panic,
                          .requires = record->required,
                          .log = &fake->log.log,
                          .scheme = "http",
                          .host = record->host ? record->host : "127.0.0.1",
                          .port = (apr_port_t)record->port,
                          .ref = record->unknown ? NULL : record};

    assert_true(health_key_set(&spec.key, record->scope ? record->scope : "",
                               record->balancer ? record->balancer : "balancer://app",
                               record->url));
    return spec;
}

static inline void name_members(void *baton, void (*visit)(void *, const health_spec_t *),
                                void *visitor)
{
    fake_server_t *fake = baton;

    fake->asked++;
    for (int i = 0; i < 8; i++) {
        if (fake->records[i].url) {
            health_spec_t spec = spec_of(fake, &fake->records[i]);

            visit(visitor, &spec);
        }
    }
}

static inline void take_mirror(void *baton, void *ref, health_mirror_e how)
{
    record_t *record = ref;

    (void)baton;
    record->down = how == HEALTH_MIRROR_DOWN;
    if (how == HEALTH_MIRROR_RECOVERED) {
        record->recovered++;
        record->error = 0;
    }
}

static inline apr_time_t tell_error(void *baton, void *ref)
{
    (void)baton;
    return ((record_t *)ref)->error;
}

static inline void take_share(void *baton, void *ref, apr_uint32_t percent)
{
    (void)baton;
    ((record_t *)ref)->share = (int)percent;
}

static inline void take_drain(void *baton, void *ref, int drain)
{
    (void)baton;
    ((record_t *)ref)->drains = drain;
}

static inline int tell_drain(void *baton, void *ref)
{
    (void)baton;
    return ((record_t *)ref)->drains;
}

static inline int tell_all(void *baton, void *ref, int out)
{
    const record_t *record = ref;

    (void)baton;
    return record->down == out && !record->error && !record->drains;
}

static inline void open_server(fake_server_t *fake)
{
    memset(fake, 0, sizeof(*fake));
    keep_log(&fake->log);
    fake->server.baton = fake;
    fake->server.each_member = name_members;
    fake->server.mirror = take_mirror;
    fake->server.error_since = tell_error;
    fake->server.set_share = take_share;
    fake->server.set_drain = take_drain;
    fake->server.drains = tell_drain;
    fake->server.says = tell_all;
    health_check_defaults(&fake->check);
    fake->check.interval = fake->check.suspect = fake->check.down = MS(50);
    fake->check.timeout = MS(5000); /* only those that hang on purpose have less */
    for (int i = 0; i < 8; i++)
        fake->records[i].down = -1;
}

static inline health_table_t *new_table(apr_uint32_t capacity, apr_pool_t *pool)
{
    return health_table_format(apr_pcalloc(pool, health_table_size(capacity)), capacity);
}

#endif
