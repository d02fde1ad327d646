/* SPDX-License-Identifier: Apache-2.0 */
#include "health_state_config.h"

#include <apr_strings.h>

/* Of the process's configuration, not of a server: kept where it ends with it. */
#define FILE_KEY  "tier-health-state-file"
#define EVENT_KEY "tier-health-event"

#define EVENT_ARGUMENTS 32

const char *health_state_set_file(cmd_parms *cmd, void *section, const char *path)
{
    const char *problem = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    const char *file = ap_server_root_relative(cmd->pool, path);

    (void)section;
    if (problem)
        return problem;
    if (!file)
        return apr_psprintf(cmd->temp_pool, "%s: \"%s\" is no path of a file", cmd->cmd->name,
                            path);
    apr_pool_userdata_setn(file, FILE_KEY, NULL, cmd->pool);
    return NULL;
}

const char *health_state_config_file(apr_pool_t *pconf)
{
    void *file = NULL;

    apr_pool_userdata_get(&file, FILE_KEY, pconf);
    return file;
}

const char *health_state_set_event(cmd_parms *cmd, void *section, int argc, char *const argv[])
{
    const char *problem = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    const char **command = apr_pcalloc(cmd->pool, ((apr_size_t)argc + 1) * sizeof(*command));

    (void)section;
    if (problem)
        return problem;
    if (argc == 0 || argc > EVENT_ARGUMENTS || argv[0][0] != '/')
        return apr_psprintf(cmd->temp_pool,
                            "%s: \"%s\" is no program; write its whole path, and up to %d "
                            "arguments",
                            cmd->cmd->name, argc ? argv[0] : "", EVENT_ARGUMENTS - 1);
    for (int i = 0; i < argc; i++)
        command[i] = apr_pstrdup(cmd->pool, argv[i]);
    apr_pool_userdata_setn(command, EVENT_KEY, NULL, cmd->pool);
    return NULL;
}

const char *const *health_state_config_event(apr_pool_t *pconf)
{
    void *command = NULL;

    apr_pool_userdata_get(&command, EVENT_KEY, pconf);
    return command;
}
