/* SPDX-License-Identifier: Apache-2.0 */
#include "linger_crew.h"

static apr_uint32_t increment(apr_uint32_t *word)
{
    return __atomic_add_fetch(word, 1, __ATOMIC_ACQ_REL);
}

static void decrement(apr_uint32_t *word)
{
    __atomic_sub_fetch(word, 1, __ATOMIC_ACQ_REL);
}

void linger_crew_init(linger_crew_t *crew, apr_uint32_t workers, apr_uint32_t max_lingering)
{
    apr_uint32_t reserve = workers / 8 > 1 ? workers / 8 : 1;
    apr_uint32_t most = workers > reserve ? workers - reserve : 0;

    *crew = (linger_crew_t){.workers = workers,
                            .max_lingering = max_lingering < most ? max_lingering : most,
                            .reserve = reserve};
}

void linger_crew_opened(linger_crew_t *crew)
{
    increment(&crew->connections);
}

void linger_crew_closed(linger_crew_t *crew)
{
    decrement(&crew->connections);
}

static void be_calm_until(linger_crew_t *crew, apr_time_t until)
{
    apr_int64_t before = tier_atomic_load64(&crew->busy_until);

    while (before < until && !tier_atomic_swap64(&crew->busy_until, before, until)) {
        before = tier_atomic_load64(&crew->busy_until);
    }
}

void linger_crew_attach(linger_crew_t *crew, apr_time_t now)
{
    if (increment(&crew->attached) + crew->reserve > crew->workers) {
        be_calm_until(crew, now + LINGER_CREW_CALM);
    }
}

void linger_crew_detach(linger_crew_t *crew)
{
    decrement(&crew->attached);
}

void linger_crew_starved(linger_crew_t *crew, apr_time_t now)
{
    be_calm_until(crew, now + LINGER_CREW_LONG_CALM);
}

void linger_crew_stop(linger_crew_t *crew)
{
    tier_atomic_store(&crew->stopping, 1);
}

void linger_crew_take_over(const linger_crew_t *crew)
{
    (void)tier_atomic_load(&crew->attached);
}

/*
 * Every connection could have a worker of its own, with the reserve to spare; or there are more
 * connections than that, but half of the workers are idle.
 */
static int has_room(const linger_crew_t *crew)
{
    return tier_atomic_load(&crew->connections) + crew->reserve <= crew->workers ||
           tier_atomic_load(&crew->attached) <= crew->workers / 2;
}

int linger_crew_is_roomy(const linger_crew_t *crew)
{
    return tier_atomic_load(&crew->connections) <= crew->max_lingering ||
           tier_atomic_load(&crew->attached) <= crew->workers / 4;
}

int linger_crew_wanted(const linger_crew_t *crew, apr_time_t now)
{
    return tier_atomic_load(&crew->stopping) || now < tier_atomic_load64(&crew->busy_until);
}

linger_outcome_e linger_crew_enter(linger_crew_t *crew, apr_time_t now, int accepting)
{
    if (tier_atomic_load(&crew->stopping)) {
        return LINGER_REFUSED_STOPPING;
    }
    if (!accepting) {
        be_calm_until(crew, now + LINGER_CREW_CALM);
    }
    if (linger_crew_wanted(crew, now) || !has_room(crew)) {
        return LINGER_REFUSED_BUSY;
    }
    if (increment(&crew->lingering) > crew->max_lingering) {
        decrement(&crew->lingering);
        return LINGER_REFUSED_FULL;
    }
    return LINGER_ADMITTED;
}

void linger_crew_leave(linger_crew_t *crew)
{
    decrement(&crew->lingering);
}
