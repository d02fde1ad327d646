/* SPDX-License-Identifier: Apache-2.0 */
#include "linger_pace.h"

#define WEIGHT 3 /* a gap moves the odds by a third of the way: two in a row turn them */

static void move_odds(linger_pace_t *pace, int target)
{
    if (!pace->known) {
        pace->known = 1;
        pace->odds = (unsigned short)target;
        return;
    }
    pace->odds = (unsigned short)(pace->odds + (target - pace->odds) / WEIGHT);
}

static void start_rest(linger_pace_t *pace, int patience)
{
    pace->patience = (unsigned short)patience;
    pace->rest = (unsigned short)patience;
}

void linger_pace_hit(linger_pace_t *pace)
{
    move_odds(pace, LINGER_PACE_SURE);
    if (pace->odds < LINGER_PACE_EVEN) { /* a try that paid: the long gaps were httpd's delay */
        pace->odds = LINGER_PACE_EVEN;
    }
    start_rest(pace, LINGER_PACE_FIRST);
}

void linger_pace_missed(linger_pace_t *pace)
{
    move_odds(pace, 0);
}

void linger_pace_passed(linger_pace_t *pace, apr_interval_time_t gap, apr_interval_time_t limit,
                        apr_interval_time_t far)
{
    pace->gap = gap;
    if (gap <= limit) {
        move_odds(pace, LINGER_PACE_SURE);
    } else if (gap > far) {
        move_odds(pace, 0);
    }
}

static int is_time_to_try(linger_pace_t *pace)
{
    if (!pace->patience) {
        start_rest(pace, LINGER_PACE_FIRST);
    }
    if (pace->rest > 0) {
        pace->rest--;
        return 0;
    }
    start_rest(pace,
               pace->patience < LINGER_PACE_PATIENCE ? 2 * pace->patience : LINGER_PACE_PATIENCE);
    return 1;
}

int linger_pace_pays(linger_pace_t *pace, apr_interval_time_t far)
{
    if (pace->odds >= LINGER_PACE_EVEN) {
        return 1;
    }
    return pace->gap && pace->gap <= far && is_time_to_try(pace);
}
