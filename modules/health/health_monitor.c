/* SPDX-License-Identifier: Apache-2.0 */
#include "health_monitor.h"

#include <apr_hash.h>
#include <apr_strings.h>

#include <string.h>

#include "health_calm.h"
#include "health_command.h"
#include "health_companion.h"
#include "health_crowd.h"
#include "health_herald.h"
#include "health_orders.h"
#include "health_review.h"
#include "health_schedule.h"
#include "health_sockets.h"
#include "health_state_file.h"

/* How often outliers are looked for. */
#define CROWD_EVERY apr_time_from_sec(1)

typedef struct monitor_t {
    health_monitor_options_t options;
    tier_loop_t *loop;
    apr_pool_t *pool;
    apr_hash_t *targets;       /* health_key_t, whole -> health_target_t * */
    apr_array_header_t *all;   /* the same, of health_target_t *, as the last sync has left them */
    apr_array_header_t *busy;  /* those of them that give this tick something to do */
    apr_array_header_t *fresh; /* those made by this round of sync */
    apr_hash_t *groups;        /* health_key_t without a member -> health_group_t * */
    tier_loop_timer_t tick;
    apr_time_t next_sync;
    apr_uint32_t sync;
    health_lookups_t lookups;
    health_keeper_t keeper;
    health_herald_t herald;
    health_post_t post; /* the herald's */
    health_commands_t commands;
    health_sockets_t sockets;
    apr_time_t next_crowd;
    apr_pool_t *scratch; /* of health_crowd_judge() */
    int complained; /* the table is full or a member cannot be made a target: said once a term */
} monitor_t;

/* Of the names, not of all the room for them: each member is looked up each second. */
static unsigned int hash_key(const char *key, apr_ssize_t *size)
{
    (void)size;
    return (unsigned int)health_key_hash((const health_key_t *)(const void *)key);
}

static void complain(monitor_t *monitor, const health_spec_t *spec, apr_status_t status)
{
    if (monitor->complained)
        return;
    monitor->complained = 1;
    if (status == APR_ENOSPC)
        tier_log(monitor->options.log, TIER_LOG_MARK, TIER_LOG_WARNING, APR_SUCCESS,
                 WTNO(1006) "%s: member %s is not checked: the table of %u members is full",
                 spec->key.balancer, spec->key.member,
                 health_table_capacity(monitor->options.table));
    else
        tier_log(monitor->options.log, TIER_LOG_MARK, TIER_LOG_WARNING, status,
                 WTNO(1007) "%s: member %s is not checked: it cannot be set up", spec->key.balancer,
                 spec->key.member);
}

static health_group_t *group_of(monitor_t *monitor, const health_spec_t *spec)
{
    health_group_t *group;
    health_key_t key;

    health_key_set(&key, spec->key.scope, spec->key.balancer, "");
    group = apr_hash_get(monitor->groups, &key, sizeof(key));
    if (group)
        return group;
    group = apr_pcalloc(monitor->pool, sizeof(*group));
    group->key = key;
    group->log = spec->log;
    group->percent = spec->panic_percent;
    group->panic = spec->panic;
    group->requires = spec->requires;
    apr_hash_set(monitor->groups, &group->key, sizeof(group->key), group);
    return group;
}

/* One that is not probed is up until live traffic says otherwise. */
static void describe(health_target_t *target)
{
    health_member_t member = target->entry->record.member;

    if (member.ejects != (target->eject != NULL)) {
        member.ejects = target->eject != NULL;
        health_entry_set_member(target->entry, &member);
    }
    if (member.advice.weight && !health_check_advises(target->check)) {
        memset(&member.advice, 0, sizeof(member.advice)); /* of one that is asked no more */
        health_entry_set_member(target->entry, &member);
    }
    if (target->check) {
        health_entry_set_check(target->entry, health_check_text(target->check, target->scratch));
        return;
    }
    health_entry_set_check(target->entry, "none, live traffic only");
    if (member.state == HEALTH_UP)
        return;
    member.state = HEALTH_UP;
    health_entry_set_member(target->entry, &member);
}

/* Returns the member's entry, a new one as initial= has it; NULL: the table is full. */
static health_entry_t *claim(monitor_t *monitor, const health_spec_t *spec)
{
    health_table_t *table = monitor->options.table;
    health_entry_t *entry = health_table_find(table, &spec->key);
    health_member_t member;

    if (entry)
        return entry;
    entry = health_table_claim(table, &spec->key, apr_time_now());
    if (!entry || !spec->check || spec->check->initial == HEALTH_INITIAL_CHECKING)
        return entry;
    member = entry->record.member;
    member.state = spec->check->initial == HEALTH_INITIAL_UP ? HEALTH_UP : HEALTH_DOWN;
    health_entry_set_member(entry, &member);
    return entry;
}

