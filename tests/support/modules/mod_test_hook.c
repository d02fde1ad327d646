/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test only: somebody's module that refuses requests with the field X-Robot, in the phase that the
 * file "phase" in ServerRoot names when the module is loaded ("fixups"). In insert_filter nothing
 * can be refused; it does nothing there. It has a directive of mod_tier_cache's as well.
 */
#include <stdio.h>
#include <string.h>

#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>

extern module AP_MODULE_DECLARE_DATA test_hook_module;

static int refuse(request_rec *r)
{
    return apr_table_get(r->headers_in, "X-Robot") ? HTTP_FORBIDDEN : DECLINED;
}

static int refuse_quickly(request_rec *r, int is_lookup)
{
    return is_lookup ? DECLINED : refuse(r);
}

static void insert_nothing(request_rec *r)
{
    (void)r;
}

static void read_phase(char *phase, int size, apr_pool_t *pool)
{
    const char *path = ap_server_root_relative(pool, "phase");
    FILE *file = path ? fopen(path, "r") : NULL;

    phase[0] = '\0';
    if (!file)
        return;
    if (fgets(phase, size, file))
        phase[strcspn(phase, "\n")] = '\0';
    fclose(file);
}

#define HOOK(name, function)                                                                       \
    if (strcmp(phase, #name) == 0)                                                                 \
    ap_hook_##name(function, NULL, NULL, APR_HOOK_REALLY_FIRST)

static const char *set_nothing(cmd_parms *cmd, void *config, const char *percent,
                               const char *longest)
{
    (void)cmd, (void)config, (void)percent, (void)longest;
    return NULL;
}

static const command_rec commands[] = {
    AP_INIT_TAKE12("TierCacheHeuristic", set_nothing, NULL, RSRC_CONF, "anything"), {NULL}};

static void register_hooks(apr_pool_t *pool)
{
    static const char *const cache[] = {"mod_tier_cache.c", NULL};
    char phase[64];

    read_phase(phase, sizeof(phase), pool);
    HOOK(quick_handler, refuse_quickly);
    HOOK(pre_translate_name, refuse);
    HOOK(translate_name, refuse);
    HOOK(map_to_storage, refuse);
    HOOK(post_perdir_config, refuse);
    HOOK(header_parser, refuse);
    HOOK(access_checker, refuse);
    HOOK(access_checker_ex, refuse);
    HOOK(check_user_id, refuse);
    HOOK(auth_checker, refuse);
    HOOK(type_checker, refuse);
    HOOK(fixups, refuse);
    HOOK(insert_filter, insert_nothing);
    if (strcmp(phase, "handler") == 0)
        ap_hook_handler(refuse, NULL, cache, APR_HOOK_REALLY_FIRST);
    if (strcmp(phase, "late handler") == 0)
        ap_hook_handler(refuse, cache, NULL, APR_HOOK_REALLY_FIRST);
}

AP_DECLARE_MODULE(test_hook) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, commands, register_hooks, AP_MODULE_FLAG_NONE};
