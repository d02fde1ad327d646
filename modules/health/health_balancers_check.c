/* SPDX-License-Identifier: Apache-2.0 */
#include "health_balancers.h"

#include <http_log.h>

#include "health_private.h"
#include "health_slots.h"
#include "health_times.h"

/* What the directives say against what mod_proxy has read. */

static int check_member(const health_section_t *section, const proxy_worker_shared *member)
{
    const health_check_t *check = health_slots_check(section, member);

    /* With an address of its own a probe does not go to the member at all. */
    if (check && !check->port && !check->address &&
        !health_check_speaks(check->kind, member->scheme)) {
        ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, section->server,
                     WTNO(1010) "TierHealthCheck %s at %s: member %s of %s speaks %s, which %s "
                                "probes do not; use TierHealthCheck %s, or members with %s://",
                     health_check_kind_name(check->kind), section->where, member->name_ex,
                     section->balancer, member->scheme, health_check_kind_name(check->kind),
                     strcmp(member->scheme, "https") == 0  ? "https"
                     : strcmp(member->scheme, "http") == 0 ? "http"
                                                           : "tcp",
                     health_check_kind_name(check->kind));
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (member->method != NONE)
        ap_log_error(APLOG_MARK, APLOG_WARNING | APLOG_STARTUP, 0, section->server,
                     WTNO(1011) "TierHealthCheck at %s: member %s of %s has an hcmethod too; "
                                "mod_proxy_hcheck "
                                "and TierHealthCheck contradict each other, use one of them",
                     section->where, member->name_ex, section->balancer);
    return OK;
}

static int check_balancer(const health_section_t *section, const proxy_balancer *balancer)
{
    int result = OK;

    for (int i = 0; i < balancer->workers->nelts && result == OK; i++)
        result = check_member(section, APR_ARRAY_IDX(balancer->workers, i, proxy_worker *)->s);
    return result;
}

static const proxy_balancer *find_balancer(const health_section_t *section)
{
    const proxy_server_conf *conf = health_slots_conf(section->server);

    for (int i = 0; conf && i < conf->balancers->nelts; i++) {
        const proxy_balancer *balancer = health_slots_balancer(conf->balancers, i);

        if (strcmp(balancer->s->name, section->balancer) == 0)
            return balancer;
    }
    return NULL;
}

/* A name that no member has may be one that is added at run time, but is more often misspelt. */
static void check_names(const health_section_t *section, const proxy_balancer *balancer)
{
    char text[HEALTH_SLOTS_TEXT];

    for (int i = 0; section->overrides && i < section->overrides->nelts; i++) {
        const char *wanted = APR_ARRAY_IDX(section->overrides, i, health_override_t).member;
        int found = 0;

        for (int j = 0; j < balancer->workers->nelts && !found; j++) {
            health_slots_text(APR_ARRAY_IDX(balancer->workers, j, proxy_worker *)->s, text,
                              sizeof(text));
            found = strcasecmp(text, wanted) == 0;
        }
        if (!found)
            ap_log_error(APLOG_MARK, APLOG_WARNING | APLOG_STARTUP, 0, section->server,
                         WTNO(1016) "TierHealthCheck member=%s at %s: %s has no such member now",
                         wanted, section->where, section->balancer);
    }
}

/* A balancer whose members nobody judges is never down. */
static void check_required(const health_section_t *section)
{
    for (int i = 0; section->requires && i < section->requires->nelts; i++) {
        const char *name = APR_ARRAY_IDX(section->requires, i, const char *);

        if (health_config_is_balancer(name) && !health_config_find(section->server, name))
            ap_log_error(APLOG_MARK, APLOG_WARNING | APLOG_STARTUP, 0, section->server,
                         WTNO(1069) "TierHealthRequires of %s: %s has no TierHealthCheck or "
                                    "TierHealthEject, so that nobody can tell when it is down",
                         section->balancer, name);
    }
}

static int check_section(const health_section_t *section)
{
    const proxy_balancer *balancer = find_balancer(section);

    check_required(section);
    if (section->eject.outlier.on && !section->ejects)
        ap_log_error(APLOG_MARK, APLOG_WARNING | APLOG_STARTUP, 0, section->server,
                     WTNO(1067) "TierHealthOutlier of %s has no effect without TierHealthEject on",
                     section->balancer);
    if (!balancer || balancer->workers->nelts + balancer->growth == 0)
        ap_log_error(
            APLOG_MARK, APLOG_WARNING | APLOG_STARTUP, 0, section->server,
            WTNO(1012) "TierHealthCheck at %s has nothing to check: %s has no BalancerMember",
            section->where, section->balancer);
    if (balancer)
        check_names(section, balancer);
    return balancer ? check_balancer(section, balancer) : OK;
}

static void check_times(const ap_directive_t *directive, server_rec *main_server, apr_pool_t *ptemp)
{
    for (; directive; directive = directive->next) {
        const char *misread = NULL;

        if (strcasecmp(directive->directive, "BalancerMember") == 0 ||
            strcasecmp(directive->directive, "ProxySet") == 0)
            misread = health_times_misread(directive->args, ptemp);
        if (misread)
            ap_log_error(APLOG_MARK, APLOG_WARNING | APLOG_STARTUP, 0, main_server,
                         WTNO(1009) "%s at %s:%d: mod_proxy reads %s as seconds, whatever the unit",
                         directive->directive, directive->filename, directive->line_num, misread);
        check_times(directive->first_child, main_server, ptemp);
    }
}

int health_balancers_check(server_rec *main_server, apr_pool_t *ptemp)
{
    const apr_array_header_t *sections = health_config_sections(main_server, ptemp);
    int result = OK;

    if (sections->nelts > 0 && !ap_find_linked_module("mod_proxy_balancer.c")) {
        ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, main_server,
                     WTNO(1013) "TierHealthCheck needs mod_proxy_balancer, which is not loaded: "
                                "add its LoadModule line "
                                "(a2enmod proxy_balancer)");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (sections->nelts > 0)
        check_times(ap_conftree, main_server, ptemp);
    for (int i = 0; i < sections->nelts && result == OK; i++)
        result = check_section(APR_ARRAY_IDX(sections, i, health_section_t *));
    return result;
}
