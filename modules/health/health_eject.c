/* SPDX-License-Identifier: Apache-2.0 */
#include "health_eject.h"

#include <apr_strings.h>

void health_eject_defaults(health_eject_settings_t *settings)
{
    settings->errors = HEALTH_EJECT_ERRORS;
    settings->time = HEALTH_EJECT_TIME;
    settings->max = HEALTH_EJECT_MAX;
    settings->share = HEALTH_EJECT_SHARE;
}

int health_eject_is_failure(health_attempt_e kind, int status)
{
    return kind != HEALTH_ATTEMPT_PASSED && (kind != HEALTH_ATTEMPT_STATUS || status >= 500);
}

void health_eject_passed(health_eject_t *eject)
{
    /* Written only when it must be: requests of all processes come by here. */
    if (tier_atomic_load(&eject->failures))
        tier_atomic_store(&eject->failures, 0);
}

int health_eject_failed(health_eject_t *eject, const health_eject_settings_t *settings)
{
    return __atomic_add_fetch(&eject->failures, 1, __ATOMIC_ACQ_REL) >= settings->errors &&
           !health_eject_is_out(eject);
}

int health_eject_is_out(const health_eject_t *eject)
{
    return __atomic_load_n(&eject->until, __ATOMIC_SEQ_CST) != 0;
}

apr_uint32_t health_eject_room(apr_uint32_t all, apr_uint32_t share)
{
    apr_uint32_t room = (apr_uint32_t)((apr_uint64_t)all * share / 100);

    if (all < 2)
        return 0;
    if (room == 0)
        return 1;
    return room < all ? room : all - 1;
}

/* time times the number of this ejection, without an overflow on the way. */
static apr_interval_time_t duration(const health_eject_t *eject,
                                    const health_eject_settings_t *settings)
{
    apr_int64_t number = (apr_int64_t)tier_atomic_load(&eject->count) + 1;

    return number > settings->max / settings->time ? settings->max : settings->time * number;
}

apr_time_t health_eject_claim(health_eject_t *eject, const health_eject_settings_t *settings,
                              apr_time_t now)
{
    apr_int64_t none = 0;
    apr_time_t until = now + duration(eject, settings);

    /* Sequentially consistent: what the caller reads of the other members comes after it. */
    return __atomic_compare_exchange_n(&eject->until, &none, until, 0, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST)
               ? until
               : 0;
}

void health_eject_confirm(health_eject_t *eject, health_attempt_e kind, int status)
{
    tier_atomic_store(&eject->kind, kind);
    tier_atomic_store(&eject->status, (apr_uint32_t)status);
    __atomic_add_fetch(&eject->count, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&eject->ejections.value, 1, __ATOMIC_RELEASE);
}

void health_eject_cancel(health_eject_t *eject, apr_time_t until)
{
    (void)tier_atomic_swap64(&eject->until, until, 0);
}

void health_eject_resume(health_eject_t *eject, apr_time_t until, apr_uint32_t count)
{
    tier_atomic_store64(&eject->until, until);
    tier_atomic_store(&eject->count, count);
}

int health_eject_rests(const health_eject_t *eject)
{
    return !health_eject_is_out(eject) && tier_atomic_load(&eject->count) == 0 &&
           tier_counter_get(&eject->ejections) == eject->noted;
}

int health_eject_is_over(const health_eject_t *eject, apr_time_t now)
{
    apr_int64_t until = tier_atomic_load64(&eject->until);

    return until != 0 && now >= until;
}

void health_eject_end(health_eject_t *eject, apr_time_t now)
{
    eject->decayed = now;
    tier_atomic_store(&eject->failures, 0);
    tier_atomic_store64(&eject->until, 0);
}

void health_eject_decay(health_eject_t *eject, const health_eject_settings_t *settings,
                        apr_time_t now)
{
    apr_uint32_t count = tier_atomic_load(&eject->count);

    if (count == 0 || health_eject_is_out(eject) || now - eject->decayed < settings->time)
        return;
    /* A request that ejects the member at this moment keeps its own count. */
    if (tier_atomic_swap(&eject->count, count, count - 1))
        eject->decayed = now;
}

static void say_why(char *text, apr_size_t size, apr_uint32_t outlier, apr_uint32_t value)
{
    switch (outlier) {
    case HEALTH_OUTLIER_SUCCESS:
        apr_snprintf(text, size, "only %u%% of its requests succeed, fewer than of the others",
                     value);
        break;
    case HEALTH_OUTLIER_FAILURES:
        apr_snprintf(text, size, "%u%% of its requests fail", value);
        break;
    case HEALTH_OUTLIER_LATENCY:
        apr_snprintf(text, size, "its answers take %u ms, much longer than those of the others",
                     value);
        break;
    default:
        apr_cpystrn(text, "asked for on the status page", size);
        break;
    }
}

void health_eject_reason(const health_eject_t *eject, const health_eject_settings_t *settings,
                         char *text, apr_size_t size)
{
    apr_uint32_t kind = tier_atomic_load(&eject->kind);
    const char *many = settings->errors == 1 ? "request" : "consecutive requests";

    if (kind >= HEALTH_ATTEMPT_KINDS)
        say_why(text, size, kind - HEALTH_ATTEMPT_KINDS, tier_atomic_load(&eject->status));
    else if (kind == HEALTH_ATTEMPT_STATUS)
        apr_snprintf(text, size, "%u %s failed, the last one with status %u", settings->errors,
                     many, tier_atomic_load(&eject->status));
    else
        apr_snprintf(text, size, "%u %s failed, the last one: %s", settings->errors, many,
                     health_attempt_name(kind));
}
