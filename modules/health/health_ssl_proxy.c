/* SPDX-License-Identifier: Apache-2.0 */
#include "health_ssl_proxy.h"

#include <string.h>
#include <strings.h>

#include <glue.h>

/* Returns the last argument of a directive among these, from pool; NULL where it is not. */
static const char *among(const ap_directive_t *directive, const char *name, apr_pool_t *pool)
{
    const char *value = NULL;

    for (; directive; directive = directive->next) {
        if (strcasecmp(directive->directive, name) == 0) {
            const char *arguments = directive->args;

            value = ap_getword_conf(pool, &arguments);
        }
    }
    return value;
}

/* The section, the virtual host around it, the main server around that. */
static const char *value_of(cmd_parms *cmd, const char *name)
{
    const ap_directive_t *around = cmd->directive->parent;

    for (; around; around = around->parent) {
        const char *value = among(around->first_child, name, cmd->pool);

        if (value)
            return value;
    }
    return among(ap_conftree, name, cmd->pool);
}

static void fill_flag(cmd_parms *cmd, const char *name, int *flag)
{
    const char *value = value_of(cmd, name);

    if (*flag == TIER_UNSET)
        *flag = !value || strcasecmp(value, "off") != 0;
}

static void fill_path(cmd_parms *cmd, const char *name, const char **path)
{
    const char *value = *path ? NULL : value_of(cmd, name);

    if (value)
        *path = ap_server_root_relative(cmd->pool, value);
}

void health_ssl_proxy_fill(cmd_parms *cmd, health_tls_settings_t *settings)
{
    const char *verify = value_of(cmd, "SSLProxyVerify");

    if (settings->chain == TIER_UNSET)
        settings->chain = verify && strcasecmp(verify, "require") == 0;
    fill_flag(cmd, "SSLProxyCheckPeerName", &settings->name);
    fill_flag(cmd, "SSLProxyCheckPeerExpire", &settings->expiry);
    if (!settings->ca_file) {
        fill_path(cmd, "SSLProxyCACertificatePath", &settings->ca_path);
        fill_path(cmd, "SSLProxyCACertificateFile", &settings->ca_file);
    }
    fill_path(cmd, "SSLProxyMachineCertificateFile", &settings->cert_file);
}