static health_target_t *add_target(monitor_t *monitor, const health_spec_t *spec)
{
    health_target_t *target = NULL;
    apr_status_t status = APR_ENOSPC;
    health_entry_t *entry = claim(monitor, spec);

    if (entry)
        status = health_target_create(&target, spec, entry, monitor->options.server,
                                      &monitor->lookups, monitor->loop, monitor->pool);
    if (status != APR_SUCCESS) {
        complain(monitor, spec, status);
        return NULL;
    }
    target->group = group_of(monitor, spec);
    target->probe.commands = &monitor->commands;
    target->probe.sockets = &monitor->sockets;
    describe(target);
    apr_hash_set(monitor->targets, &target->key, sizeof(target->key), target);
    APR_ARRAY_PUSH(monitor->fresh, health_target_t *) = target;
    return target;
}

static void visit(void *visitor, const health_spec_t *spec)
{
    monitor_t *monitor = visitor;
    health_target_t *target = apr_hash_get(monitor->targets, &spec->key, sizeof(spec->key));

    if (!target && !(target = add_target(monitor, spec)))
        return;
    if (target->sync != monitor->sync)
        apr_array_clear(target->refs);
    target->sync = monitor->sync;
    if (spec->ref)
        APR_ARRAY_PUSH(target->refs, void *) = spec->ref;
}

static void drop_unnamed(monitor_t *monitor)
{
    apr_hash_index_t *i;

    apr_array_clear(monitor->all);
    for (i = apr_hash_first(NULL, monitor->targets); i; i = apr_hash_next(i)) {
        health_target_t *target = apr_hash_this_val(i);

        if (target->sync == monitor->sync) {
            APR_ARRAY_PUSH(monitor->all, health_target_t *) = target;
            continue;
        }
        tier_log(target->log, TIER_LOG_MARK, TIER_LOG_INFO, APR_SUCCESS,
                 WTNO(1008) "%s: member %s is gone and not checked any more", target->key.balancer,
                 target->key.member);
        apr_hash_set(monitor->targets, &target->key, sizeof(target->key), NULL);
        health_herald_forget(&monitor->herald, target);
        health_table_release(monitor->options.table, target->entry);
        health_target_destroy(target, monitor->loop);
    }
}

static void schedule_fresh(monitor_t *monitor)
{
    apr_time_t now = tier_loop_now(monitor->loop);
    apr_uint32_t total = (apr_uint32_t)monitor->fresh->nelts;

    for (int i = 0; i < monitor->fresh->nelts; i++) {
        health_target_t *target = APR_ARRAY_IDX(monitor->fresh, i, health_target_t *);
        apr_uint32_t random;
        apr_interval_time_t interval;
        apr_time_t first;

        if (!target->check)
            continue;
        random = monitor->options.random(monitor->options.random_baton);
        interval = target->check->interval;
        first = health_schedule_first(now, interval, (apr_uint32_t)i, total, random);
        health_target_schedule(target, monitor->loop,
                               health_schedule_gather(first, interval, total));
    }
    apr_array_clear(monitor->fresh);
}

static void sync_members(monitor_t *monitor)
{
    const health_server_t *server = monitor->options.server;

    monitor->sync++;
    monitor->next_sync = tier_loop_now(monitor->loop) + HEALTH_SYNC;
    server->each_member(server->baton, visit, monitor);
    drop_unnamed(monitor);
    schedule_fresh(monitor);
}

/* What an earlier generation checked and this one does not is forgotten. */
static void forget_leftovers(monitor_t *monitor)
{
    health_table_t *table = monitor->options.table;

    for (apr_uint32_t i = 0; i < health_table_capacity(table); i++) {
        health_entry_t *entry = health_table_at(table, i);

        if (entry && !apr_hash_get(monitor->targets, &entry->record.key, sizeof(entry->record.key)))
            health_table_release(table, entry);
    }
}

/* A virtual host's own balancer of that name, else the main server's. */
static const health_group_t *find_group(const monitor_t *monitor, const char *scope,
                                        const char *balancer)
{
    const health_group_t *group;
    health_key_t key;

    if (!health_key_set(&key, scope, balancer, ""))
        return NULL;
    group = apr_hash_get(monitor->groups, &key, sizeof(key));
    return group || !*scope ? group : find_group(monitor, "", balancer);
}

/* Excuses the members of a group while a balancer that they need is down. */
static void look_at_required(const monitor_t *monitor, health_group_t *group, apr_time_t now)
{
    const char *down = NULL;

    for (int i = 0; group->requires && i < group->requires->nelts && !down; i++) {
        const char *name = APR_ARRAY_IDX(group->requires, i, const char *);
        const health_group_t *required = find_group(monitor, group->key.scope, name);

        if (required && required != group && health_group_is_down(required))
            down = name;
    }
    if (group->requires)
        health_group_excuse(group, down, now);
}

static void review_busy(health_target_t *target, apr_time_t now)
{
    health_orders_take(target, now);
    health_review(target, now);
    health_group_count(target->group, health_target_standing(target), health_target_is_out(target));
}

static void review_members(const monitor_t *monitor, apr_time_t now)
{
    apr_array_clear(monitor->busy);
    for (int i = 0; i < monitor->all->nelts; i++) {
        health_target_t *target = APR_ARRAY_IDX(monitor->all, i, health_target_t *);

        if (health_calm_holds(target)) {
            health_group_count(target->group, HEALTH_STANDING_READY, target->calm_out);
            continue;
        }
        APR_ARRAY_PUSH(monitor->busy, health_target_t *) = target;
        review_busy(target, now);
    }
}

