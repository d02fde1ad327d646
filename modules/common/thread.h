/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_THREAD_H
#define TIER_THREAD_H

#include <apr_pools.h>
#include <apr_thread_proc.h>

#include <signal.h>

/*
 * Makes a pool with an allocator of its own below parent, so that one thread may allocate from it
 * while others use parent. Errors: APR_ENOMEM.
 */
apr_status_t tier_thread_pool(apr_pool_t **pool, apr_pool_t *parent);

/* Blocks every signal but those of the calling thread's own faults; *before is for
 * pthread_sigmask(SIG_SETMASK). */
void tier_thread_block_signals(sigset_t *before);

/*
 * Starts run(thread, data) with every signal blocked but those of its own faults: httpd's children
 * expect signals in their main thread. own: the thread's pool, of tier_thread_pool(), in which
 * *thread lives. name: as ps and debuggers show it, up to 15 bytes. stop(data) becomes a
 * pre-cleanup of pool, before a signal can come in again (a child that is told to end while it
 * starts destroys its pool in the handler): it must make run return, and then join the thread.
 * Errors: the thread's creation.
 */
apr_status_t tier_thread_start(apr_thread_t **thread, const char *name, apr_thread_start_t run,
                               void *data, apr_pool_t *own, apr_status_t (*stop)(void *data),
                               apr_pool_t *pool);

#endif
