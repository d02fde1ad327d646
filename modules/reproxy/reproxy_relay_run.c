/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_relay_run.h"

#include <poll.h>

#include <clock.h>

/* Waits for the side that the transfer waits for, until `until` at the latest; 0: for as long as it
 * takes. */
static void wait_for(reproxy_relay_transfer_t *transfer, apr_time_t now, apr_time_t until)
{
    const reproxy_relay_job_t *job = transfer->job;
    int for_source = transfer->wait == REPROXY_RELAY_FOR_SOURCE;
    struct pollfd ends[] = {{job->client, for_source ? 0 : POLLOUT, 0}, {job->source, POLLIN, 0}};
    apr_interval_time_t left = until > now ? until - now : 0;

    if (poll(ends, for_source ? 2 : 1, until ? (int)((left + 999) / 1000) : -1) > 0 && for_source &&
        ends[0].revents) {
        reproxy_relay_transfer_end(transfer, REPROXY_RELAY_CLIENT_GONE);
    }
}

reproxy_relay_wait_e reproxy_relay_run(reproxy_relay_transfer_t *transfer,
                                       apr_interval_time_t limit)
{
    apr_time_t now = tier_clock_now(), deadline = limit ? now + limit : 0;

    while (reproxy_relay_transfer_move(transfer, now) != REPROXY_RELAY_FOR_NOTHING) {
        int is_blocked = transfer->blocked || transfer->wait == REPROXY_RELAY_FOR_SOURCE;
        apr_time_t next = deadline;

        if (deadline && (transfer->blocked || now >= deadline)) {
            break;
        }
        if (is_blocked && !deadline) {
            next = reproxy_relay_transfer_check(transfer, now);
        }
        if (is_blocked && transfer->wait != REPROXY_RELAY_FOR_NOTHING) {
            wait_for(transfer, now, next);
        }
        now = tier_clock_now();
    }
    return transfer->wait;
}
