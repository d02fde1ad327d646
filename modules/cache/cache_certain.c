/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TierCacheQuick auto: for which virtual hosts it is certain, while httpd is being configured, that
 * nothing between reading a request and its handler could make another answer of a hit than the one
 * that is stored. That is so where every URL goes to mod_proxy, which walks neither directories nor
 * files, and all directives and all modules that have a say before the handler are known not to
 * matter. Whatever is not known here is taken to matter.
 */
#include "cache_hooks.h"
#include "cache_private.h"

#include <http_request.h>
#include <util_cfgtree.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>
#include <strings.h>

/* What is known so far of one virtual host. */
typedef struct finding_t {
    const ap_directive_t *against; /* the first directive that may matter; NULL: none */
    const char *module;            /* a module that may matter; NULL: none */
    int is_proxied;                /* there is a ProxyPass for all URLs */
    int sections;                  /* <VirtualHost> sections that may be its */
    apr_array_header_t *elsewhere; /* of const char *: what begins so is not certain */
} finding_t;

static int is_one_of(const char *name, const char *const *list)
{
    while (*list && strcasecmp(name, *list) != 0)
        list++;
    return *list != NULL;
}

/* All of whose directives say nothing of who may have which URL, when not within a section. */
static const char *const harmless_modules[] = {"http_core.c",
                                               "mod_so.c",
                                               "mod_log_config.c",
                                               "mod_logio.c",
                                               "mod_unixd.c",
                                               "mod_version.c",
                                               "mod_watchdog.c",
                                               "event.c",
                                               "worker.c",
                                               "prefork.c",
                                               "mod_mime.c",
                                               "mod_autoindex.c",
                                               "mod_negotiation.c",
                                               "mod_deflate.c",
                                               "mod_brotli.c",
                                               "mod_setenvif.c",
                                               "mod_reqtimeout.c",
                                               "mod_status.c",
                                               "mod_http2.c",
                                               "mod_remoteip.c",
                                               "mod_tier_cache.c",
                                               "mod_tier_linger.c",
                                               "mod_tier_status.c",
                                               "mod_tier_health.c",
                                               NULL};

/* Of other modules that are known; those of core are all so but for the next ones. */
static const char *const harmless[] = {"DirectoryIndex",
                                       "Header",
                                       "ProxyPassReverse",
                                       "ProxyPassReverseCookieDomain",
                                       "ProxyPassReverseCookiePath",
                                       "ProxyPreserveHost",
                                       "ProxyTimeout",
                                       "ProxyVia",
                                       "ProxyStatus",
                                       "ProxyIOBufferSize",
                                       "ProxyReceiveBufferSize",
                                       "ProxyErrorOverride",
                                       "SSLEngine",
                                       "SSLCertificateFile",
                                       "SSLCertificateKeyFile",
                                       "SSLCertificateChainFile",
                                       "SSLProtocol",
                                       "SSLCipherSuite",
                                       "SSLHonorCipherOrder",
                                       "SSLSessionCache",
                                       "SSLSessionCacheTimeout",
                                       "SSLSessionTickets",
                                       "SSLUseStapling",
                                       "SSLStaplingCache",
                                       "SSLRandomSeed",
                                       "SSLPassPhraseDialog",
                                       NULL};

static const char *const mattering[] = {"SetHandler",
                                        "<Limit",
                                        "<LimitExcept",
                                        "<LocationMatch",
                                        "<If",
                                        "<ElseIf",
                                        "<Else",
                                        "TierCacheKey",
                                        "TierCacheBypass",
                                        "TierCacheFragments",
                                        "H2PushResource",
                                        "H2EarlyHint",
                                        NULL};

/* Their first word is a list of output filters. */
static const char *const filtering[] = {"SetOutputFilter", "AddOutputFilter",
                                        "AddOutputFilterByType", NULL};

