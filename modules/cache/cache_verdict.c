/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_verdict.h"
#include "cache_vary.h"

static const char *const names[CACHE_VERDICTS] = {
    "storable",      "method",     "request", "status",       "no-store", "private",
    "authorization", "set-cookie", "vary",    "no-freshness", "expired",  "too-large",
    "incomplete",    "store",      "rule",    "tags",         "purged",   "cookie"};

const char *cache_verdict_name(cache_verdict_e verdict)
{
    return (unsigned)verdict < CACHE_VERDICTS ? names[verdict] : "unknown";
}

/*
 * The statuses of RFC 9110 whose requirements on caches are met here; 206 and 304 are not stored as
 * they are.
 */
static int is_understood(int status)
{
    return (status >= 200 && status <= 205) || (status >= 300 && status <= 303) || status == 305 ||
           status == 307 || status == 308 || (status >= 400 && status <= 417) || status == 421 ||
           status == 422 || status == 426 || (status >= 500 && status <= 505);
}

static cache_verdict_e status_verdict(int status, const cache_directives_t *told)
{
    if (status < 200 || status > 999 || status == 206 || status == 304)
        return CACHE_REFUSED_STATUS;
    if (told->flags & CACHE_CC_MUST_UNDERSTAND)
        return is_understood(status) ? CACHE_STORABLE : CACHE_REFUSED_STATUS;
    return CACHE_STORABLE;
}

/* "must-understand" takes "no-store" back for a cache that does understand (section 5.2.2.3). */
static int says_no_store(const cache_directives_t *told)
{
    return (told->flags & CACHE_CC_NO_STORE) && !(told->flags & CACHE_CC_MUST_UNDERSTAND);
}

static int may_be_shared_with_authorization(const cache_directives_t *told)
{
    return (told->flags & (CACHE_CC_PUBLIC | CACHE_CC_MUST_REVALIDATE)) ||
           told->s_maxage != CACHE_DELTA_NONE;
}

/*
 * Stricter than RFC 9111: a cookie that one visitor was given is another's session all too often.
 */
int cache_verdict_shares_cookies(const apr_table_t *response, const cache_directives_t *told)
{
    if (!apr_table_get(response, "Set-Cookie") && !apr_table_get(response, "Set-Cookie2"))
        return 1;
    if ((told->flags & (CACHE_CC_PUBLIC | CACHE_CC_TARGETED)) || told->s_maxage != CACHE_DELTA_NONE)
        return 1;
    /* no-cache="Set-Cookie": the origin has thought of it, and the field is not stored. */
    return cache_text_list_has(told->no_cache_fields, "set-cookie") ||
           cache_text_list_has(told->private_fields, "set-cookie");
}

static cache_verdict_e freshness_verdict(const cache_exchange_t *exchange, const cache_life_t *life,
                                         const cache_heuristic_t *heuristic)
{
    int is_explicit =
        cache_freshness_is_explicit(exchange) || (exchange->told->flags & CACHE_CC_NO_CACHE);

    if (!is_explicit && life->lifetime == 0)
        return cache_freshness_is_withheld(exchange, heuristic) ? CACHE_REFUSED_COOKIE
                                                                : CACHE_REFUSED_NO_FRESHNESS;
    if (cache_freshness_keep(life, exchange->received) > 0)
        return CACHE_STORABLE;
    return is_explicit ? CACHE_REFUSED_EXPIRED : CACHE_REFUSED_NO_FRESHNESS;
}

cache_verdict_e cache_verdict_of(const cache_exchange_t *exchange, const cache_life_t *life,
                                 const cache_heuristic_t *heuristic)
{
    const cache_directives_t *told = exchange->told;
    const char *ignored;

    if (exchange->method != CACHE_METHOD_GET)
        return CACHE_REFUSED_METHOD;
    if (exchange->asked->flags & CACHE_CC_NO_STORE)
        return CACHE_REFUSED_REQUEST;
    if (status_verdict(exchange->status, told) != CACHE_STORABLE)
        return CACHE_REFUSED_STATUS;
    if (says_no_store(told))
        return CACHE_REFUSED_NO_STORE;
    if (told->flags & CACHE_CC_PRIVATE)
        return CACHE_REFUSED_PRIVATE;
    if (exchange->authorized && !may_be_shared_with_authorization(told))
        return CACHE_REFUSED_AUTHORIZATION;
    if (!cache_verdict_shares_cookies(exchange->response, told))
        return CACHE_REFUSED_SET_COOKIE;
    if (cache_vary_parse(&ignored, exchange->response, NULL) == CACHE_VARY_ANY)
        return CACHE_REFUSED_VARY;
    return freshness_verdict(exchange, life, heuristic);
}
