/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_GLUE_H
#define TIER_GLUE_H

/*
 * What modules' hooks share and engines may not see: httpd on one side, modules/common on the
 * other.
 */

#include <httpd.h>
#include <http_config.h>

#include "access.h"
#include "log.h"

/*
 * Returns a log from pool that writes to server's error log as the module with this index,
 * honouring its LogLevel. Any thread may use it while pool lives.
 */
const tier_log_t *tier_glue_log(server_rec *server, int module_index, apr_pool_t *pool);

/*
 * Reads a time argument as httpd's own directives do (digits, then ms, s, mi, min, h or nothing; a
 * bare number counts in default_unit, "s" or "ms") but refuses what they let pass: "5sx", "+5s",
 * "ms" alone. Checks min <= value
 * <= max, microseconds; APR_INT64_MAX is no limit. Returns NULL, or a sentence from cmd->temp_pool
 * that names the directive, the value and what is allowed; *value is set only with NULL.
 * Configuration time, one thread.
 */
const char *tier_glue_parse_time(cmd_parms *cmd, const char *arg, const char *default_unit,
                                 apr_interval_time_t min, apr_interval_time_t max,
                                 apr_interval_time_t *value);

/* The same for a size with httpd's suffixes K, M, G (powers of 1024). */
const char *tier_glue_parse_size(cmd_parms *cmd, const char *arg, apr_off_t min, apr_off_t max,
                                 apr_off_t *value);

/* The same for a plain decimal number. */
const char *tier_glue_parse_number(cmd_parms *cmd, const char *arg, apr_int64_t min,
                                   apr_int64_t max, apr_int64_t *value);

/*
 * Hands one setting=value argument of a directive to take, which is given the two apart and returns
 * NULL, the sentence of one of the three above, or tier_glue_no_setting. Returns NULL, or that
 * sentence with the setting in it, or one that lists what is allowed: "one=, two= and three=".
 * settings: take's. take may keep what it is given for as long as cmd->temp_pool.
 */
typedef const char *tier_glue_take_t(cmd_parms *cmd, void *settings, const char *setting,
                                     const char *value);
extern const char *const tier_glue_no_setting;
const char *tier_glue_take_setting(cmd_parms *cmd, const char *argument, tier_glue_take_t *take,
                                   void *settings, const char *allowed);

/*
 * Reads the first argument of a directive that takes off, or on and settings. Sets *is_on. Returns
 * NULL, or a sentence that lists what is allowed after on. Configuration time, one thread.
 */
const char *tier_glue_parse_on(cmd_parms *cmd, int argc, char *const argv[], const char *allowed,
                               int *is_on);

/*
 * For directives with setting=value arguments: puts setting into the sentence of one of the three
 * above, which was given the value alone, as in: TierHealthCheck: interval "abc" is not a time; ...
 * NULL stays NULL.
 */
const char *tier_glue_in_setting(cmd_parms *cmd, const char *setting, const char *problem);

/*
 * Returns non-zero when this child is of an earlier generation than the parent's, or is stopping:
 * what tier_watch_spec_t.retired wants. Any thread of a child.
 */
int tier_glue_retired(void *unused);

/*
 * Returns non-zero when access admits r's client. Both ends must be admitted: who opened the
 * connection, and who mod_remoteip says stands behind it. The second alone could be made up by any
 * client that mod_remoteip was told, or left, to trust. A request with a field of proxies
 * (Forwarded, X-Forwarded-For, X-Real-IP, Via) is not local. Any thread.
 */
int tier_glue_admits(const request_rec *r, const tier_access_t *access);

/*
 * Returns 1 for a request with a field that makes some applications answer another one than its URL
 * and method say (X-Original-URL, X-HTTP-Method-Override and the like): its answer must not become
 * that of others. Any thread.
 */
int tier_glue_asks_for_another(const request_rec *r);

/*
 * Returns 1 in the first of the two passes over the configuration that httpd makes at start (only
 * checks are wanted there), 0 in every other pass. Call once a post_config. key: the module's name.
 */
int tier_glue_first_pass(server_rec *main_server, const char *key);

/* One line a setting in create and merge: a setting starts as its UNSET value and inherits while it
 * is UNSET. */
#define TIER_UNSET (-1)
#define TIER_MERGE(merged, base, add, field)                                                       \
    ((merged)->field = (add)->field == TIER_UNSET ? (base)->field : (add)->field)
#define TIER_MERGE_POINTER(merged, base, add, field)                                               \
    ((merged)->field = (add)->field ? (add)->field : (base)->field)
#define TIER_SETTING(config, field, fallback)                                                      \
    ((config)->field == TIER_UNSET ? (fallback) : (config)->field)

#endif
