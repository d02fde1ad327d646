/* SPDX-License-Identifier: Apache-2.0 */
#include "health_check_settings.h"

#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include <stddef.h>
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

/* One setting: what it goes with, and how its value comes into a field of the check. */
typedef struct setting_t setting_t;
struct setting_t {
    const char *name;
    unsigned kinds;
    const char *(*set)(cmd_parms *cmd, const setting_t *setting, void *field, const char *value);
    apr_size_t field;                        /* where it lies in health_check_t */
    apr_int64_t bound;                       /* of times the least, of numbers the greatest one */
    const char *(*error)(const char *value); /* with set_checked: what is wrong with it, or NULL */
};

static const char *set_time(cmd_parms *cmd, const setting_t *setting, void *field,
                            const char *value)
{
    return tier_glue_in_setting(
        cmd, setting->name,
        tier_glue_parse_time(cmd, value, "s", setting->bound, HEALTH_INTERVAL_MAX, field));
}

static const char *set_number(cmd_parms *cmd, const setting_t *setting, void *field,
                              const char *value)
{
    apr_int64_t number = 0;
    const char *problem = tier_glue_in_setting(
        cmd, setting->name, tier_glue_parse_number(cmd, value, 1, setting->bound, &number));

    *(apr_uint32_t *)field = (apr_uint32_t)number;
    return problem;
}

static const char *set_port(cmd_parms *cmd, const setting_t *setting, void *field,
                            const char *value)
{
    apr_uint32_t port = 0;
    const char *problem = set_number(cmd, setting, &port, value);

    *(apr_port_t *)field = (apr_port_t)port;
    return problem;
}

static const char *set_text(cmd_parms *cmd, const setting_t *setting, void *field,
                            const char *value)
{
    *(const char **)field = value;
    return *value && strlen(value) <= TEXT_MAX
               ? NULL
               : refuse(cmd, setting->name, value, "allowed are 1 to 1024 characters");
}

static const char *set_checked(cmd_parms *cmd, const setting_t *setting, void *field,
                               const char *value)
{
    *(const char **)field = value;
    return refuse(cmd, setting->name, value, setting->error(value));
}

static const char *set_file(cmd_parms *cmd, const setting_t *setting, void *field,
                            const char *value)
{
    const char *path = ap_server_root_relative(cmd->pool, value);

    *(const char **)field = path;
    return path ? NULL : refuse(cmd, setting->name, value, "it is no path");
}

static const char *set_initial(cmd_parms *cmd, const setting_t *setting, void *field,
                               const char *value)
{
    health_initial_e *initial = field;

    if (strcasecmp(value, "checking") == 0)
        *initial = HEALTH_INITIAL_CHECKING;
    else if (strcasecmp(value, "up") == 0)
        *initial = HEALTH_INITIAL_UP;
    else if (strcasecmp(value, "down") == 0)
        *initial = HEALTH_INITIAL_DOWN;
    else
        return refuse(cmd, setting->name, value, "allowed are checking, up and down");
    return NULL;
}

/* Of a name the part that is looked up, or is in a certificate. */
static const char *set_name(cmd_parms *cmd, const setting_t *setting, void *field,
                            const char *value)
{
    *(const char **)field = health_check_host_name(value, cmd->pool);
    return refuse(cmd, setting->name, value, health_check_host_error(value));
}

static const char *set_address(cmd_parms *cmd, const setting_t *setting, void *field,
                               const char *value)
{
    if (*value != '/')
        return set_name(cmd, setting, field, value);
    *(const char **)field = value;
    return strlen(value) < 108 ? NULL
                               : refuse(cmd, setting->name, value,
                                        "the path of a Unix socket has up to 107 characters");
}

static const char *set_statuses(cmd_parms *cmd, const setting_t *setting, void *field,
                                const char *value)
{
    return refuse(cmd, setting->name, value, health_check_parse_statuses(field, value));
}

static const char *set_header(cmd_parms *cmd, const setting_t *setting, void *field,
                              const char *value)
{
    const char **headers = field;

    *headers = apr_pstrcat(cmd->pool, *headers, value, "\r\n", NULL);
    return refuse(cmd, setting->name, value, health_check_header_error(value));
}

static const char *set_answer_header(cmd_parms *cmd, const setting_t *setting, void *field,
                                     const char *value)
{
    return refuse(cmd, setting->name, value, health_check_parse_header(field, value, cmd->pool));
}

static const char *set_match(cmd_parms *cmd, const setting_t *setting, void *field,
                             const char *value)
{
    const char *pattern;
    const char *problem = set_text(cmd, setting, &pattern, value);

    return problem
               ? problem
               : refuse(cmd, setting->name, value, health_match_compile(field, value, cmd->pool));
}

static const char *set_size(cmd_parms *cmd, const setting_t *setting, void *field,
                            const char *value)
{
    apr_off_t size = 0;
    const char *problem = tier_glue_in_setting(
        cmd, setting->name,
        tier_glue_parse_size(cmd, value, HEALTH_BODY_MIN, HEALTH_BODY_MAX, &size));

    *(apr_size_t *)field = (apr_size_t)size;
    return problem;
}

static const char *set_verify(cmd_parms *cmd, const setting_t *setting, void *field,
                              const char *value)
{
    health_tls_settings_t *tls = field;
    int on = strcasecmp(value, "on") == 0;

    tls->chain = tls->name = tls->expiry = on;
    return on || strcasecmp(value, "off") == 0
               ? NULL
               : refuse(cmd, setting->name, value, "allowed are on, off");
}

