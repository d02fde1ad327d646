/* SPDX-License-Identifier: Apache-2.0 */
#include "health_check_settings.h"

#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <glue.h>

#include "health_check_http.h"

#define TEXT_MAX     1024
#define PASSWORD_MAX 512

/* Kinds of probes, for which a setting has a meaning. */
#define KIND(name) (1U << HEALTH_KIND_##name)
#define EVERY      (~0U)
#define OF_HTTP    (KIND(HTTP) | KIND(HTTPS))
#define OF_TLS     (KIND(TLS) | KIND(HTTPS))
#define OF_LOGIN   (KIND(REDIS) | KIND(MYSQL))

static const char *refuse(cmd_parms *cmd, const char *setting, const char *value,
                          const char *allowed)
{
    if (!allowed)
        return NULL;
    return apr_psprintf(cmd->temp_pool, "%s: %s \"%s\" cannot be used; %s", cmd->cmd->name, setting,
                        value, allowed);
}

static const char *set_time(cmd_parms *cmd, const char *setting, const char *value,
                            apr_interval_time_t min, apr_interval_time_t *field)
{
    return tier_glue_in_setting(
        cmd, setting, tier_glue_parse_time(cmd, value, "s", min, HEALTH_INTERVAL_MAX, field));
}

static const char *set_number(cmd_parms *cmd, const char *setting, const char *value,
                              apr_int64_t max, apr_uint32_t *field)
{
    apr_int64_t number = 0;
    const char *problem =
        tier_glue_in_setting(cmd, setting, tier_glue_parse_number(cmd, value, 1, max, &number));

    *field = (apr_uint32_t)number;
    return problem;
}

static const char *set_text(cmd_parms *cmd, const char *setting, const char *value,
                            const char **field)
{
    *field = value;
    return *value && strlen(value) <= TEXT_MAX
               ? NULL
               : refuse(cmd, setting, value, "allowed are 1 to 1024 characters");
}

static const char *set_interval(cmd_parms *cmd, health_check_t *check, const char *setting,
                                const char *value)
{
    return set_time(cmd, setting, value, HEALTH_INTERVAL_MIN, &check->interval);
}

static const char *set_suspect(cmd_parms *cmd, health_check_t *check, const char *setting,
                               const char *value)
{
    return set_time(cmd, setting, value, HEALTH_INTERVAL_MIN, &check->suspect);
}

static const char *set_down(cmd_parms *cmd, health_check_t *check, const char *setting,
                            const char *value)
{
    return set_time(cmd, setting, value, HEALTH_INTERVAL_MIN, &check->down);
}

static const char *set_timeout(cmd_parms *cmd, health_check_t *check, const char *setting,
                               const char *value)
{
    return set_time(cmd, setting, value, HEALTH_TIMEOUT_MIN, &check->timeout);
}

static const char *set_rise(cmd_parms *cmd, health_check_t *check, const char *setting,
                            const char *value)
{
    return set_number(cmd, setting, value, HEALTH_COUNT_MAX, &check->rise);
}

static const char *set_fall(cmd_parms *cmd, health_check_t *check, const char *setting,
                            const char *value)
{
    return set_number(cmd, setting, value, HEALTH_COUNT_MAX, &check->fall);
}

static const char *set_initial(cmd_parms *cmd, health_check_t *check, const char *setting,
                               const char *value)
{
    if (strcasecmp(value, "checking") == 0)
        check->initial = HEALTH_INITIAL_CHECKING;
    else if (strcasecmp(value, "up") == 0)
        check->initial = HEALTH_INITIAL_UP;
    else if (strcasecmp(value, "down") == 0)
        check->initial = HEALTH_INITIAL_DOWN;
    else
        return refuse(cmd, setting, value, "allowed are checking, up and down");
    return NULL;
}

static const char *read_port(cmd_parms *cmd, const char *setting, const char *value,
                             apr_port_t *field)
{
    apr_uint32_t port = 0;
    const char *problem = set_number(cmd, setting, value, 65535, &port);

    *field = (apr_port_t)port;
    return problem;
}

static const char *set_port(cmd_parms *cmd, health_check_t *check, const char *setting,
                            const char *value)
{
    return read_port(cmd, setting, value, &check->port);
}

static const char *set_agent_port(cmd_parms *cmd, health_check_t *check, const char *setting,
                                  const char *value)
{
    return read_port(cmd, setting, value, &check->agent_port);
}

static const char *set_agent_interval(cmd_parms *cmd, health_check_t *check, const char *setting,
                                      const char *value)
{
    return set_time(cmd, setting, value, HEALTH_INTERVAL_MIN, &check->agent_interval);
}

static const char *set_address(cmd_parms *cmd, health_check_t *check, const char *setting,
                               const char *value)
{
    check->address = value;
    if (*value == '/')
        return strlen(value) < 108 ? NULL
                                   : refuse(cmd, setting, value,
                                            "the path of a Unix socket has up to 107 characters");
    check->address = health_check_host_name(value, cmd->pool);
    return refuse(cmd, setting, value, health_check_host_error(value));
}

