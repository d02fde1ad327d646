/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test only: status providers that tell what the configuration says, for the tests of
 * mod_tier_status.
 *
 *   TestProviderString <text>    the value of "string" in the provider "test"; C escapes are read
 *   TestProviderMood good|degraded|bad
 *
 * "test" tells one of each kind of node, "test_off" nothing.
 */
#include <httpd.h>
#include <ap_provider.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <http_config.h>
#include <webtier/status_provider.h>

#include "status_tree.h"

extern module AP_MODULE_DECLARE_DATA test_provider_module;

typedef struct provider_config_t {
    const char *string;
    tier_status_mood_e mood;
} provider_config_t;

static void *create_config(apr_pool_t *pool, server_rec *s)
{
    provider_config_t *config = apr_pcalloc(pool, sizeof(*config));

    (void)s;
    config->string = "plain";
    return config;
}

static provider_config_t *config_of(server_rec *s)
{
    return ap_get_module_config(s->module_config, &test_provider_module);
}

static int hex_value(char digit)
{
    return apr_isdigit(digit) ? digit - '0' : apr_tolower(digit) - 'a' + 10;
}

/* Reads \xHH; everything else stands for itself. */
static const char *unescape(apr_pool_t *pool, const char *text)
{
    char *made = apr_pstrdup(pool, text), *out = made;

    while (*text) {
        if (text[0] == '\\' && text[1] == 'x' && apr_isxdigit(text[2]) && apr_isxdigit(text[3])) {
            *out++ = (char)(hex_value(text[2]) * 16 + hex_value(text[3]));
            text += 4;
        } else {
            *out++ = *text++;
        }
    }
    *out = '\0';
    return made;
}

static const char *set_string(cmd_parms *cmd, void *unused, const char *text)
{
    (void)unused;
    config_of(cmd->server)->string = unescape(cmd->pool, text);
    return NULL;
}

static const char *set_mood(cmd_parms *cmd, void *unused, const char *word)
{
    static const char *const words[] = {"neutral", "good", "degraded", "bad"};

    (void)unused;
    for (int mood = 0; mood < 4; mood++) {
        if (strcmp(word, words[mood]) == 0) {
            config_of(cmd->server)->mood = (tier_status_mood_e)mood;
            return NULL;
        }
    }
    return apr_psprintf(cmd->temp_pool, "TestProviderMood: no mood %s", word);
}

static void report_row(tier_status_node_t *rows, const char *name, apr_int64_t served,
                       tier_status_mood_e mood, apr_pool_t *pool)
{
    tier_status_node_t *row = tier_status_object(rows, NULL, pool);

    tier_status_string(row, "name", name, pool);
    tier_status_mood(tier_status_string(row, "state", "up", pool), mood);
    tier_status_metric(row, TIER_STATUS_COUNTER, "served", served, "Requests served", pool);
}

static void report_test(tier_status_node_t *root, void *vhost, apr_pool_t *pool)
{
    const provider_config_t *config = config_of(vhost);
    tier_status_node_t *rows;

    tier_status_string(root, "string", config->string, pool);
    tier_status_number(root, TIER_STATUS_BOOLEAN, "flag", 1, pool);
    tier_status_number(root, TIER_STATUS_INTEGER, "port", 8080, pool);
    tier_status_number(root, TIER_STATUS_TIME, "never", 0, pool);
    tier_status_number(root, TIER_STATUS_TIME, "then", apr_time_from_sec(1000000000), pool);
    tier_status_number(root, TIER_STATUS_DURATION, "interval", 250000, pool);
    tier_status_metric(root, TIER_STATUS_GAUGE, "stored_bytes", 3 << 20, "Bytes stored", pool);
    rows = tier_status_array(root, "rows", pool);
    report_row(rows, config->string, 1234567, config->mood, pool);
    report_row(rows, "second", 2, TIER_STATUS_NEUTRAL, pool);
}

static void report_nothing(tier_status_node_t *root, void *vhost, apr_pool_t *pool)
{
    (void)root;
    (void)vhost;
    (void)pool;
}

static const tier_status_provider_t test = {report_test};
static const tier_status_provider_t test_off = {report_nothing};

static const command_rec commands[] = {
    AP_INIT_TAKE1("TestProviderString", set_string, NULL, RSRC_CONF, "a text with \\xHH"),
    AP_INIT_TAKE1("TestProviderMood", set_mood, NULL, RSRC_CONF, "good, degraded or bad"),
    {NULL}};

static void register_hooks(apr_pool_t *pool)
{
    ap_register_provider(pool, TIER_STATUS_GROUP, "test", TIER_STATUS_VERSION, &test);
    ap_register_provider(pool, TIER_STATUS_GROUP, "test_off", TIER_STATUS_VERSION, &test_off);
}

AP_DECLARE_MODULE(test_provider) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, create_config, NULL, commands, register_hooks,
    AP_MODULE_FLAG_NONE};