/* The password is the first line of the file, which only root has to be able to read. */
static const char *set_password(cmd_parms *cmd, const setting_t *setting, void *field,
                                const char *value)
{
    const char *path = NULL;
    const char *problem = set_file(cmd, setting, &path, value);
    char line[PASSWORD_MAX + 2];
    apr_file_t *file;

    if (problem)
        return problem;
    if (apr_file_open(&file, path, APR_FOPEN_READ, 0, cmd->temp_pool) != APR_SUCCESS)
        return refuse(cmd, setting->name, value, "the file cannot be opened");
    if (apr_file_gets(line, sizeof(line), file) != APR_SUCCESS)
        line[0] = '\0';
    apr_file_close(file);
    line[strcspn(line, "\r\n")] = '\0';
    if (*line == '\0' || strlen(line) > PASSWORD_MAX)
        return refuse(cmd, setting->name, value,
                      "the first line of the file must be a password of 1 to 512 characters");
    *(const char **)field = apr_pstrdup(cmd->pool, line);
    return NULL;
}

static const char *set_visible(cmd_parms *cmd, const setting_t *setting, void *field,
                               const char *value)
{
    for (const char *c = value; *c; c++) {
        if (!apr_isascii(*c) || !apr_isprint(*c))
            return refuse(cmd, setting->name, value,
                          "allowed are visible ASCII characters and spaces");
    }
    return set_text(cmd, setting, field, value);
}

static const char *set_command(cmd_parms *cmd, const setting_t *setting, void *field,
                               const char *value)
{
    char **arguments = NULL;

    if (apr_tokenize_to_argv(value, &arguments, cmd->pool) != APR_SUCCESS || !arguments[0])
        return refuse(cmd, setting->name, value, "it is no command line");
    *(const char *const **)field = (const char *const *)arguments;
    if (*arguments[0] != '/' || access(arguments[0], X_OK) != 0)
        return refuse(cmd, setting->name, value,
                      "it must begin with the whole path of a program that can be run");
    return NULL;
}

#define AT(field) offsetof(health_check_t, field)

static const setting_t settings[] = {
    {"uri", OF_HTTP, set_checked, AT(uri), 0, health_check_uri_error},
    {"method", OF_HTTP, set_checked, AT(method), 0, health_check_method_error},
    {"host", OF_HTTP, set_checked, AT(host), 0, health_check_host_error},
    {"header", OF_HTTP, set_header, AT(headers), 0, NULL},
    {"status", OF_HTTP, set_statuses, AT(statuses), 0, NULL},
    {"drain", OF_HTTP, set_statuses, AT(drains), 0, NULL},
    {"drain-header", OF_HTTP, set_answer_header, AT(drain_header), 0, NULL},
    {"drain-body", OF_HTTP, set_text, AT(drain_body), 0, NULL},
    {"body", OF_HTTP, set_text, AT(body), 0, NULL},
    {"match", OF_HTTP, set_match, AT(match), 0, NULL},
    {"limit", OF_HTTP, set_size, AT(limit), 0, NULL},
    {"reuse", KIND(HTTP), set_number, AT(reuse), HEALTH_COUNT_MAX, NULL},
    {"verify", OF_TLS, set_verify, AT(tls), 0, NULL},
    {"ca", OF_TLS, set_file, AT(tls.ca_file), 0, NULL},
    {"sni", OF_TLS, set_name, AT(tls.peer), 0, NULL},
    {"cert", OF_TLS, set_file, AT(tls.cert_file), 0, NULL},
    {"key", OF_TLS, set_file, AT(tls.key_file), 0, NULL},
    {"user", OF_LOGIN, set_text, AT(user), 0, NULL},
    {"passwordfile", OF_LOGIN, set_password, AT(password), 0, NULL},
    {"database", KIND(MYSQL), set_text, AT(database), 0, NULL},
    {"query", KIND(MYSQL), set_text, AT(query), 0, NULL},
    {"expect", KIND(MYSQL), set_text, AT(expect), 0, NULL},
    {"send", KIND(AGENT), set_visible, AT(send), 0, NULL},
    {"run", KIND(COMMAND), set_command, AT(command), 0, NULL},
    {"address", EVERY, set_address, AT(address), 0, NULL},
    {"port", EVERY, set_port, AT(port), 65535, NULL},
    {"interval", EVERY, set_time, AT(interval), HEALTH_INTERVAL_MIN, NULL},
    {"suspect", EVERY, set_time, AT(suspect), HEALTH_INTERVAL_MIN, NULL},
    {"down", EVERY, set_time, AT(down), HEALTH_INTERVAL_MIN, NULL},
    {"timeout", EVERY, set_time, AT(timeout), HEALTH_TIMEOUT_MIN, NULL},
    {"rise", EVERY, set_number, AT(rise), HEALTH_COUNT_MAX, NULL},
    {"fall", EVERY, set_number, AT(fall), HEALTH_COUNT_MAX, NULL},
    {"initial", EVERY, set_initial, AT(initial), 0, NULL},
    {"agent-port", ~KIND(AGENT), set_port, AT(agent_port), 65535, NULL},
    {"agent-interval", ~KIND(AGENT), set_time, AT(agent_interval), HEALTH_INTERVAL_MIN, NULL},
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
            return settings[i].set(cmd, &settings[i], (char *)check + settings[i].field, value);
        return apr_psprintf(cmd->temp_pool, "%s: %s \"%s\" has no meaning with %s; it goes with %s",
                            cmd->cmd->name, setting, value, kind,
                            kinds_with(settings[i].kinds, cmd->temp_pool));
    }
    return apr_psprintf(cmd->temp_pool, "%s: there is no setting \"%s\"; allowed with %s are %s",
                        cmd->cmd->name, setting, kind, settings_with(check->kind, cmd->temp_pool));
}
