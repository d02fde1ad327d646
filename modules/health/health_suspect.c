/* SPDX-License-Identifier: Apache-2.0 */
#include "health_suspect.h"

int health_suspect_sent(health_suspect_t *suspect, apr_time_t now)
{
    apr_uint32_t unanswered = __atomic_add_fetch(&suspect->unanswered, 1, __ATOMIC_ACQ_REL);

    if (unanswered == 1)
        tier_atomic_store64(&suspect->silent_since, now);
    return unanswered >= HEALTH_SUSPECT_UNANSWERED;
}

/* Written only when it must be: requests of all processes come by here. */
static void forget(health_suspect_t *suspect)
{
    if (tier_atomic_load(&suspect->unanswered))
        tier_atomic_store(&suspect->unanswered, 0);
    if (tier_atomic_load(&suspect->late))
        tier_atomic_store(&suspect->late, 0);
    if (tier_atomic_load(&suspect->tests))
        tier_atomic_store(&suspect->tests, 0);
    if (tier_atomic_load64(&suspect->next_test))
        tier_atomic_store64(&suspect->next_test, 0);
}

/* Weight 1/8 for the new one; two threads at once lose one of two, which does no harm. */
void health_suspect_answered(health_suspect_t *suspect, apr_interval_time_t took)
{
    apr_int64_t usual = tier_atomic_load(&suspect->usual);
    apr_int64_t next;

    if (took > APR_INT32_MAX)
        took = APR_INT32_MAX;
    next = usual == 0 ? took : usual + (took - usual) / 8;
    if (next != usual && next > 0)
        tier_atomic_store(&suspect->usual, (apr_uint32_t)next);
    forget(suspect);
}

/* The first test comes some time after the suspicion began, whoever notices that first. */
static void set_test(health_suspect_t *suspect, apr_time_t now)
{
    if (tier_atomic_swap64(&suspect->next_test, 0, now + HEALTH_SUSPECT_TEST))
        tier_counter_add(&suspect->suspicions, 1);
}

void health_suspect_late(health_suspect_t *suspect, apr_time_t now)
{
    tier_atomic_store(&suspect->late, 1);
    set_test(suspect, now);
}

void health_suspect_clear(health_suspect_t *suspect)
{
    forget(suspect);
}

static int is_silent(const health_suspect_t *suspect, apr_time_t now)
{
    apr_int64_t patience = (apr_int64_t)tier_atomic_load(&suspect->usual) * HEALTH_SUSPECT_FACTOR;

    if (patience < HEALTH_SUSPECT_PATIENCE)
        patience = HEALTH_SUSPECT_PATIENCE;
    return tier_atomic_load(&suspect->unanswered) >= HEALTH_SUSPECT_UNANSWERED &&
           now - tier_atomic_load64(&suspect->silent_since) >= patience;
}

int health_suspect_is(const health_suspect_t *suspect, apr_time_t now)
{
    return tier_atomic_load(&suspect->late) || is_silent(suspect, now);
}

int health_suspect_is_near(const health_suspect_t *suspect)
{
    return tier_atomic_load(&suspect->late) ||
           tier_atomic_load(&suspect->unanswered) >= HEALTH_SUSPECT_UNANSWERED;
}

void health_suspect_prove(health_suspect_t *suspect, apr_time_t now)
{
    forget(suspect);
    tier_atomic_store64(&suspect->next_test, now);
    tier_atomic_store(&suspect->late, 1);
}

int health_suspect_test(health_suspect_t *suspect, int safe, apr_time_t now)
{
    apr_int64_t due = tier_atomic_load64(&suspect->next_test);
    apr_uint32_t tests = tier_atomic_load(&suspect->tests);
    apr_int64_t pause = HEALTH_SUSPECT_TEST;

    if (due == 0) {
        set_test(suspect, now);
        return 0;
    }
    if (now < due + (safe ? 0 : HEALTH_SUSPECT_TEST_MAX))
        return 0;
    for (apr_uint32_t i = 0; i <= tests && pause < HEALTH_SUSPECT_TEST_MAX; i++)
        pause *= 2;
    if (pause > HEALTH_SUSPECT_TEST_MAX)
        pause = HEALTH_SUSPECT_TEST_MAX;
    if (!tier_atomic_swap64(&suspect->next_test, due, now + pause))
        return 0;
    tier_atomic_store(&suspect->tests, tests + 1);
    return 1;
}
