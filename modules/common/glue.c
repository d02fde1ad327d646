/* SPDX-License-Identifier: Apache-2.0 */
#include "glue.h"

#include <ap_mpm.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <scoreboard.h>

#include <errno.h>
#include <string.h>

/* The log. */

typedef struct glue_log_t {
    tier_log_t log;
    server_rec *server;
    int module_index;
} glue_log_t;

static void write_line(void *baton, const char *file, int line, int level, apr_status_t status,
                       const char *message)
{
    glue_log_t *made = baton;

    if (APLOG_MODULE_IS_LEVEL(made->server, made->module_index, level)) {
        ap_log_error_(file, line, made->module_index, level, status, made->server, "%s", message);
    }
}

const tier_log_t *tier_glue_log(server_rec *server, int module_index, apr_pool_t *pool)
{
    glue_log_t *made = apr_pcalloc(pool, sizeof(*made));

    made->log.write = write_line;
    made->log.baton = made;
    made->server = server;
    made->module_index = module_index;
    return &made->log;
}

/* Directive arguments. */

typedef struct unit_t {
    const char *name;
    apr_int64_t size;
} unit_t;

/* The largest first. */
static const unit_t time_units[] = {{"h", APR_INT64_C(3600000000)},
                                    {"min", APR_INT64_C(60000000)},
                                    {"s", APR_INT64_C(1000000)},
                                    {"ms", 1000},
                                    {NULL, 0}};