static const char *set_uri(cmd_parms *cmd, health_check_t *check, const char *setting,
                           const char *value)
{
    check->uri = value;
    return refuse(cmd, setting, value, health_check_uri_error(value));
}

static const char *set_method(cmd_parms *cmd, health_check_t *check, const char *setting,
                              const char *value)
{
    check->method = value;
    return refuse(cmd, setting, value, health_check_method_error(value));
}

static const char *set_host(cmd_parms *cmd, health_check_t *check, const char *setting,
                            const char *value)
{
    check->host = value;
    return refuse(cmd, setting, value, health_check_host_error(value));
}

static const char *set_status(cmd_parms *cmd, health_check_t *check, const char *setting,
                              const char *value)
{
    return refuse(cmd, setting, value, health_check_parse_statuses(&check->statuses, value));
}

static const char *set_drain(cmd_parms *cmd, health_check_t *check, const char *setting,
                             const char *value)
{
    return refuse(cmd, setting, value, health_check_parse_statuses(&check->drains, value));
}

static const char *set_header(cmd_parms *cmd, health_check_t *check, const char *setting,
                              const char *value)
{
    check->headers = apr_pstrcat(cmd->pool, check->headers, value, "\r\n", NULL);
    return refuse(cmd, setting, value, health_check_header_error(value));
}

static const char *set_body(cmd_parms *cmd, health_check_t *check, const char *setting,
                            const char *value)
{
    return set_text(cmd, setting, value, &check->body);
}

static const char *set_match(cmd_parms *cmd, health_check_t *check, const char *setting,
                             const char *value)
{
    const char *pattern;
    const char *problem = set_text(cmd, setting, value, &pattern);

    return problem
               ? problem
               : refuse(cmd, setting, value, health_match_compile(&check->match, value, cmd->pool));
}

static const char *set_limit(cmd_parms *cmd, health_check_t *check, const char *setting,
                             const char *value)
{
    apr_off_t limit = 0;
    const char *problem = tier_glue_in_setting(
        cmd, setting, tier_glue_parse_size(cmd, value, HEALTH_BODY_MIN, HEALTH_BODY_MAX, &limit));

    check->limit = (apr_size_t)limit;
    return problem;
}

static const char *set_reuse(cmd_parms *cmd, health_check_t *check, const char *setting,
                             const char *value)
{
    return set_number(cmd, setting, value, HEALTH_COUNT_MAX, &check->reuse);
}

static const char *set_verify(cmd_parms *cmd, health_check_t *check, const char *setting,
                              const char *value)
{
    int on = strcasecmp(value, "on") == 0;

    check->tls.chain = check->tls.name = check->tls.expiry = on;
    return on || strcasecmp(value, "off") == 0 ? NULL
                                               : refuse(cmd, setting, value, "allowed are on, off");
}

static const char *set_file(cmd_parms *cmd, const char *setting, const char *value,
                            const char **field)
{
    *field = ap_server_root_relative(cmd->pool, value);
    return *field ? NULL : refuse(cmd, setting, value, "it is no path");
}

static const char *set_ca(cmd_parms *cmd, health_check_t *check, const char *setting,
                          const char *value)
{
    return set_file(cmd, setting, value, &check->tls.ca_file);
}

static const char *set_cert(cmd_parms *cmd, health_check_t *check, const char *setting,
                            const char *value)
{
    return set_file(cmd, setting, value, &check->tls.cert_file);
}

static const char *set_key(cmd_parms *cmd, health_check_t *check, const char *setting,
                           const char *value)
{
    return set_file(cmd, setting, value, &check->tls.key_file);
}

static const char *set_sni(cmd_parms *cmd, health_check_t *check, const char *setting,
                           const char *value)
{
    check->tls.peer = health_check_host_name(value, cmd->pool);
    return refuse(cmd, setting, value, health_check_host_error(value));
}

static const char *set_user(cmd_parms *cmd, health_check_t *check, const char *setting,
                            const char *value)
{
    return set_text(cmd, setting, value, &check->user);
}

/* The password is the first line of the file, which only root has to be able to read. */
static const char *set_password(cmd_parms *cmd, health_check_t *check, const char *setting,
                                const char *value)
{
    const char *path = NULL;
    const char *problem = set_file(cmd, setting, value, &path);
    char line[PASSWORD_MAX + 2];
    apr_file_t *file;

    if (problem)
        return problem;
    if (apr_file_open(&file, path, APR_FOPEN_READ, 0, cmd->temp_pool) != APR_SUCCESS)
        return refuse(cmd, setting, value, "the file cannot be opened");
    if (apr_file_gets(line, sizeof(line), file) != APR_SUCCESS)
        line[0] = '\0';
    apr_file_close(file);
    line[strcspn(line, "\r\n")] = '\0';
    if (*line == '\0' || strlen(line) > PASSWORD_MAX)
        return refuse(cmd, setting, value,
                      "the first line of the file must be a password of 1 to 512 characters");
    check->password = apr_pstrdup(cmd->pool, line);
    return NULL;
}

static const char *set_database(cmd_parms *cmd, health_check_t *check, const char *setting,
                                const char *value)
{
    return set_text(cmd, setting, value, &check->database);
}

