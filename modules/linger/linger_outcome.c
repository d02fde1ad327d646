/* SPDX-License-Identifier: Apache-2.0 */
#include "linger_outcome.h"

typedef struct wording_t {
    const char *name;
    const char *help;
} wording_t;

static const wording_t wordings[LINGER_OUTCOMES] = {
    [LINGER_HIT] = {"hits", "Lingers that the client's next request ended."},
    [LINGER_CLOSED] = {"closed", "Lingers that ended because the client closed the connection."},
    [LINGER_TIMEOUT] = {"timeouts", "Lingers in which nothing came."},
    [LINGER_RELEASED] = {"released",
                         "Lingers cut short because the worker was wanted or the child stops."},
    [LINGER_REFUSED_GAP] = {"refused_gap",
                            "Responses after which no worker lingered: this client's gaps are "
                            "longer than the linger time."},
    [LINGER_REFUSED_TURN] = {"refused_turn",
                             "Responses after which no worker lingered: the connection had had its "
                             "share of requests in a row."},
    [LINGER_REFUSED_FULL] = {"refused_full", "Responses after which no worker lingered: as many "
                                             "lingered already as may."},
    [LINGER_REFUSED_BUSY] = {"refused_busy", "Responses after which no worker lingered: too few "
                                             "workers of the child were idle."},
    [LINGER_REFUSED_STOPPING] = {"refused_stopping",
                                 "Responses after which no worker lingered: the child was "
                                 "stopping."},
    [LINGER_REFUSED_UNSENT] = {"refused_unsent",
                               "Responses after which no worker lingered: the client had not taken "
                               "the whole response yet."},
    [LINGER_STARVED] = {"starved", "Kept-alive connections that httpd closed before their time "
                                   "because every worker of the child was busy."},
};

apr_uint64_t linger_tally_sum(const linger_tally_t *tallies, apr_size_t many,
                              linger_outcome_e outcome)
{
    apr_uint64_t sum = 0;
    apr_size_t i;

    for (i = 0; i < many; i++) {
        sum += tier_counter_get(&tallies[i].count[outcome]);
    }
    return sum;
}

const char *linger_outcome_name(linger_outcome_e outcome)
{
    return wordings[outcome].name;
}

const char *linger_outcome_help(linger_outcome_e outcome)
{
    return wordings[outcome].help;
}