/* mod_proxy walks neither directories nor files; other virtual hosts are others. */
static const char *const skipped[] = {"<Directory",  "<DirectoryMatch", "<Files",
                                      "<FilesMatch", "<VirtualHost",    NULL};

/* Their contents are read as if they stood outside. */
static const char *const transparent[] = {"<IfModule",    "<IfDefine",  "<IfVersion", "<IfFile",
                                          "<IfDirective", "<IfSection", NULL};

static const char *const members[] = {"BalancerMember", "ProxySet", NULL};

/* Modules that do nothing before the handler unless a directive has them do it. */
static const char *const known_modules[] = {"core.c",
                                            "http_core.c",
                                            "mod_proxy.c",
                                            "mod_alias.c",
                                            "mod_logio.c",
                                            "mod_rewrite.c",
                                            "mod_setenvif.c",
                                            "mod_headers.c",
                                            "mod_env.c",
                                            "mod_mime.c",
                                            "mod_negotiation.c",
                                            "mod_dir.c",
                                            "mod_autoindex.c",
                                            "mod_authz_core.c",
                                            "mod_authz_host.c",
                                            "mod_authz_user.c",
                                            "mod_authn_core.c",
                                            "mod_authn_file.c",
                                            "mod_auth_basic.c",
                                            "mod_access_compat.c",
                                            "mod_ssl.c",
                                            "mod_http2.c",
                                            "mod_expires.c",
                                            "mod_deflate.c",
                                            "mod_filter.c",
                                            "mod_status.c",
                                            "mod_remoteip.c",
                                            "mod_unique_id.c",
                                            "mod_include.c",
                                            "mod_cgi.c",
                                            "mod_cgid.c",
                                            "mod_proxy_balancer.c",
                                            "mod_proxy_http.c",
                                            "mod_tier_cache.c",
                                            "mod_tier_linger.c",
                                            "mod_tier_status.c",
                                            "mod_tier_health.c",
                                            "mod_tier_assets.c",
                                            "mod_tier_reproxy.c",
                                            NULL};

/* Returns the first argument, without quotes and the end of a section, from pool. */
static const char *first_word(const ap_directive_t *node, apr_pool_t *pool)
{
    const char *args = node->args;
    char *word = ap_getword_conf(pool, &args);
    apr_size_t size = strlen(word);

    if (size && word[size - 1] == '>')
        word[size - 1] = '\0';
    return word;
}

/* What begins with the first argument is not certain; one that is a pattern may be anything. */
static void set_aside(finding_t *finding, const ap_directive_t *node, apr_pool_t *pool)
{
    const char *prefix = first_word(node, pool);

    /* mod_proxy and mod_alias take any number of slashes for one. */
    if (prefix[0] != '/' || prefix[1] == '\0' || strstr(prefix, "//") ||
        strpbrk(prefix, "*?[]\\~$%{}"))
        finding->against = node;
    else
        APR_ARRAY_PUSH(finding->elsewhere, const char *) = prefix;
}

/* With mapping=..., mod_proxy changes the path before sections are compared with it. */
static void look_at_proxy_pass(finding_t *finding, const ap_directive_t *node, apr_pool_t *pool)
{
    const char *args = node->args;
    const char *path = ap_getword_conf(pool, &args);
    const char *target = ap_getword_conf(pool, &args);

    if (strcmp(target, "!") == 0)
        set_aside(finding, node, pool);
    else if (path[0] != '/' || ap_strcasestr(args, "mapping="))
        finding->against = node;
    else if (path[1] == '\0')
        finding->is_proxied = 1;
}

/* <Proxy> with members of a balancer in it, and nothing else. */
static int has_only_members(const ap_directive_t *section)
{
    for (const ap_directive_t *node = section->first_child; node; node = node->next) {
        if (!is_one_of(node->directive, members))
            return 0;
    }
    return 1;
}

/*
 * Filters of the content have worked on what is stored, and run over no hit; those behind them, as
 * the one that limits the rate, would.
 */
