/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_key.h"
#include "cache_text.h"

#include <apr_siphash.h>
#include <apr_strings.h>
#include <apr_uri.h>

#include <string.h>
#include <strings.h>

/*
 * Visible characters only, and nothing that would end a host in a URL: what httpd lets through
 * besides has no business in a key that is printed in logs.
 */
static int is_of_host(unsigned char c)
{
    return c > ' ' && c != 0x7f && c != '/' && c != '?' && c != '#' && c != '@' && c != '\\';
}

static int is_uri(const char *uri)
{
    return cache_text_is_value(cache_text_span(uri)) && !strpbrk(uri, " \t#");
}

/* Returns where path and query start in a request target, or NULL when it has neither form. */
static const char *target_of(const char *uri)
{
    const char *authority;

    if (uri[0] == '/')
        return uri;
    authority = strstr(uri, "://");
    if (!authority || authority == uri)
        return NULL;
    return authority + 3 + strcspn(authority + 3, "/?#");
}

/*
 * An absolute request target names a host too; an origin that looks at the other one would answer
 * for the wrong key. httpd makes Host of it by itself, if it is one that does.
 */
static int names_another_host(const char *uri, const char *target, const char *host)
{
    cache_span_t named;

    if (target == uri)
        return 0;
    named.data = strstr(uri, "://") + 3;
    named.size = (apr_size_t)(target - named.data);
    return !cache_text_equals(named, cache_text_span(host));
}

static char *put(char *out, const char *text, apr_size_t size)
{
    memcpy(out, text, size);
    return out + size;
}

/*
 * site may not hold a space; with the one behind it no site and host can be read as another pair.
 */
const char *cache_key_make(const cache_key_parts_t *parts, apr_pool_t *pool)
{
    const char *target = target_of(parts->uri);
    apr_size_t site = strlen(parts->site), scheme = strlen(parts->scheme);
    const char *host = parts->host;
    apr_size_t size;
    char *key, *out;

    if (!target || !is_uri(parts->uri) || names_another_host(parts->uri, target, host))
        return NULL;
    size = strlen(target);
    key = apr_palloc(pool, site + 1 + scheme + 3 + strlen(host) + 1 + size + 1);
    out = put(key, parts->site, site);
    *out++ = ' ';
    out = put(put(out, parts->scheme, scheme), "://", 3);
    for (; is_of_host((unsigned char)*host); host++)
        *out++ = (char)(*host >= 'A' && *host <= 'Z' ? *host | 0x20 : *host);
    if (host == parts->host || *host)
        return NULL;
    if (target[0] != '/')
        *out++ = '/';
    put(out, target, size + 1);
    return key;
}

const char *cache_key_variant(const char *key, apr_uint64_t generation, const char *selector,
                              apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s\n%016" APR_UINT64_T_HEX_FMT "\n%s", key, generation, selector);
}

/*
 * Returns 1 when the authority of an absolute reference is host, a missing port being the scheme's
 * default.
 */
static int is_same_authority(const apr_uri_t *uri, const char *scheme, const char *host,
                             apr_pool_t *pool)
{
    const char *standard = strcmp(scheme, "https") == 0 ? ":443" : ":80";
    const char *theirs = apr_pstrcat(pool, uri->hostinfo, uri->port_str ? "" : standard, NULL);
    const char *colon = strrchr(host, ':');
    int has_port = colon && !strchr(colon, ']');

    return strcasecmp(theirs, apr_pstrcat(pool, host, has_port ? "" : standard, NULL)) == 0;
}

/* RFC 3986 section 5.2.3: a path that is relative to the one of base. */
static const char *merge_path(const char *base, const char *path, apr_pool_t *pool)
{
    apr_size_t path_end = strcspn(base, "?#");
    apr_size_t size = path_end;
    char *merged;

    while (size > 0 && base[size - 1] != '/')
        size--;
    merged = apr_pstrcat(pool, size ? apr_pstrmemdup(pool, base, size) : "/", path, NULL);
    return merged;
}

/* RFC 3986 section 5.2.4. */
static const char *without_dots(const char *path, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, strlen(path) + 2);
    apr_size_t used = 0;

    while (*path) {
        apr_size_t segment = 1 + strcspn(path + 1, "/");
        int last = path[segment] == '\0';
        if (segment == 2 && path[1] == '.') {
            if (last)
                out[used++] = '/';
        } else if (segment == 3 && path[1] == '.' && path[2] == '.') {
            while (used > 0 && out[--used] != '/')
                ;
            if (last)
                out[used++] = '/';
        } else {
            memcpy(out + used, path, segment);
            used += segment;
        }
        path += segment;
    }
    out[used] = '\0';
    return used ? out : "/";
}

const char *cache_key_related(const cache_key_parts_t *base, const char *reference,
                              apr_pool_t *pool)
{
    const char *target = target_of(base->uri);
    cache_key_parts_t parts = *base;
    const char *path;
    apr_uri_t uri;

    if (!target || apr_uri_parse(pool, reference, &uri) != APR_SUCCESS)
        return NULL;
    if (uri.scheme && strcasecmp(uri.scheme, base->scheme) != 0)
        return NULL;
    if (uri.hostinfo && !is_same_authority(&uri, base->scheme, base->host, pool))
        return NULL;
    path = uri.path       ? uri.path
           : uri.hostinfo ? "/"
                          : apr_pstrmemdup(pool, target, strcspn(target, "?#"));
    if (path[0] != '/')
        path = merge_path(target, path, pool);
    parts.uri = apr_pstrcat(pool, without_dots(path, pool), uri.query ? "?" : "",
                            uri.query ? uri.query : "", NULL);
    return cache_key_make(&parts, pool);
}

/*
 * The keys of the hash are no secret, as all web boxes have to come to the same id. (SipHash-2-4,
 * J.-P. Aumasson and D. J. Bernstein, INDOCRYPT 2012; SHA-1 takes ten times as long.)
 */
void cache_key_id(cache_id_t *id, const char *key)
{
    static const unsigned char one[APR_SIPHASH_KSIZE] = "webtier: id, 1.";
    static const unsigned char other[APR_SIPHASH_KSIZE] = "webtier: id, 2.";
    apr_size_t size = strlen(key);

    apr_siphash24_auth(id->bytes, key, size, one);
    apr_siphash24_auth(id->bytes + APR_SIPHASH_DSIZE, key, size, other);
}
