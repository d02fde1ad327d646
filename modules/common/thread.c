/* SPDX-License-Identifier: Apache-2.0 */
#include "thread.h"

#include <apr_portable.h>

#include <pthread.h>

apr_status_t tier_thread_pool(apr_pool_t **pool, apr_pool_t *parent)
{
    apr_allocator_t *allocator;
    apr_status_t status = apr_allocator_create(&allocator);

    if (status != APR_SUCCESS) {
        return status;
    }
    status = apr_pool_create_ex(pool, parent, NULL, allocator);
    if (status != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return status;
    }
    apr_allocator_owner_set(allocator, *pool);
    return APR_SUCCESS;
}

void tier_thread_block_signals(sigset_t *before)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t blocked;
    size_t i;

    sigfillset(&blocked);
    for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        sigdelset(&blocked, faults[i]);
    }
    pthread_sigmask(SIG_SETMASK, &blocked, before);
}

static void name_thread(apr_thread_t *thread, const char *name)
{
    apr_os_thread_t *handle = NULL;

    if (apr_os_thread_get(&handle, thread) == APR_SUCCESS) {
        pthread_setname_np(*handle, name); /* may fail, and nothing depends on it */
    }
}

apr_status_t tier_thread_start(apr_thread_t **thread, const char *name, apr_thread_start_t run,
                               void *data, apr_pool_t *own, apr_status_t (*stop)(void *data),
                               apr_pool_t *pool)
{
    sigset_t before;
    apr_status_t status;

    tier_thread_block_signals(&before);
    status = apr_thread_create(thread, NULL, run, data, own);
    if (status == APR_SUCCESS) {
        name_thread(*thread, name);
        apr_pool_pre_cleanup_register(pool, data, stop);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}
