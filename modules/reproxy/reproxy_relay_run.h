/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_RELAY_RUN_H
#define REPROXY_RELAY_RUN_H

#include "reproxy_relay_transfer.h"

/*
 * Carries a transfer on in the caller's thread, for limit at most, and only as long as its client
 * takes what comes: with what it returns the relay may go on. limit 0: until it has ended, waiting
 * for either side as long as the job's deadlines let. Any thread; one at a time for each transfer.
 */
reproxy_relay_wait_e reproxy_relay_run(reproxy_relay_transfer_t *transfer,
                                       apr_interval_time_t limit);

#endif
