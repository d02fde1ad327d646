/* SPDX-License-Identifier: Apache-2.0 */
#include "health_event_config.h"

#include <apr_strings.h>
#include <apr_uri.h>

#include <string.h>
#include <strings.h>

#include "health_check_http.h"
#include "health_check_settings.h"
#include "health_herald.h"

/* Of the process's configuration, not of a server: kept where it ends with it. */
#define KEY "tier-health-event"

#define ARGUMENTS 32
#define URLS                                                                                       \
    "allowed are http://name/path, https://name/path and unix:/path/of/socket|http://name/path, "  \
    "without a user or a fragment"

static const char *refuse(cmd_parms *cmd, const char *url, const char *why)
{
    return why ? apr_psprintf(cmd->temp_pool, "%s: \"%s\" cannot be used; %s", cmd->cmd->name, url,
                              why)
               : NULL;
}

static const char *read_program(cmd_parms *cmd, health_event_config_t *event, int argc,
                                char *const argv[])
{
    const char **command = apr_pcalloc(cmd->pool, ((apr_size_t)argc + 1) * sizeof(*command));

    if (argc == 0 || argc > ARGUMENTS || argv[0][0] != '/')
        return apr_psprintf(cmd->temp_pool,
                            "%s: \"%s\" is neither a URL nor a program; write http://name/path, or "
                            "the program's whole path and up to %d arguments",
                            cmd->cmd->name, argc ? argv[0] : "", ARGUMENTS - 1);
    for (int i = 0; i < argc; i++)
        command[i] = apr_pstrdup(cmd->pool, argv[i]);
    event->command = command;
    return NULL;
}

/* Takes the path of a socket before the URL off. Returns NULL and sets *url and, where there is
 * one, *path. */
static const char *take_socket(cmd_parms *cmd, const char **path, const char **url)
{
    const char *end;

    if (strncasecmp(*url, "unix:", 5) != 0)
        return NULL;
    end = strchr(*url, '|');
    if (!end)
        return refuse(cmd, *url, URLS);
    *path = apr_pstrmemdup(cmd->pool, *url + 5, (apr_size_t)(end - *url - 5));
    *url = end + 1;
    return **path == '/' && strlen(*path) < 108
               ? NULL
               : refuse(cmd, *path,
                        "the path of a socket begins with / and has up to 107 "
                        "characters");
}

/* APR cuts a port that is too large to 16 bits. 0: it is none. */
static apr_port_t port_of(const apr_uri_t *uri)
{
    apr_int64_t port = uri->port_str ? apr_atoi64(uri->port_str) : 0;

    if (!uri->port_str || !*uri->port_str)
        return apr_uri_port_of_scheme(uri->scheme);
    return port > 0 && port <= 65535 ? (apr_port_t)port : 0;
}

static const char *read_parts(cmd_parms *cmd, health_check_t *check, const char *text)
{
    apr_uri_t uri;

    if (apr_uri_parse(cmd->pool, text, &uri) != APR_SUCCESS || !uri.scheme || !uri.hostname ||
        uri.user || uri.fragment || !health_check_kind_of(uri.scheme, &check->kind) ||
        (check->kind != HEALTH_KIND_HTTP && check->kind != HEALTH_KIND_HTTPS))
        return refuse(cmd, text, URLS);
    check->port = port_of(&uri);
    check->host = uri.hostinfo;
    check->uri = apr_pstrcat(cmd->pool, uri.path ? uri.path : "/", uri.query ? "?" : "",
                             uri.query ? uri.query : "", NULL);
    if (!check->address)
        check->address = uri.hostname;
    if (check->port == 0)
        return refuse(cmd, text, "a port is a number from 1 to 65535");
    if (health_check_host_error(check->host))
        return refuse(cmd, text, health_check_host_error(check->host));
    return refuse(cmd, text, health_check_uri_error(check->uri));
}

static const char *take_setting(cmd_parms *cmd, health_check_t *check, const char *argument)
{
    static const char *const allowed[] = {"header", "timeout", "verify", "ca",
                                          "sni",    "cert",    "key"};
    const char *equals = strchr(argument, '=');
    const char *name =
        apr_pstrmemdup(cmd->temp_pool, argument, equals ? (apr_size_t)(equals - argument) : 0);

    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        if (strcasecmp(allowed[i], name) == 0)
            return health_check_settings_take(cmd, check, name, apr_pstrdup(cmd->pool, equals + 1));
    }
    return apr_psprintf(cmd->temp_pool,
                        "%s: \"%s\" cannot follow a URL; allowed are header=, timeout=, and with "
                        "https verify=, ca=, sni=, cert= and key=",
                        cmd->cmd->name, argument);
}

static const char *settle(cmd_parms *cmd, health_check_t *check)
{
    const char *problem = NULL;

    if (check->timeout > HEALTH_HERALD_TIME)
        return apr_psprintf(cmd->temp_pool, "%s: timeout may be up to 10s", cmd->cmd->name);
    if (check->kind == HEALTH_KIND_HTTPS)
        problem = health_tls_context_create(&check->tls_context, &check->tls, cmd->pool);
    return problem ? apr_psprintf(cmd->temp_pool, "%s: %s", cmd->cmd->name, problem) : NULL;
}

static const char *read_url(cmd_parms *cmd, health_event_config_t *event, int argc,
                            char *const argv[])
{
    health_check_t *check = apr_palloc(cmd->pool, sizeof(*check));
    const char **name = apr_pcalloc(cmd->pool, 2 * sizeof(*name));
    const char *url = argv[0];
    const char *problem;

    health_check_defaults(check);
    check->method = "POST";
    check->timeout = HEALTH_HERALD_TIME;
    check->tls.chain = check->tls.name = check->tls.expiry = 1;
    check->statuses.range[0].last = 299;
    problem = take_socket(cmd, &check->address, &url);
    if (!problem)
        problem = read_parts(cmd, check, url);
    for (int i = 1; i < argc && !problem; i++)
        problem = take_setting(cmd, check, argv[i]);
    if (!problem)
        problem = settle(cmd, check);
    if (problem)
        return problem;
    name[0] = apr_pstrcat(cmd->pool, health_check_kind_name(check->kind), "://", check->host, NULL);
    event->command = name;
    event->url = check;
    return NULL;
}

const char *health_event_config_set(cmd_parms *cmd, void *section, int argc, char *const argv[])
{
    const char *problem = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    health_event_config_t *event = apr_pcalloc(cmd->pool, sizeof(*event));

    (void)section;
    if (!problem)
        problem = argc > 0 && argv[0][0] != '/' && strchr(argv[0], ':')
                      ? read_url(cmd, event, argc, argv)
                      : read_program(cmd, event, argc, argv);
    if (!problem)
        apr_pool_userdata_setn(event, KEY, NULL, cmd->pool);
    return problem;
}

const health_event_config_t *health_event_config_of(apr_pool_t *pconf)
{
    static const health_event_config_t nobody;
    void *event = NULL;

    apr_pool_userdata_get(&event, KEY, pconf);
    return event ? event : &nobody;
}
