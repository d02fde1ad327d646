/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LINGER_WAIT_H
#define LINGER_WAIT_H

#include <apr_time.h>

typedef enum linger_wait_e {
    LINGER_WAIT_READABLE, /* something came */
    LINGER_WAIT_CLOSED,   /* the peer sends no more, or the connection is broken */
    LINGER_WAIT_TIMEOUT
} linger_wait_e;

/*
 * How late the calling thread's timers may fire. Exact ones make each wait program the clock of the
 * CPU, and again when it ends early: about a quarter of what a wait costs, measured in a virtual
 * machine. Coarse ones go off with the scheduler's next tick, up to 4 ms late. A thread is exact
 * until it says otherwise.
 */
void linger_wait_be_coarse(void);
void linger_wait_be_exact(void);

/*
 * Waits until socket, a descriptor, is readable, at most timeout (microseconds). A signal may end
 * it early, as LINGER_WAIT_TIMEOUT. Never fails: a bad descriptor counts as closed. Any thread.
 */
linger_wait_e linger_wait(int socket, apr_interval_time_t timeout);

#endif