static int adds_late_filter(const ap_directive_t *node, apr_pool_t *pool)
{
    char *names = apr_pstrdup(pool, first_word(node, pool));
    const ap_filter_rec_t *filter;
    const char *name;

    ap_str_tolower(names);
    while ((name = apr_strtok(names, ";", &names)) != NULL) {
        filter = ap_get_output_filter_handle(name);
        if (filter && filter->ftype >= AP_FTYPE_PROTOCOL)
            return 1;
    }
    return 0;
}

static int is_harmless_of(const char *name, const module *owner)
{
    return is_one_of(owner->name, harmless_modules) ||
           (strcmp(owner->name, "core.c") == 0 && name[0] != '<') ||
           (is_one_of(name, harmless) && is_one_of(owner->name, known_modules));
}

/* A directive that several modules have is each one's. */
static int is_harmless_of_all(const char *name)
{
    module *owner = ap_top_module;
    int owners = 0;

    for (; owner && ap_find_command_in_modules(name, &owner); owner = owner->next, owners++) {
        if (!is_harmless_of(name, owner))
            return 0;
    }
    return owners > 0;
}

static int is_harmless(const ap_directive_t *node, apr_pool_t *pool)
{
    const char *name = node->directive;

    if (is_one_of(name, mattering))
        return 0;
    if (is_one_of(name, filtering))
        return !adds_late_filter(node, pool);
    if (strcasecmp(name, "<Proxy") == 0)
        return has_only_members(node);
    if (strcasecmp(name, "RewriteEngine") == 0)
        return strcasecmp(node->args, "off") == 0;
    return is_harmless_of_all(name);
}

static void look_at(finding_t *finding, const ap_directive_t *node, apr_pool_t *pool)
{
    static const char *const aside[] = {"<Location", "Alias", "ScriptAlias", NULL};

    for (; node && !finding->against; node = node->next) {
        if (is_one_of(node->directive, skipped))
            continue;
        if (is_one_of(node->directive, transparent))
            look_at(finding, node->first_child, pool);
        else if (is_one_of(node->directive, aside))
            set_aside(finding, node, pool);
        else if (strcasecmp(node->directive, "ProxyPass") == 0)
            look_at_proxy_pass(finding, node, pool);
        else if (!is_harmless(node, pool))
            finding->against = node;
    }
}

/*
 * Of any hook: what is looked at is the same in all. Only those count that are called before the
 * one of the module called end; NULL: all.
 */
static const char *unknown_of(const apr_array_header_t *hooks, const char *end)
{
    for (int i = 0; hooks && i < hooks->nelts; i++) {
        const char *name = APR_ARRAY_IDX(hooks, i, ap_LINK_fixups_t).szName;

        if (name && end && strcmp(name, end) == 0)
            break;
        if (!name || !is_one_of(name, known_modules))
            return name ? name : "a module without a name";
    }
    return NULL;
}

/* Handlers behind the cache's have no say in hits that are served there either. */
static const char *unknown_module(void)
{
    const apr_array_header_t *hooks[] = {ap_hook_get_pre_translate_name(),
                                         ap_hook_get_translate_name(),
                                         ap_hook_get_map_to_storage(),
                                         ap_hook_get_post_perdir_config(),
                                         ap_hook_get_header_parser(),
                                         ap_hook_get_access_checker(),
                                         ap_hook_get_access_checker_ex(),
                                         ap_hook_get_check_user_id(),
                                         ap_hook_get_auth_checker(),
                                         ap_hook_get_type_checker(),
                                         ap_hook_get_fixups(),
                                         ap_hook_get_insert_filter(),
                                         ap_hook_get_quick_handler()};
    const char *unknown = unknown_of(ap_hook_get_handler(), "mod_tier_cache.c");

    for (apr_size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]) && !unknown; i++)
        unknown = unknown_of(hooks[i], NULL);
    return unknown;
}

