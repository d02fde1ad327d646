/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_POLLSET_H
#define COMMON_POLLSET_H

/* The pollset's calls, counted and made to fail, in any thread: see common.cmake. One a program. */
#include "common_support.h"

#include <apr_poll.h>

static int polls;
static apr_status_t poll_fails;
static apr_status_t create_fails;

apr_status_t __real_apr_pollset_poll(apr_pollset_t *, apr_interval_time_t, apr_int32_t *,
                                     const apr_pollfd_t **);
apr_status_t __wrap_apr_pollset_poll(apr_pollset_t *, apr_interval_time_t, apr_int32_t *,
                                     const apr_pollfd_t **);
apr_status_t __real_apr_pollset_create(apr_pollset_t **, apr_uint32_t, apr_pool_t *, apr_uint32_t);
apr_status_t __wrap_apr_pollset_create(apr_pollset_t **, apr_uint32_t, apr_pool_t *, apr_uint32_t);

apr_status_t __wrap_apr_pollset_poll(apr_pollset_t *pollset, apr_interval_time_t timeout,
                                     apr_int32_t *count, const apr_pollfd_t **events)
{
    apr_status_t fails = __atomic_load_n(&poll_fails, __ATOMIC_RELAXED);

    __atomic_add_fetch(&polls, 1, __ATOMIC_RELAXED);
    return fails ? fails : __real_apr_pollset_poll(pollset, timeout, count, events);
}

apr_status_t __wrap_apr_pollset_create(apr_pollset_t **pollset, apr_uint32_t size, apr_pool_t *pool,
                                       apr_uint32_t flags)
{
    return create_fails ? create_fails : __real_apr_pollset_create(pollset, size, pool, flags);
}

#endif
