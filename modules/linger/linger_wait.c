/* SPDX-License-Identifier: Apache-2.0 */
#include "linger_wait.h"

#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>
#include <time.h>

#define SLACK_NS 4000000UL

void linger_wait_be_coarse(void)
{
    prctl(PR_SET_TIMERSLACK, SLACK_NS);
}

void linger_wait_be_exact(void)
{
    prctl(PR_SET_TIMERSLACK, 0UL); /* the thread's default */
}

linger_wait_e linger_wait(int socket, apr_interval_time_t timeout)
{
    struct pollfd pfd = {.fd = socket, .events = POLLIN | POLLRDHUP};
    struct timespec span = {.tv_sec = apr_time_sec(timeout),
                            .tv_nsec = apr_time_usec(timeout) * 1000};
    int ready = ppoll(&pfd, 1, &span, NULL); /* poll() counts in milliseconds */

    if (ready == 0 || (ready < 0 && errno == EINTR)) {
        return LINGER_WAIT_TIMEOUT;
    }
    return ready > 0 && pfd.revents == POLLIN ? LINGER_WAIT_READABLE : LINGER_WAIT_CLOSED;
}
