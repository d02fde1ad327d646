/* SPDX-License-Identifier: Apache-2.0 */
#include "health_review.h"

#include <apr_strings.h>

static void note(health_target_t *target, apr_time_t now)
{
    health_member_t member = target->entry->record.member;
    apr_time_t until = tier_atomic_load64(&target->eject->until);
    char reason[HEALTH_TEXT];

    if (until == 0)
        return;
    health_eject_reason(target->eject, target->ejecting, reason, sizeof(reason));
    health_member_eject(&member, apr_time_now() + (until - now), apr_time_now(), reason);
    member.eject_count = tier_atomic_load(&target->eject->count);
    health_entry_set_member(target->entry, &member);
    target->eject->noted = tier_counter_get(&target->eject->ejections);
    target->witnessed = 0;
}

void health_review_tell(const health_target_t *target, apr_interval_time_t time)
{
    char reason[HEALTH_TEXT];

    health_eject_reason(target->eject, target->ejecting, reason, sizeof(reason));
    tier_log(target->log, TIER_LOG_MARK, TIER_LOG_NOTICE, APR_SUCCESS,
             WTNO(1066) "%s: member %s is an outlier and ejected for %" APR_TIME_T_FMT " ms: %s",
             target->key.balancer, target->key.member, apr_time_as_msec(time), reason);
}

static void readmit(health_target_t *target, const char *reason)
{
    health_member_t member = target->entry->record.member;

    if (member.ejected_until == 0)
        return;
    tier_log(target->log, TIER_LOG_MARK, TIER_LOG_NOTICE, APR_SUCCESS,
             WTNO(1061) "%s: member %s is not ejected any more after %" APR_TIME_T_FMT " ms: %s",
             target->key.balancer, target->key.member,
             apr_time_as_msec(apr_time_now() - member.since), reason);
    health_member_readmit(&member, apr_time_now(), reason);
    health_entry_set_member(target->entry, &member);
}

static int checks_pass(const health_target_t *target)
{
    const health_member_t *member = &target->entry->record.member;

    return !target->check || (member->state != HEALTH_DOWN && member->failures == 0);
}

void health_review_end(health_target_t *target, const char *reason, apr_time_t now)
{
    readmit(target, reason);
    health_eject_end(target->eject, now);
    health_target_returned(target, now);
}

/* One request first: the member may be as bad as before. */
static void put_to_proof(const health_target_t *target, apr_time_t now)
{
    if (!target->suspect)
        return;
    health_suspect_prove(target->suspect, now);
    tier_atomic_store(target->alarm, 1);
}

/*
 * Why the ejection ends now, or NULL. A fault that the checks do not see has its whole time; one
 * that they saw too is over when they pass again.
 */
static const char *end_of(health_target_t *target, apr_time_t now)
{
    if (!health_eject_is_out(target->eject))
        return NULL;
    if (target->check && target->entry->record.member.state == HEALTH_DOWN)
        target->witnessed = 1;
    if (!checks_pass(target))
        return NULL;
    if (health_eject_is_over(target->eject, now))
        return target->check ? "its time is over and its checks pass" : "its time is over";
    return target->witnessed ? "its checks failed too, and pass again" : NULL;
}

void health_review(health_target_t *target, apr_time_t now)
{
    health_eject_t *eject = target->eject;
    const char *end;

    if (!eject) {
        readmit(target, "TierHealthEject is off");
        return;
    }
    /* Of a file of the last start, and over since. */
    if (!health_eject_is_out(eject) && tier_counter_get(&eject->ejections) == eject->noted)
        readmit(target, "its time is over");
    if (tier_counter_get(&eject->ejections) != eject->noted)
        note(target, now);
    end = end_of(target, now);
    if (end) {
        health_review_end(target, end, now);
        put_to_proof(target, now);
    }
    health_eject_decay(eject, target->ejecting, now);
}

void health_review_lift(health_target_t *target, apr_time_t now)
{
    if (target->eject && health_eject_is_out(target->eject) && checks_pass(target))
        health_review_end(target, "no other member is left", now);
}