static const unit_t size_units[] = {{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {NULL, 0}};
static const unit_t no_units[] = {{NULL, 0}};

/* What is being read, for the sentence that refuses it. */
typedef struct argument_t {
    cmd_parms *cmd;
    const char *value;
    const char *kind;    /* "a time" */
    const char *how;     /* "a number with ms, s, min or h" */
    const unit_t *units; /* to print the limits with */
} argument_t;

/* Prints a limit with the largest unit that divides it: 60000000 is 1min. */
static const char *print_limit(apr_int64_t limit, const unit_t *units, apr_pool_t *pool)
{
    for (; limit && units->name; units++) {
        if (limit % units->size == 0) {
            return apr_psprintf(pool, "%" APR_INT64_T_FMT "%s", limit / units->size, units->name);
        }
    }
    return apr_psprintf(pool, "%" APR_INT64_T_FMT, limit);
}

static const char *refuse(const argument_t *argument, const char *fault, apr_int64_t min,
                          apr_int64_t max)
{
    apr_pool_t *pool = argument->cmd->temp_pool;
    const char *upper =
        max == APR_INT64_MAX
            ? " up"
            : apr_pstrcat(pool, " to ", print_limit(max, argument->units, pool), NULL);

    return apr_psprintf(pool, "%s: \"%s\" is %s; give %s, from %s%s", argument->cmd->cmd->name,
                        argument->value, fault, argument->how,
                        print_limit(min, argument->units, pool), upper);
}

static const char *check_limits(const argument_t *argument, int readable, apr_int64_t value,
                                apr_int64_t min, apr_int64_t max)
{
    if (!readable) {
        return refuse(argument, apr_pstrcat(argument->cmd->temp_pool, "not ", argument->kind, NULL),
                      min, max);
    }
    if (value < min) {
        return refuse(argument, "too small", min, max);
    }
    return value > max ? refuse(argument, "too large", min, max) : NULL;
}

/*
 * ap_timeout_parameter_parse takes "", "ms", " 5s", "+5s" and "5sx" for times and leaves errno from
 * before in its way; what it is given here is digits with a unit or none.
 */
static int is_time(const char *value)
{
    static const char *const units[] = {"", "ms", "s", "mi", "min", "h", NULL};
    const char *unit = value + strspn(value, "0123456789");
    int i;

    for (i = 0; unit != value && units[i]; i++) {
        if (!strcmp(unit, units[i])) {
            return 1;
        }
    }
    return 0;
}

const char *tier_glue_parse_time(cmd_parms *cmd, const char *arg, const char *default_unit,
                                 apr_interval_time_t min, apr_interval_time_t max,
                                 apr_interval_time_t *value)
{
    argument_t argument = {cmd, arg, "a time", "a number with ms, s, min or h", time_units};
    apr_interval_time_t parsed = 0;
    const char *problem;
    int readable;

    errno = 0;
    readable = is_time(argument.value) &&
               ap_timeout_parameter_parse(argument.value, &parsed, default_unit) == APR_SUCCESS;
    problem = check_limits(&argument, readable, parsed, min, max);
    if (!problem) {
        *value = parsed;
    }
    return problem;
}

/* Reads decimal digits, with a minus sign before them or none, and points *end behind them. */
static int read_decimal(const char *text, apr_int64_t *value, char **end)
{
    if (!apr_isdigit(text[text[0] == '-'])) {
        return 0;
    }
    errno = 0;
    *value = apr_strtoi64(text, end, 10);
    return errno == 0;
}

static apr_int64_t size_factor(const char *suffix)
{
    switch (suffix[0] && suffix[1] ? '?' : apr_toupper(suffix[0])) {
    case '\0':
        return 1;
    case 'K':
        return APR_INT64_C(1) << 10;
    case 'M':
        return APR_INT64_C(1) << 20;
    case 'G':
        return APR_INT64_C(1) << 30;
    default:
        return 0;
    }
}

const char *tier_glue_parse_size(cmd_parms *cmd, const char *arg, apr_off_t min, apr_off_t max,
                                 apr_off_t *value)
{
    argument_t argument = {cmd, arg, "a size", "a number of bytes or one with K, M or G",
                           size_units};
    apr_int64_t parsed = 0;
    apr_int64_t factor = 0;
    const char *problem;
    char *end;

    if (read_decimal(argument.value, &parsed, &end)) {
        factor = size_factor(end);
    }
    if (factor && (parsed > APR_INT64_MAX / factor || parsed < 0)) {
        factor = 0;
    }
    problem = check_limits(&argument, factor != 0, parsed * factor, min, max);
    if (!problem) {
        *value = parsed * factor;
    }
    return problem;
}

const char *tier_glue_parse_number(cmd_parms *cmd, const char *arg, apr_int64_t min,
                                   apr_int64_t max, apr_int64_t *value)
{
    argument_t argument = {cmd, arg, "a number", "a whole number", no_units};
    apr_int64_t parsed = 0;
    const char *problem;
    char *end;
    int readable = read_decimal(argument.value, &parsed, &end) && *end == '\0';

    problem = check_limits(&argument, readable, parsed, min, max);
    if (!problem) {
        *value = parsed;
    }
    return problem;
}

const char *tier_glue_in_setting(cmd_parms *cmd, const char *setting, const char *problem)
{
    apr_size_t prefix = strlen(cmd->cmd->name) + 2;

    if (!problem) {
        return NULL;
    }
    return apr_psprintf(cmd->temp_pool, "%.*s%s %s", (int)prefix, problem, setting,
                        problem + prefix);
}

const char *const tier_glue_no_setting = "no such setting";

const char *tier_glue_take_setting(cmd_parms *cmd, const char *argument, tier_glue_take_t *take,
                                   void *settings, const char *allowed)
{
    const char *equals = strchr(argument, '=');
    const char *setting =
        equals ? apr_pstrmemdup(cmd->temp_pool, argument, (apr_size_t)(equals - argument))
               : argument;
    const char *problem = equals ? take(cmd, settings, setting, equals + 1) : tier_glue_no_setting;

    if (problem != tier_glue_no_setting) {
        return tier_glue_in_setting(cmd, setting, problem);
    }
    return apr_psprintf(cmd->temp_pool, "%s: there is no setting \"%s\"; allowed after on are %s",
                        cmd->cmd->name, setting, allowed);
}

const char *tier_glue_parse_on(cmd_parms *cmd, int argc, char *const argv[], const char *allowed,
                               int *is_on)
{
    *is_on = argc > 0 && strcasecmp(argv[0], "on") == 0;
    if (*is_on || (argc == 1 && strcasecmp(argv[0], "off") == 0)) {
        return NULL;
    }
    return apr_psprintf(cmd->temp_pool, "%s: \"%s\" is neither off nor on with settings %s",
                        cmd->cmd->name, argc ? argv[0] : "", allowed);
}

/* The server's life. */

int tier_glue_retired(void *unused)
{
    global_score *global = ap_get_scoreboard_global();
    int state = AP_MPMQ_RUNNING;
    int generation = 0;

    (void)unused;
    if (ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS && state == AP_MPMQ_STOPPING) {
        return 1;
    }
    return ap_mpm_query(AP_MPMQ_GENERATION, &generation) == APR_SUCCESS && global &&
           __atomic_load_n(&global->running_generation, __ATOMIC_RELAXED) != generation;
}

int tier_glue_first_pass(server_rec *main_server, const char *key)
{
    (void)main_server;
    (void)key;
    return ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG;
}

/* Access. */

static int has_any(const request_rec *r, const char *const names[])
{
    for (; *names; names++) {
        if (apr_table_get(r->headers_in, *names))
            return 1;
    }
    return 0;
}

static int is_forwarded(const request_rec *r)
{
    static const char *const names[] = {"Forwarded", "X-Forwarded-For", "X-Real-IP", "Via", NULL};

    return has_any(r, names);
}

int tier_glue_admits(const request_rec *r, const tier_access_t *access)
{
    int forwarded = is_forwarded(r);

    return tier_access_admits(access, r->connection->client_addr, forwarded) &&
           tier_access_admits(access, r->useragent_addr, forwarded);
}

int tier_glue_asks_for_another(const request_rec *r)
{
    static const char *const names[] = {"X-HTTP-Method-Override", "X-HTTP-Method",
                                        "X-Method-Override",      "X-Original-URL",
                                        "X-Rewrite-URL",          NULL};

    return has_any(r, names);
}
