/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test only: `httpd -t -DDUMP_TIER_DIRECTIVES` prints one line for each directive of each loaded
 * mod_tier_* module: module symbol, name, args_how, req_override and the usage text, separated by
 * tabs. build/check compares them with the modules' README.md.
 */
#include <stdio.h>

#include <httpd.h>
#include <http_config.h>
#include <http_core.h>

extern module AP_MODULE_DECLARE_DATA test_directives_module;

static int is_ours(const module *mod)
{
    return strncmp(mod->name, "mod_tier_", strlen("mod_tier_")) == 0;
}

static void dump_module(const module *mod)
{
    const command_rec *cmd;

    for (cmd = mod->cmds; cmd && cmd->name; cmd++)
        printf("%s\t%s\t%d\t%d\t%s\n", mod->name, cmd->name, (int)cmd->args_how, cmd->req_override,
               cmd->errmsg ? cmd->errmsg : "");
}

static void test_config(apr_pool_t *pconf, server_rec *s)
{
    const module *mod;

    (void)pconf;
    (void)s;
    if (!ap_exists_config_define("DUMP_TIER_DIRECTIVES"))
        return;
    for (mod = ap_top_module; mod; mod = mod->next) {
        if (is_ours(mod))
            dump_module(mod);
    }
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_test_config(test_config, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(test_directives) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE};
