/* SPDX-License-Identifier: Apache-2.0 */
#include "health_member.h"

#include <apr_strings.h>

#include <string.h>

void health_member_init(health_member_t *member, apr_time_t now)
{
    memset(member, 0, sizeof(*member));
    member->state = HEALTH_CHECKING;
    member->since = now;
}

static void remember(health_member_t *member, const health_outcome_t *outcome)
{
    health_past_probe_t *past = &member->past[member->probes % HEALTH_PROBES];

    memset(past, 0, sizeof(*past));
    past->when = outcome->when;
    past->latency = outcome->latency;
    past->passed = outcome->passed != 0;
    apr_cpystrn(past->result, outcome->result, sizeof(past->result));
}

static void count(health_member_t *member, const health_outcome_t *outcome)
{
    remember(member, outcome);
    member->probes++;
    member->probed = outcome->when;
    member->bitmap = member->bitmap << 1 | (outcome->passed ? 1 : 0);
    if (member->probes_in_bitmap < 64)
        member->probes_in_bitmap++;
    if (outcome->advice)
        member->advice = *outcome->advice;
    if (!outcome->passed) {
        member->probes_failed++;
        member->failed = outcome->when;
        member->failures++;
        member->passes = 0;
        return;
    }
    member->passes++;
    member->failures = 0;
    member->latency_average =
        member->latency_average == 0
            ? outcome->latency
            : member->latency_average + (outcome->latency - member->latency_average) / 8;
    member->latency = outcome->latency;
}

static health_state_e next_state(const health_member_t *member, apr_uint32_t rise,
                                 apr_uint32_t fall)
{
    if (member->state != HEALTH_DOWN && member->failures >= fall)
        return HEALTH_DOWN;
    if (member->state == HEALTH_CHECKING && member->passes > 0)
        return HEALTH_UP;
    if (member->state == HEALTH_DOWN && member->passes >= rise)
        return HEALTH_UP;
    return (health_state_e)member->state;
}

static void keep(health_member_t *member, apr_uint32_t from, apr_uint32_t to, apr_time_t when,
                 const char *reason)
{
    health_transition_t *transition = &member->history[member->transitions % HEALTH_HISTORY];

    transition->when = when;
    transition->from = from;
    transition->to = to;
    apr_cpystrn(transition->reason, reason, sizeof(transition->reason));
    member->transitions++;
    member->since = when;
}

void health_member_eject(health_member_t *member, apr_time_t until, apr_time_t now,
                         const char *reason)
{
    keep(member, member->state, HEALTH_EJECTED, now, reason);
    member->ejected_until = until;
}

void health_member_readmit(health_member_t *member, apr_time_t now, const char *reason)
{
    keep(member, HEALTH_EJECTED, member->state, now, reason);
    member->ejected_until = 0;
}

static apr_uint32_t state_of(const health_member_t *member)
{
    return member->mode == HEALTH_MODE_DRAIN         ? HEALTH_DRAINING
           : member->mode == HEALTH_MODE_MAINTENANCE ? HEALTH_MAINTENANCE
                                                     : member->state;
}

void health_member_set_mode(health_member_t *member, health_mode_e mode, apr_time_t now,
                            const char *reason)
{
    apr_uint32_t from = state_of(member);

    member->mode = mode;
    keep(member, from, state_of(member), now, reason);
}

int health_member_judge(health_member_t *member, apr_uint32_t rise, apr_uint32_t fall,
                        const health_outcome_t *outcome, health_state_e *from)
{
    health_state_e to;

    count(member, outcome);
    to = next_state(member, rise, fall);
    if (to == (health_state_e)member->state)
        return 0;
    *from = (health_state_e)member->state;
    keep(member, member->state, to, outcome->when, outcome->result);
    member->state = to;
    return 1;
}

const health_transition_t *health_member_history(const health_member_t *member, apr_uint32_t i)
{
    if (i >= HEALTH_HISTORY || i >= member->transitions)
        return NULL;
    return &member->history[(member->transitions - 1 - i) % HEALTH_HISTORY];
}

const health_past_probe_t *health_member_past(const health_member_t *member, apr_uint32_t i)
{
    const health_past_probe_t *past;

    if (i >= HEALTH_PROBES || i >= member->probes)
        return NULL;
    past = &member->past[(member->probes - 1 - i) % HEALTH_PROBES];
    return past->when ? past : NULL;
}

const char *health_member_state_name(apr_uint32_t state)
{
    switch (state) {
    case HEALTH_CHECKING:
        return "checking";
    case HEALTH_UP:
        return "up";
    case HEALTH_DOWN:
        return "down";
    case HEALTH_EJECTED:
        return "ejected";
    case HEALTH_DRAINING:
        return "drain";
    case HEALTH_MAINTENANCE:
        return "maintenance";
    default:
        return "unknown";
    }
}

void health_member_bitmap_text(const health_member_t *member, char text[65])
{
    apr_uint32_t size = member->probes_in_bitmap > 64 ? 64 : member->probes_in_bitmap;

    for (apr_uint32_t i = 0; i < size; i++)
        text[i] = member->bitmap >> (size - 1 - i) & 1 ? '+' : '-';
    text[size] = '\0';
}
