/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_CONFIG_H
#define MOGILE_CONFIG_H

#include <httpd.h>
#include <ap_expr.h>
#include <http_config.h>

#include "mogile_service.h"

/* The methods that change files; each has to be allowed. */
#define MOGILE_PUT    1
#define MOGILE_DELETE 2

typedef enum { MOGILE_VERIFY_OFF, MOGILE_VERIFY_SIZE, MOGILE_VERIFY_CHECKSUM } mogile_verify_e;

/*
 * The directives TierMogile* of a section: a part of reproxy_config_t. Read-only after
 * configuration but for what settings->service points to.
 */
typedef struct mogile_config_t {
    mogile_settings_t *settings;    /* of the whole server; NULL: no directive names any */
    const char *domain;             /* NULL: not set; "": off */
    const ap_expr_info_t *key_expr; /* of the two ways to say the key, one at most is set */
    const ap_regex_t *key_regex;
    const char *key_substitute; /* beside key_regex */
    const char *zone;
    const char *class_name;
    int methods; /* MOGILE_PUT | MOGILE_DELETE; TIER_UNSET: none */
    int verify;  /* mogile_verify_e, or TIER_UNSET */
    apr_interval_time_t fresh, negative;
} mogile_config_t;

/* Makes config as with no directive set. */
void mogile_config_init(mogile_config_t *config);

/* Fills merged. */
void mogile_config_merge(mogile_config_t *merged, const mogile_config_t *base,
                         const mogile_config_t *add);

/* Returns what holds for r when its section names a domain, else NULL. Any thread. */
const mogile_config_t *mogile_config_of(const request_rec *r);

/* Returns the settings of the whole server; NULL: no directive names any. */
mogile_settings_t *mogile_config_settings(const server_rec *main_server);

/*
 * Checks what one directive alone cannot know. Returns NULL or a sentence from pool. post_config.
 */
const char *mogile_config_check(const server_rec *main_server, apr_pool_t *pconf, apr_pool_t *pool);

/*
 * Works out r's key. Returns NULL where the regular expression does not match, or the key is empty.
 * From r->pool.
 */
const char *mogile_config_key(const mogile_config_t *config, request_rec *r);

/* The directives: each an entry of command_rec.func. */
const char *mogile_config_set_trackers(cmd_parms *cmd, void *section, int argc, char *const argv[]);
const char *mogile_config_set_timeout(cmd_parms *cmd, void *section, const char *lookup,
                                      const char *upload);
const char *mogile_config_set_database(cmd_parms *cmd, void *section, int argc, char *const argv[]);
const char *mogile_config_set_cache_size(cmd_parms *cmd, void *section, const char *arg);
const char *mogile_config_set_cache_servers(cmd_parms *cmd, void *section, int argc,
                                            char *const argv[]);
const char *mogile_config_set_cache_time(cmd_parms *cmd, void *section, const char *fresh,
                                         const char *negative);
const char *mogile_config_set_domain(cmd_parms *cmd, void *section, const char *arg);
const char *mogile_config_set_key(cmd_parms *cmd, void *section, const char *pattern,
                                  const char *substitute);
const char *mogile_config_set_zone(cmd_parms *cmd, void *section, const char *arg);
const char *mogile_config_set_class(cmd_parms *cmd, void *section, const char *arg);
const char *mogile_config_set_methods(cmd_parms *cmd, void *section, int argc, char *const argv[]);
const char *mogile_config_set_verify(cmd_parms *cmd, void *section, const char *arg);

/* The lines of the module's command table. */
#define MOGILE_COMMANDS                                                                            \
    AP_INIT_TAKE_ARGV("TierMogileTrackers", mogile_config_set_trackers, NULL, RSRC_CONF,           \
                      "host:port of each MogileFS tracker"),                                       \
        AP_INIT_TAKE12("TierMogileTimeout", mogile_config_set_timeout, NULL, RSRC_CONF,            \
                       "how long a tracker or the database may take for a look-up, and a tracker " \
                       "for an upload"),                                                           \
        AP_INIT_TAKE_ARGV("TierMogileDatabase", mogile_config_set_database, NULL, RSRC_CONF,       \
                          "host[:port] or /socket of MogileFS's database, then name=, user=, "     \
                          "password-file=, use=fallback|first, connections="),                     \
        AP_INIT_TAKE1("TierMogileCacheSize", mogile_config_set_cache_size, NULL, RSRC_CONF,        \
                      "size of the shared memory that keeps paths, or 0 for none"),                \
        AP_INIT_TAKE_ARGV("TierMogileCacheServers", mogile_config_set_cache_servers, NULL,         \
                          RSRC_CONF, "memcached servers that keep paths for all web boxes"),       \
        AP_INIT_TAKE12("TierMogileCacheTime", mogile_config_set_cache_time, NULL,                  \
                       RSRC_CONF | ACCESS_CONF,                                                    \
                       "how long paths are kept, and how long that there is no such key"),         \
        AP_INIT_TAKE1("TierMogileDomain", mogile_config_set_domain, NULL, RSRC_CONF | ACCESS_CONF, \
                      "the MogileFS domain that URLs are keys of, or off"),                        \
        AP_INIT_TAKE12("TierMogileKey", mogile_config_set_key, NULL, RSRC_CONF | ACCESS_CONF,      \
                       "an expression that gives the key, or a regular expression for the URL's "  \
                       "path and its substitution"),                                               \
        AP_INIT_TAKE1("TierMogileZone", mogile_config_set_zone, NULL, RSRC_CONF | ACCESS_CONF,     \
                      "the zone that trackers are asked for"),                                     \
        AP_INIT_TAKE1("TierMogileClass", mogile_config_set_class, NULL, RSRC_CONF | ACCESS_CONF,   \
                      "the class of uploaded files"),                                              \
        AP_INIT_TAKE_ARGV("TierMogileMethods", mogile_config_set_methods, NULL,                    \
                          RSRC_CONF | ACCESS_CONF,                                                 \
                          "PUT, DELETE or none: what clients may do beside reading"),              \
        AP_INIT_TAKE1("TierMogileVerify", mogile_config_set_verify, NULL, RSRC_CONF | ACCESS_CONF, \
                      "off, size or checksum: what copies are held against")

#endif
