/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test only: while the modules under test prepare themselves (post_config), the process gets as
 * much memory as small allocations need (ROOM), and no large piece, such as memory to share.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <httpd.h>
#include <http_config.h>

#define ROOM ((rlim_t)64 * 1024)

extern module AP_MODULE_DECLARE_DATA test_memory_module;

static struct rlimit before;

/* Returns the size of the address space in bytes; 0: it is not known. */
static rlim_t size_now(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;

    if (!file)
        return 0;
    if (fscanf(file, "%lu", &pages) != 1)
        pages = 0;
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static int take(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    struct rlimit little;

    (void)pconf;
    (void)plog;
    (void)ptemp;
    (void)s;
    getrlimit(RLIMIT_AS, &before);
    little = before;
    little.rlim_cur = size_now() + ROOM;
    return setrlimit(RLIMIT_AS, &little) == 0 ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

static int give_back(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    (void)s;
    return setrlimit(RLIMIT_AS, &before) == 0 ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

static void register_hooks(apr_pool_t *pool)
{
    static const char *const stock[] = {"mod_proxy.c", "mod_proxy_balancer.c", "mod_ssl.c", NULL};
    static const char *const ours[] = {"mod_tier_health.c", "mod_tier_cache.c", "mod_tier_linger.c",
                                       "mod_tier_reproxy.c", NULL};

    (void)pool;
    ap_hook_post_config(take, stock, ours, APR_HOOK_LAST);
    ap_hook_post_config(give_back, ours, NULL, APR_HOOK_REALLY_LAST);
}

AP_DECLARE_MODULE(test_memory) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE};