/* Ejections and the panic threshold, which look at all members of a balancer. */
static void review_all(const monitor_t *monitor, apr_time_t now)
{
    apr_hash_index_t *i;

    for (i = apr_hash_first(NULL, monitor->groups); i; i = apr_hash_next(i))
        health_group_begin(apr_hash_this_val(i));
    review_members(monitor, now);
    for (i = apr_hash_first(NULL, monitor->groups); i; i = apr_hash_next(i)) {
        health_group_t *group = apr_hash_this_val(i);

        look_at_required(monitor, group, now);
        health_group_judge(group);
    }
    for (int j = 0; j < monitor->busy->nelts; j++) {
        health_target_t *target = APR_ARRAY_IDX(monitor->busy, j, health_target_t *);

        if (health_group_is_bare(target->group))
            health_review_lift(target, now);
    }
}

/* Writes what came of it into the server's records, and tells it. */
static void show_all(monitor_t *monitor, apr_time_t now)
{
    for (int i = 0; i < monitor->busy->nelts; i++) {
        health_target_t *target = APR_ARRAY_IDX(monitor->busy, i, health_target_t *);

        health_target_ramp(target, now);
        health_target_mirror(target);
    }
    health_herald_tick(&monitor->herald, monitor->busy, now);
    for (int i = 0; i < monitor->busy->nelts; i++)
        health_calm_note(APR_ARRAY_IDX(monitor->busy, i, health_target_t *));
}

/* Looking at a thousand members each 50 ms would cost as much as a third of their probes. */
static apr_interval_time_t tick_period(const monitor_t *monitor)
{
    apr_interval_time_t times = 1 + apr_hash_count(monitor->targets) / HEALTH_TICK_MEMBERS;

    return times * HEALTH_TICK < HEALTH_TICK_MAX ? times * HEALTH_TICK : HEALTH_TICK_MAX;
}

static void tick(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    monitor_t *monitor = timer->baton;
    apr_time_t now = tier_loop_now(loop);

    if (now >= monitor->next_sync)
        sync_members(monitor);
    review_all(monitor, now);
    show_all(monitor, now);
    if (now >= monitor->next_crowd) {
        monitor->next_crowd = now + CROWD_EVERY;
        health_crowd_judge(monitor->targets, now, monitor->scratch);
    }
    health_keeper_tick(&monitor->keeper, now);
    tier_loop_timer_set(loop, timer, now + tick_period(monitor));
}

static apr_status_t stop(void *data)
{
    monitor_t *monitor = data;
    apr_hash_index_t *i;

    tier_loop_timer_cancel(monitor->loop, &monitor->tick);
    health_herald_end(&monitor->herald);
    health_keeper_tick(&monitor->keeper, 0);
    for (i = apr_hash_first(NULL, monitor->targets); i; i = apr_hash_next(i)) {
        health_target_t *target = apr_hash_this_val(i);

        tier_loop_timer_cancel(monitor->loop, &target->timer);
        health_probe_cancel(&target->probe);
        health_companion_stop(target->companion);
    }
    health_commands_end(&monitor->commands, monitor->loop);
    health_sockets_end(&monitor->sockets);
    return APR_SUCCESS;
}

static void make_herald(monitor_t *monitor)
{
    health_herald_t *herald = &monitor->herald;

    herald->command = monitor->options.event_command;
    herald->table = monitor->options.table;
    herald->log = monitor->options.log;
    apr_pool_create(&herald->pool, monitor->pool);
    health_herald_init(herald);
    if (!monitor->options.event_url)
        return;
    herald->post = &monitor->post;
    health_post_init(&monitor->post, monitor->options.event_url, &monitor->lookups, monitor->loop,
                     monitor->pool);
}

apr_status_t health_monitor_start(tier_loop_t *loop, const health_monitor_options_t *options,
                                  apr_pool_t *pool)
{
    monitor_t *monitor = apr_pcalloc(pool, sizeof(*monitor));

    monitor->options = *options;
    monitor->loop = loop;
    monitor->pool = pool;
    monitor->targets = apr_hash_make_custom(pool, hash_key);
    monitor->groups = apr_hash_make_custom(pool, hash_key);
    monitor->all = apr_array_make(pool, 16, sizeof(health_target_t *));
    monitor->busy = apr_array_make(pool, 16, sizeof(health_target_t *));
    monitor->fresh = apr_array_make(pool, 16, sizeof(health_target_t *));
    monitor->keeper.path = options->state_file;
    monitor->keeper.table = options->table;
    monitor->keeper.log = options->log;
    apr_pool_create(&monitor->keeper.pool, pool);
    apr_pool_create(&monitor->scratch, pool);
    monitor->tick.fire = tick;
    monitor->tick.baton = monitor;
    make_herald(monitor);
    apr_pool_pre_cleanup_register(pool, monitor, stop);
    sync_members(monitor);
    forget_leftovers(monitor);
    return tier_loop_timer_set(loop, &monitor->tick, tier_loop_now(loop));
}
