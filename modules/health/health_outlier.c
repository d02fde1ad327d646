/* SPDX-License-Identifier: Apache-2.0 */
#include "health_outlier.h"

/* Where the others hardly differ, their deviation counts as so much, in percent of success. */
#define DEVIATION_MIN 2.5

/* No answer is late that takes less, whatever the others take. */
#define LATENCY_MIN apr_time_from_msec(5)

void health_outlier_defaults(health_outlier_settings_t *settings)
{
    settings->on = 1;
    settings->success = 19;
    settings->failures = 85;
    settings->latency = 0;
    settings->requests = 100;
    settings->members = 3;
    settings->window = apr_time_from_sec(10);
}

static apr_int64_t slice_number(const health_outlier_settings_t *settings, apr_time_t now)
{
    return now / (settings->window / HEALTH_OUTLIER_SLICES);
}

void health_outlier_add(health_outlier_t *outlier, const health_outlier_settings_t *settings,
                        int failed, apr_interval_time_t took, apr_time_t now)
{
    apr_int64_t number = slice_number(settings, now);
    health_outlier_slice_t *slice = &outlier->slices[number % HEALTH_OUTLIER_SLICES];
    apr_int64_t found = tier_atomic_load64(&slice->number);

    /* Who comes in between loses a request or counts an old one, which does no harm. */
    if (found != number && tier_atomic_swap64(&slice->number, found, number)) {
        tier_atomic_store(&slice->passed, 0);
        tier_atomic_store(&slice->failed, 0);
        __atomic_store_n(&slice->latency, 0, __ATOMIC_RELAXED);
    }
    __atomic_fetch_add(failed ? &slice->failed : &slice->passed, 1, __ATOMIC_RELAXED);
    if (!failed && took > 0)
        __atomic_fetch_add(&slice->latency, (apr_uint64_t)took, __ATOMIC_RELAXED);
}

health_outlier_sum_t health_outlier_sum(const health_outlier_t *outlier,
                                        const health_outlier_settings_t *settings, apr_time_t now)
{
    apr_int64_t number = slice_number(settings, now);
    health_outlier_sum_t sum = {0, 0, 0};

    for (int i = 0; i < HEALTH_OUTLIER_SLICES; i++) {
        const health_outlier_slice_t *slice = &outlier->slices[i];
        apr_int64_t age = number - tier_atomic_load64(&slice->number);

        if (age < 0 || age >= HEALTH_OUTLIER_SLICES)
            continue;
        sum.passed += tier_atomic_load(&slice->passed);
        sum.failed += tier_atomic_load(&slice->failed);
        sum.latency += __atomic_load_n(&slice->latency, __ATOMIC_RELAXED);
    }
    return sum;
}

void health_outlier_clear(health_outlier_t *outlier)
{
    for (int i = 0; i < HEALTH_OUTLIER_SLICES; i++)
        tier_atomic_store64(&outlier->slices[i].number, 0);
}

static int is_judged(const health_outlier_sum_t *sum, const health_outlier_settings_t *settings)
{
    return sum->passed + sum->failed >= settings->requests;
}

static double success_rate(const health_outlier_sum_t *sum)
{
    return 100.0 * (double)sum->passed / (double)(sum->passed + sum->failed);
}

static double latency_of(const health_outlier_sum_t *sum)
{
    return sum->passed ? (double)sum->latency / (double)sum->passed : 0;
}

/* The success rates of the members but index. */
static void rate_others(const health_outlier_sum_t *sums, apr_uint32_t count, apr_uint32_t index,
                        const health_outlier_settings_t *settings, double *mean, double *variance)
{
    double sum = 0, squares = 0, others = 0;

    for (apr_uint32_t i = 0; i < count; i++) {
        if (i != index && is_judged(&sums[i], settings)) {
            double rate = success_rate(&sums[i]);

            sum += rate;
            squares += rate * rate;
            others++;
        }
    }
    *mean = sum / others;
    *variance = squares / others - *mean * *mean;
    if (*variance < DEVIATION_MIN * DEVIATION_MIN)
        *variance = DEVIATION_MIN * DEVIATION_MIN;
    /* What chance alone does to so many requests of one member. */
    *variance += *mean * (100 - *mean) / (double)(sums[index].passed + sums[index].failed);
}

/* Compared as squares, which needs no root. */
static int is_far_below(double rate, double mean, double variance, apr_uint32_t tenths)
{
    double below = 10 * (mean - rate);

    return below > 0 && below * below > variance * tenths * tenths;
}

/* How many others are faster than that, and how many there are. */
static apr_uint32_t count_faster(const health_outlier_sum_t *sums, apr_uint32_t count,
                                 apr_uint32_t index, const health_outlier_settings_t *settings,
                                 double limit, apr_uint32_t *others)
{
    apr_uint32_t faster = 0;

    *others = 0;
    for (apr_uint32_t i = 0; i < count; i++) {
        if (i == index || !is_judged(&sums[i], settings))
            continue;
        ++*others;
        faster += latency_of(&sums[i]) < limit;
    }
    return faster;
}

/* Later than so many times the median of the others: more than half of them lie below. */
static int is_late(const health_outlier_sum_t *sums, apr_uint32_t count, apr_uint32_t index,
                   const health_outlier_settings_t *settings)
{
    double own = latency_of(&sums[index]);
    apr_uint32_t others;
    apr_uint32_t faster =
        count_faster(sums, count, index, settings, own * 10 / settings->latency, &others);

    return own >= (double)LATENCY_MIN && 2 * faster > others;
}

static apr_uint32_t count_judged(const health_outlier_sum_t *sums, apr_uint32_t count,
                                 const health_outlier_settings_t *settings)
{
    apr_uint32_t judged = 0;

    for (apr_uint32_t i = 0; i < count; i++)
        judged += (apr_uint32_t)is_judged(&sums[i], settings);
    return judged;
}

health_outlier_e health_outlier_judge(const health_outlier_sum_t *sums, apr_uint32_t count,
                                      apr_uint32_t index, const health_outlier_settings_t *settings,
                                      apr_uint32_t *value)
{
    double rate, mean, variance;

    if (!is_judged(&sums[index], settings) ||
        count_judged(sums, count, settings) < settings->members)
        return HEALTH_OUTLIER_NONE;
    rate = success_rate(&sums[index]);
    rate_others(sums, count, index, settings, &mean, &variance);
    *value = (apr_uint32_t)(100.5 - rate);
    if (settings->failures && 100 - rate >= settings->failures)
        return HEALTH_OUTLIER_FAILURES;
    *value = (apr_uint32_t)(rate + 0.5);
    if (settings->success && is_far_below(rate, mean, variance, settings->success))
        return HEALTH_OUTLIER_SUCCESS;
    *value = (apr_uint32_t)(latency_of(&sums[index]) / 1000);
    return settings->latency && is_late(sums, count, index, settings) ? HEALTH_OUTLIER_LATENCY
                                                                      : HEALTH_OUTLIER_NONE;
}
