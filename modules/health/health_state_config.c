/* SPDX-License-Identifier: Apache-2.0 */
#include "health_state_config.h"

#include <apr_strings.h>

/* Of the process's configuration, not of a server: kept where it ends with it. */
#define FILE_KEY "tier-health-state-file"

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