static const char *set_query(cmd_parms *cmd, health_check_t *check, const char *setting,
                             const char *value)
{
    return set_text(cmd, setting, value, &check->query);
}

static const char *set_expect(cmd_parms *cmd, health_check_t *check, const char *setting,
                              const char *value)
{
    return set_text(cmd, setting, value, &check->expect);
}

static const char *set_send(cmd_parms *cmd, health_check_t *check, const char *setting,
                            const char *value)
{
    for (const char *c = value; *c; c++) {
        if (!apr_isascii(*c) || !apr_isprint(*c))
            return refuse(cmd, setting, value, "allowed are visible ASCII characters and spaces");
    }
    return set_text(cmd, setting, value, &check->send);
}

static const char *set_run(cmd_parms *cmd, health_check_t *check, const char *setting,
                           const char *value)
{
    char **arguments = NULL;

    if (apr_tokenize_to_argv(value, &arguments, cmd->pool) != APR_SUCCESS || !arguments[0])
        return refuse(cmd, setting, value, "it is no command line");
    check->command = (const char *const *)arguments;
    if (*arguments[0] != '/' || access(arguments[0], X_OK) != 0)
        return refuse(cmd, setting, value,
                      "it must begin with the whole path of a program that can be run");
    return NULL;
}

static const struct {
    const char *name;
    unsigned kinds;
    const char *(*set)(cmd_parms *cmd, health_check_t *check, const char *setting,
                       const char *value);
} settings[] = {
    {"uri", OF_HTTP, set_uri},
    {"method", OF_HTTP, set_method},
    {"host", OF_HTTP, set_host},
    {"header", OF_HTTP, set_header},
    {"status", OF_HTTP, set_status},
    {"drain", OF_HTTP, set_drain},
    {"body", OF_HTTP, set_body},
    {"match", OF_HTTP, set_match},
    {"limit", OF_HTTP, set_limit},
    {"reuse", KIND(HTTP), set_reuse},
    {"verify", OF_TLS, set_verify},
    {"ca", OF_TLS, set_ca},
    {"sni", OF_TLS, set_sni},
    {"cert", OF_TLS, set_cert},
    {"key", OF_TLS, set_key},
    {"user", OF_LOGIN, set_user},
    {"passwordfile", OF_LOGIN, set_password},
    {"database", KIND(MYSQL), set_database},
    {"query", KIND(MYSQL), set_query},
    {"expect", KIND(MYSQL), set_expect},
    {"send", KIND(AGENT), set_send},
    {"run", KIND(COMMAND), set_run},
    {"address", EVERY, set_address},
    {"port", EVERY, set_port},
    {"interval", EVERY, set_interval},
    {"suspect", EVERY, set_suspect},
    {"down", EVERY, set_down},
    {"timeout", EVERY, set_timeout},
    {"rise", EVERY, set_rise},
    {"fall", EVERY, set_fall},
    {"initial", EVERY, set_initial},
    {"agent-port", ~KIND(AGENT), set_agent_port},
    {"agent-interval", ~KIND(AGENT), set_agent_interval},
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

/* Appends a word to a list that people read: "a", "a, b". */
static const char *append(apr_pool_t *pool, const char *list, const char *word)
{
    return *list ? apr_pstrcat(pool, list, ", ", word, NULL) : word;
}

const char *health_check_settings_kinds(apr_pool_t *pool)
{
    const char *list = "";

    for (int i = 0; i < HEALTH_KINDS; i++)
        list = append(pool, list, health_check_kind_name((health_kind_e)i));
    return list;
}

static const char *kinds_with(unsigned kinds, apr_pool_t *pool)
{
    const char *list = "";

    for (int i = 0; i < HEALTH_KINDS; i++) {
        if (kinds & (1U << i))
            list = append(pool, list, health_check_kind_name((health_kind_e)i));
    }
    return list;
}

static const char *settings_with(health_kind_e kind, apr_pool_t *pool)
{
    const char *list = "";

    for (size_t i = 0; i < SETTINGS; i++) {
        if (settings[i].kinds & (1U << kind))
            list = append(pool, list, settings[i].name);
    }
    return list;
}

const char *health_check_settings_take(cmd_parms *cmd, health_check_t *check, const char *setting,
                                       const char *value)
{
    const char *kind = health_check_kind_name(check->kind);

    for (size_t i = 0; i < SETTINGS; i++) {
        if (strcasecmp(settings[i].name, setting) != 0)
            continue;
        if (settings[i].kinds & (1U << check->kind))
            return settings[i].set(cmd, check, setting, value);
        return apr_psprintf(cmd->temp_pool, "%s: %s \"%s\" has no meaning with %s; it goes with %s",
                            cmd->cmd->name, setting, value, kind,
                            kinds_with(settings[i].kinds, cmd->temp_pool));
    }
    return apr_psprintf(cmd->temp_pool, "%s: there is no setting \"%s\"; allowed with %s are %s",
                        cmd->cmd->name, setting, kind, settings_with(check->kind, cmd->temp_pool));
}
