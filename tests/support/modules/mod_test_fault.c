/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test only: faults that the integration harness must notice. With `SetHandler test-fault`, the
 * query string names one:
 *
 *   warn       logs a line at level warn            abort      ends the child by SIGABRT
 *   orphan     leaves a process behind              overflow   writes behind an allocation (ASan)
 *   undefined  overflows a signed addition (UBSan)  race       two threads write one variable
 * (TSan)
 *   addresses  puts one where nobody listens before those of each member of a balancer whose name
 * is known in this child
 *
 * "TestFaultRestart milliseconds" holds the parent up at each graceful restart, between the
 * pre-cleanups of what the old configuration had and its cleanups.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <httpd.h>
#include <ap_mpm.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <mod_proxy.h>

#define RACE_ROUNDS 10000

extern module AP_MODULE_DECLARE_DATA test_fault_module;

typedef struct fault_t {
    const char *name;
    void (*commit)(request_rec *r);
} fault_t;

static void commit_warn(request_rec *r)
{
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "a line the test did not announce");
}

static void commit_abort(request_rec *r)
{
    (void)r;
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void commit_orphan(request_rec *r)
{
    (void)r;
    if (fork() == 0) {
        signal(SIGTERM, SIG_IGN);
        for (;;)
            pause();
    }
}

static void commit_overflow(request_rec *r)
{
    volatile apr_size_t size = 8;
    volatile char *bytes = malloc(size);

    (void)r;
    bytes[size] = 'x';
    free((void *)bytes);
}

static void commit_undefined(request_rec *r)
{
    volatile int most = 0x7fffffff;

    (void)r;
    most = most + 1;
}

static void *APR_THREAD_FUNC write_unlocked(apr_thread_t *thread, void *shared)
{
    volatile int *value = shared;
    int i;

    for (i = 0; i < RACE_ROUNDS; i++)
        (*value)++;
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

static void commit_race(request_rec *r)
{
    int *shared = apr_pcalloc(r->pool, sizeof(*shared));
    apr_thread_t *threads[2];
    apr_status_t ignored;
    int i;

    for (i = 0; i < 2; i++) {
        if (apr_thread_create(&threads[i], NULL, write_unlocked, shared, r->pool) != APR_SUCCESS)
            abort();
    }
    for (i = 0; i < 2; i++)
        apr_thread_join(&ignored, threads[i]);
}

static void add_address(const proxy_worker *worker)
{
    apr_sockaddr_t *first = worker->cp ? worker->cp->addr : NULL;
    apr_sockaddr_t *second;

    if (!first || first->family != AF_INET || !apr_isalpha(worker->s->hostname_ex[0]))
        return;
    second = malloc(sizeof(*second)); /* for as long as the child lives */
    *second = *first;
    second->ipaddr_ptr = &second->sa.sin.sin_addr;
    first->next = second;
    first->sa.sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
}

static void commit_addresses(request_rec *r)
{
    const module *proxy = ap_find_linked_module("mod_proxy.c");
    const proxy_server_conf *conf = ap_get_module_config(r->server->module_config, proxy);

    for (int i = 0; i < conf->balancers->nelts; i++) {
        const proxy_balancer *balancer = &APR_ARRAY_IDX(conf->balancers, i, proxy_balancer);

        for (int j = 0; j < balancer->workers->nelts; j++)
            add_address(APR_ARRAY_IDX(balancer->workers, j, proxy_worker *));
    }
}

static const fault_t faults[] = {
    {"warn", commit_warn},           {"abort", commit_abort},         {"orphan", commit_orphan},
    {"overflow", commit_overflow},   {"undefined", commit_undefined}, {"race", commit_race},
    {"addresses", commit_addresses},
};

static apr_status_t hold_up(void *milliseconds)
{
    int generation = 0;

    if (ap_mpm_query(AP_MPMQ_GENERATION, &generation) == APR_SUCCESS && generation > 0)
        apr_sleep(apr_time_from_msec(*(int *)milliseconds));
    return APR_SUCCESS;
}

/* Registered while the configuration is read, it runs after the pre-cleanups of post_config. */
static const char *set_restart(cmd_parms *cmd, void *unused, const char *arg)
{
    int *milliseconds = apr_palloc(cmd->pool, sizeof(*milliseconds));

    (void)unused;
    *milliseconds = atoi(arg);
    apr_pool_pre_cleanup_register(cmd->pool, milliseconds, hold_up);
    return NULL;
}

static const command_rec commands[] = {
    AP_INIT_TAKE1("TestFaultRestart", set_restart, NULL, RSRC_CONF, "a time in milliseconds"),
    {NULL}};

static int handler(request_rec *r)
{
    apr_size_t i;

    if (!r->handler || strcmp(r->handler, "test-fault") != 0)
        return DECLINED;
    for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (r->args && strcmp(r->args, faults[i].name) == 0) {
            faults[i].commit(r);
            ap_rputs("done\n", r);
            return OK;
        }
    }
    return HTTP_NOT_FOUND;
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(test_fault) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, commands, register_hooks, AP_MODULE_FLAG_NONE};