static int is_section_of(const ap_directive_t *node, const server_rec *server)
{
    return strcasecmp(node->directive, "<VirtualHost") == 0 && server->defn_name &&
           strcmp(node->filename, server->defn_name) == 0 &&
           node->line_num == (int)server->defn_line_number;
}

/*
 * Looks at what is in the server's section. One file that is included several times has several
 * sections of one line, with one or another Define: none of them is known to be this server's then.
 */
static void look_at_section_of(finding_t *finding, const ap_directive_t *node,
                               const server_rec *server, apr_pool_t *pool)
{
    for (; node; node = node->next) {
        if (is_one_of(node->directive, transparent))
            look_at_section_of(finding, node->first_child, server, pool);
        if (!is_section_of(node, server))
            continue;
        look_at(finding, node->first_child, pool);
        if (++finding->sections > 1 && !finding->against)
            finding->against = node;
    }
}

static void tell(const finding_t *finding, server_rec *server)
{
    if (finding->module)
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, server,
                     WTNO(2012) "%s: hits are served after access control: %s may have a say",
                     server->server_hostname, finding->module);
    else if (finding->against)
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, server,
                     WTNO(2013) "%s: hits are served after access control, because of %s in %s:%d",
                     server->server_hostname, finding->against->directive,
                     finding->against->filename, finding->against->line_num);
    else if (!finding->is_proxied)
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, server,
                     WTNO(2014) "%s: hits are served after access control: there is no "
                                "\"ProxyPass /\", files may be protected",
                     server->server_hostname);
    else
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, server,
                     WTNO(2015) "%s: hits are served at once: nothing could forbid them",
                     server->server_hostname);
}

/* A virtual host that says nothing of the cache has its server's configuration: it gets its own. */
static void decide(server_rec *server, const server_rec *main_server, apr_pool_t *pool)
{
    cache_server_t *config = apr_pmemdup(pool, cache_config_of(server), sizeof(*config));
    finding_t finding = {NULL, unknown_module()};

    if (config->enabled != 1 || (config->quick != TIER_UNSET && config->quick != CACHE_QUICK_AUTO))
        return;
    ap_set_module_config(server->module_config, &tier_cache_module, config);
    finding.elsewhere = apr_array_make(pool, 4, sizeof(const char *));
    look_at(&finding, ap_conftree, pool);
    look_at_section_of(&finding, ap_conftree, server, pool);
    if (finding.sections == 0 && server != main_server)
        finding.is_proxied = 0; /* as nothing is known of it */
    config->quick = CACHE_QUICK_OFF;
    if (!finding.module && !finding.against && finding.is_proxied) {
        config->quick = CACHE_QUICK_CERTAIN;
        config->elsewhere = finding.elsewhere;
    }
    tell(&finding, server);
}

void cache_certain_decide(server_rec *main_server, apr_pool_t *pool)
{
    for (server_rec *server = main_server; server; server = server->next)
        decide(server, main_server, pool);
}

/* A path that httpd would change before it looks at sections is one to be looked at by httpd. */
static int is_plain(const char *path)
{
    if (!path || path[0] != '/')
        return 0;
    for (; *path; path++) {
        if (*path == '%' || *path == '\\' || (*path == '/' && (path[1] == '/' || path[1] == '.')))
            return 0;
    }
    return 1;
}

int cache_certain_is(const request_rec *r)
{
    const cache_server_t *config = cache_config_of(r->server);

    if (config->quick != CACHE_QUICK_CERTAIN)
        return config->quick == CACHE_QUICK_ON;
    if (!is_plain(r->uri) || apr_table_get(r->subprocess_env, "no-proxy"))
        return 0;
    for (int i = 0; i < config->elsewhere->nelts; i++) {
        const char *prefix = APR_ARRAY_IDX(config->elsewhere, i, const char *);

        if (strncasecmp(r->uri, prefix, strlen(prefix)) == 0)
            return 0;
    }
    return 1;
}
