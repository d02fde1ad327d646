/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test only, for LD_PRELOAD: a system that gives one DSO less than it asks for. TEST_SCARCE is the
 * DSO's name, a colon, and what it does not get: "mod_tier_assets.so:threads,locks". Whatever the
 * rest of httpd asks for it gets.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <apr_shm.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

/* Returns 1 when what is asked for by caller is scarce. */
static int is_scarce(const char *what, void *caller)
{
    const char *scarce = getenv("TEST_SCARCE");
    const char *colon = scarce ? strchr(scarce, ':') : NULL;
    const char *slash;
    Dl_info info;

    if (!colon || !strstr(colon, what) || !dladdr(caller, &info) || !info.dli_fname)
        return 0;
    slash = strrchr(info.dli_fname, '/');
    return strncmp(slash ? slash + 1 : info.dli_fname, scarce, (size_t)(colon - scarce)) == 0;
}

APR_DECLARE(apr_status_t)
apr_shm_create(apr_shm_t **shm, apr_size_t size, const char *name, apr_pool_t *pool)
{
    apr_status_t (*real)(apr_shm_t **, apr_size_t, const char *, apr_pool_t *) =
        dlsym(RTLD_NEXT, "apr_shm_create");

    return is_scarce("memory", __builtin_return_address(0)) ? APR_ENOMEM
                                                            : real(shm, size, name, pool);
}

APR_DECLARE(apr_status_t)
apr_thread_mutex_create(apr_thread_mutex_t **mutex, unsigned flags, apr_pool_t *pool)
{
    apr_status_t (*real)(apr_thread_mutex_t **, unsigned, apr_pool_t *) =
        dlsym(RTLD_NEXT, "apr_thread_mutex_create");

    return is_scarce("locks", __builtin_return_address(0)) ? APR_ENOMEM : real(mutex, flags, pool);
}

APR_DECLARE(apr_status_t)
apr_thread_create(apr_thread_t **thread, apr_threadattr_t *attributes, apr_thread_start_t run,
                  void *data, apr_pool_t *pool)
{
    apr_status_t (*real)(apr_thread_t **, apr_threadattr_t *, apr_thread_start_t, void *,
                         apr_pool_t *) = dlsym(RTLD_NEXT, "apr_thread_create");

    return is_scarce("threads", __builtin_return_address(0))
               ? APR_EAGAIN
               : real(thread, attributes, run, data, pool);
}
