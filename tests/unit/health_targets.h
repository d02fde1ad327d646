/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_TARGETS_H
#define HEALTH_TARGETS_H

/* One member of a server around it, as the watch has it. */

#include "health_server.h"

typedef struct fixture_t {
    fake_server_t fake;
    health_lookups_t lookups;
    tier_loop_t *loop;
    health_entry_t *entry;
    health_target_t *target;
} fixture_t;

static inline void make_target(fixture_t *f, const char *url, const char *host, int port,
                               apr_pool_t *pool)
{
    health_spec_t spec;

    open_server(&f->fake);
    f->lookups.under_way = 0;
    f->fake.records[0].url = url;
    f->fake.records[0].host = host;
    f->fake.records[0].port = port;
    spec = spec_of(&f->fake, &f->fake.records[0]);
    assert_int_equal(tier_loop_create(&f->loop, 8, pool), APR_SUCCESS);
    f->entry = health_table_claim(new_table(2, pool), &spec.key, apr_time_now());
    assert_int_equal(health_target_create(&f->target, &spec, f->entry, &f->fake.server, &f->lookups,
                                          f->loop, pool),
                     APR_SUCCESS);
    APR_ARRAY_PUSH(f->target->refs, void *) = &f->fake.records[0];
}

#endif
