/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_plan.h"

#define FAILURES_MAX 60 /* more make no difference, and would not fit */

static int is_final(reproxy_failure_e failure)
{
    switch (failure) {
    case REPROXY_FAILURE_REFUSED:
    case REPROXY_FAILURE_ABSENT:
    case REPROXY_FAILURE_STATUS:
    case REPROXY_FAILURE_SIZE:
    case REPROXY_FAILURE_CHANGED:
    case REPROXY_FAILURE_CHECKSUM:
        return 1;
    default:
        return 0;
    }
}

static int is_out_of_reach(reproxy_failure_e failure)
{
    return failure == REPROXY_FAILURE_CONNECT || failure == REPROXY_FAILURE_TIMEOUT;
}

int reproxy_plan_next(const reproxy_plan_t *plan, int rounds)
{
    int best = -1, best_rank = 0;

    for (int i = 0; i < plan->count; i++) {
        int rank = plan->copies[i].failures * 2 + plan->copies[i].is_sick;

        if (plan->copies[i].is_out || plan->copies[i].is_asked ||
            plan->copies[i].failures >= rounds)
            continue;
        if (best < 0 || rank < best_rank) {
            best = i;
            best_rank = rank;
        }
    }
    return best;
}

void reproxy_plan_ask(reproxy_plan_t *plan, int copy)
{
    plan->copies[copy].is_asked = 1;
}

void reproxy_plan_done(reproxy_plan_t *plan, int copy, reproxy_failure_e failure)
{
    plan->copies[copy].is_asked = 0;
    if (failure == REPROXY_FAILURE_NONE)
        return;
    plan->copies[copy].last_failure = failure & 63;
    if (is_final(failure))
        plan->copies[copy].is_out = 1;
    /* What is out of reach is tried again less often than what broke off. */
    if (plan->copies[copy].failures < FAILURES_MAX)
        plan->copies[copy].failures += is_out_of_reach(failure) ? 2 : 1;
}

/* How much a failure says of the file: that a copy is out of reach leaves everything open, that it
 * is absent leaves nothing open as long as all others are absent too. */
static int weight(reproxy_failure_e failure)
{
    switch (failure) {
    case REPROXY_FAILURE_NONE:
        return 0;
    case REPROXY_FAILURE_ABSENT:
        return 1;
    case REPROXY_FAILURE_REFUSED:
        return 2;
    case REPROXY_FAILURE_TIMEOUT:
    case REPROXY_FAILURE_STALL:
        return 5;
    case REPROXY_FAILURE_CONNECT:
    case REPROXY_FAILURE_CUT:
        return 4;
    default:
        return 3;
    }
}

reproxy_failure_e reproxy_plan_verdict(const reproxy_plan_t *plan)
{
    reproxy_failure_e verdict = REPROXY_FAILURE_NONE;

    for (int i = 0; i < plan->count; i++) {
        reproxy_failure_e failure = (reproxy_failure_e)plan->copies[i].last_failure;

        if (weight(failure) > weight(verdict))
            verdict = failure;
    }
    return verdict;
}
