/* SPDX-License-Identifier: Apache-2.0 */
#include "health_herald.h"

#include <apr_strings.h>

#include <sys/wait.h>
#include <unistd.h>

#include "health_event.h"

#define ARGUMENTS_MAX 64

void health_herald_init(health_herald_t *herald)
{
    herald->spawn.end = herald->spawn.output = -1;
}

static apr_uint64_t pending(const health_target_t *target)
{
    return target->entry->record.member.transitions - target->entry->told;
}

static void count(const health_herald_t *herald, health_told_e what, apr_uint64_t n)
{
    tier_counter_add(health_table_told(herald->table, what), n);
}

/* The changes that the history has no more. */
static void drop(const health_herald_t *herald, health_target_t *target)
{
    apr_uint64_t behind = pending(target);

    if (behind <= HEALTH_HISTORY)
        return;
    count(herald, HEALTH_TOLD_DROPPED, behind - HEALTH_HISTORY);
    target->entry->told += behind - HEALTH_HISTORY;
}

static const health_transition_t *next_of(const health_target_t *target)
{
    return health_member_history(&target->entry->record.member, (apr_uint32_t)pending(target) - 1);
}

/* Returns the target with the oldest change that is still to be told, or NULL. */
static health_target_t *find_oldest(const health_herald_t *herald,
                                    const apr_array_header_t *targets)
{
    health_target_t *oldest = NULL;

    for (int i = 0; i < targets->nelts; i++) {
        health_target_t *target = APR_ARRAY_IDX(targets, i, health_target_t *);

        if (pending(target) == 0)
            continue;
        drop(herald, target);
        if (!oldest || next_of(target)->when < next_of(oldest)->when)
            oldest = target;
    }
    return oldest;
}

static void tell_log(health_herald_t *herald, const char *why)
{
    if (!herald->failed)
        tier_log(herald->log, TIER_LOG_MARK, TIER_LOG_WARNING, APR_SUCCESS,
                 WTNO(1073) "TierHealthEvent %s %s; events are lost until it works again",
                 herald->command[0], why);
    herald->failed = 1;
}

static void finish(health_herald_t *herald, int delivered, const char *why)
{
    count(herald, delivered ? HEALTH_TOLD_DELIVERED : HEALTH_TOLD_FAILED, 1);
    if (!delivered)
        tell_log(herald, why);
    else
        herald->failed = 0;
    if (herald->target)
        herald->target->entry->told = herald->number;
    herald->target = NULL;
}

static void start_program(health_herald_t *herald, const char *text)
{
    static const char *const environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C", NULL};
    const char *arguments[ARGUMENTS_MAX + 2];
    apr_status_t status;
    int size = 0;

    while (size < ARGUMENTS_MAX && herald->command[size]) {
        arguments[size] = herald->command[size];
        size++;
    }
    arguments[size] = text;
    arguments[size + 1] = NULL;
    status = health_spawn_start(&herald->spawn, arguments, environment);
    if (status != APR_SUCCESS)
        finish(herald, 0, "cannot be started");
}

static void start(health_herald_t *herald, health_target_t *target, apr_time_t now)
{
    const char *text;

    apr_pool_clear(herald->pool);
    text = health_event_text(&target->key, next_of(target), herald->pool);
    herald->target = target;
    herald->number = target->entry->told + 1;
    herald->deadline = now + HEALTH_HERALD_TIME;
    herald->next = now + HEALTH_HERALD_PAUSE;
    if (herald->post)
        health_post_begin(herald->post, text, now);
    else
        start_program(herald, text);
}

/* What the program writes is of no interest, but it must be able to write. */
static void discard_output(const health_herald_t *herald)
{
    char bytes[4096];

    for (int i = 0; i < 16; i++) {
        if (read(herald->spawn.output, bytes, sizeof(bytes)) <= 0)
            return;
    }
}

static void look_after_program(health_herald_t *herald, apr_time_t now)
{
    int status;

    discard_output(herald);
    if (health_spawn_reap(&herald->spawn, &status)) {
        health_spawn_close(&herald->spawn);
        finish(herald, WIFEXITED(status) && WEXITSTATUS(status) == 0,
               now >= herald->deadline ? "takes too long and was killed"
                                       : "fails (its exit status is not 0)");
    } else if (now >= herald->deadline) {
        health_spawn_kill(&herald->spawn);
    }
}

static void look_after_post(health_herald_t *herald, apr_time_t now)
{
    const char *why;

    if (health_post_tick(herald->post, now, &why))
        finish(herald, why == NULL, why);
}

static int is_busy(const health_herald_t *herald)
{
    return herald->spawn.pid || (herald->post && health_post_under_way(herald->post));
}

/* Where there is nobody to be told, nothing is kept for later. */
static void skip_all(const apr_array_header_t *targets)
{
    for (int i = 0; i < targets->nelts; i++) {
        health_entry_t *entry = APR_ARRAY_IDX(targets, i, health_target_t *)->entry;

        if (entry->told != entry->record.member.transitions)
            entry->told = entry->record.member.transitions;
    }
}

void health_herald_tick(health_herald_t *herald, const apr_array_header_t *targets, apr_time_t now)
{
    health_target_t *target;

    if (!herald->command) {
        skip_all(targets);
        return;
    }
    if (herald->post)
        look_after_post(herald, now);
    if (herald->spawn.pid)
        look_after_program(herald, now);
    if (is_busy(herald) || now < herald->next)
        return;
    target = find_oldest(herald, targets);
    if (target)
        start(herald, target, now);
}

void health_herald_forget(health_herald_t *herald, const health_target_t *target)
{
    if (herald->command)
        count(herald, HEALTH_TOLD_DROPPED, pending(target) - (herald->target == target));
    if (herald->target == target)
        herald->target = NULL;
}

void health_herald_end(health_herald_t *herald)
{
    int status;

    if (herald->post)
        health_post_cancel(herald->post);
    if (!herald->spawn.pid)
        return;
    health_spawn_kill(&herald->spawn);
    for (int tries = 0; tries < 50 && !health_spawn_reap(&herald->spawn, &status); tries++)
        apr_sleep(apr_time_from_msec(1));
    health_spawn_close(&herald->spawn);
}
