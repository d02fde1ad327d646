/* SPDX-License-Identifier: Apache-2.0 */
#include "health_budget.h"

#include "atomics.h"

#define ONE 1000

void health_budget_earn(health_budget_t *budget, apr_uint32_t percent)
{
    apr_int64_t saved = tier_atomic_load64(&budget->saved);
    apr_int64_t after;

    do {
        after = saved + (apr_int64_t)percent * (ONE / 100);
        if (after > HEALTH_BUDGET_SAVED_MAX * ONE)
            after = HEALTH_BUDGET_SAVED_MAX * ONE;
        if (after == saved)
            return; /* full: requests of all processes leave the line alone */
    } while (!__atomic_compare_exchange_n(&budget->saved, &saved, after, 1, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
}

static int pay_from_savings(health_budget_t *budget)
{
    apr_int64_t saved = tier_atomic_load64(&budget->saved);

    while (saved >= ONE) {
        if (__atomic_compare_exchange_n(&budget->saved, &saved, saved - ONE, 1, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return 1;
    }
    return 0;
}

int health_budget_pay(health_budget_t *budget, apr_uint32_t free_a_second, apr_time_t now)
{
    apr_int64_t second = apr_time_sec(now) << 32;
    apr_int64_t seen = tier_atomic_load64(&budget->free);
    apr_int64_t used;

    if (pay_from_savings(budget))
        return 1;
    do {
        /* A clock read before another thread's must not open that second again. */
        used = seen >= second ? (seen & 0xffffffff) : 0;
        if (used >= (apr_int64_t)free_a_second)
            return 0;
    } while (!__atomic_compare_exchange_n(&budget->free, &seen,
                                          (seen >= second ? seen : second) + 1, 1, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return 1;
}
