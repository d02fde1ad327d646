/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_dictionary.h"

#include <apr_lib.h>

#include <string.h>

/*
 * Each parse function moves *at behind what it read and returns 1, or returns 0 when that is
 * malformed.
 */

static void skip(const char **at, const char *set)
{
    *at += strspn(*at, set);
}

static int is_key_char(char c)
{
    return (c >= 'a' && c <= 'z') || apr_isdigit(c) || (c != '\0' && strchr("_-.*", c) != NULL);
}

static int parse_key(const char **at, cache_span_t *key)
{
    key->data = *at;
    if (!(**at >= 'a' && **at <= 'z') && **at != '*')
        return 0;
    while (is_key_char(**at))
        (*at)++;
    key->size = (apr_size_t)(*at - key->data);
    return 1;
}

static int parse_fraction(const char **at, int whole_digits)
{
    apr_size_t digits = strspn(++*at, "0123456789");

    *at += digits;
    return whole_digits <= 12 && digits >= 1 && digits <= 3;
}

static int parse_number(const char **at, cache_member_t *member)
{
    int negative = **at == '-';
    int digits = 0;

    *at += negative;
    member->kind = CACHE_MEMBER_INTEGER;
    member->number = 0;
    for (; apr_isdigit(**at) && digits <= 15; digits++)
        member->number = member->number * 10 + (*(*at)++ - '0');
    if (digits == 0 || digits > 15)
        return 0;
    if (negative)
        member->number = -member->number;
    if (**at != '.')
        return 1;
    member->kind = CACHE_MEMBER_OTHER;
    return parse_fraction(at, digits);
}

static int parse_string(const char **at, cache_member_t *member, apr_pool_t *pool)
{
    const char *start = (*at)++;
    cache_span_t whole = {start, 0};

    for (; **at != '"'; (*at)++) {
        if (**at < ' ' || **at > '~')
            return 0;
        if (**at == '\\' && *++*at != '"' && **at != '\\')
            return 0;
    }
    (*at)++;
    whole.size = (apr_size_t)(*at - start);
    member->kind = CACHE_MEMBER_STRING;
    member->text = cache_text_unquote(whole, pool);
    return 1;
}

static int parse_token(const char **at, cache_member_t *member)
{
    cache_span_t one = {*at, 1};

    member->kind = CACHE_MEMBER_OTHER;
    while (**at == ':' || **at == '/' || cache_text_is_token(one)) {
        (*at)++;
        one.data = *at;
    }
    return 1;
}

static int parse_bytes(const char **at, cache_member_t *member)
{
    member->kind = CACHE_MEMBER_OTHER;
    ++*at;
    *at += strspn(*at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=");
    return *(*at)++ == ':';
}

static int parse_boolean(const char **at, cache_member_t *member)
{
    ++*at;
    member->kind = CACHE_MEMBER_BOOLEAN;
    member->number = **at == '1';
    return *(*at)++ == '0' || member->number;
}

static int parse_bare_item(const char **at, cache_member_t *member, apr_pool_t *pool)
{
    if (**at == '-' || apr_isdigit(**at))
        return parse_number(at, member);
    if (**at == '"')
        return parse_string(at, member, pool);
    if (**at == ':')
        return parse_bytes(at, member);
    if (**at == '?')
        return parse_boolean(at, member);
    if (**at == '*' || apr_isalpha(**at))
        return parse_token(at, member);
    return 0;
}

static int parse_parameters(const char **at, apr_pool_t *pool)
{
    cache_member_t ignored;

    while (**at == ';') {
        ++*at;
        skip(at, " ");
        if (!parse_key(at, &ignored.name))
            return 0;
        if (**at != '=')
            continue;
        ++*at;
        if (!parse_bare_item(at, &ignored, pool))
            return 0;
    }
    return 1;
}

static int parse_inner_list(const char **at, cache_member_t *member, apr_pool_t *pool)
{
    cache_member_t ignored;

    ++*at;
    for (;;) {
        skip(at, " ");
        if (**at == ')')
            break;
        if (!parse_bare_item(at, &ignored, pool) || !parse_parameters(at, pool))
            return 0;
        if (**at != ' ' && **at != ')')
            return 0;
    }
    ++*at;
    member->kind = CACHE_MEMBER_OTHER;
    return 1;
}

static int parse_member(const char **at, cache_member_t *member, apr_pool_t *pool)
{
    memset(member, 0, sizeof(*member));
    if (!parse_key(at, &member->name))
        return 0;
    if (**at != '=') {
        member->kind = CACHE_MEMBER_BOOLEAN;
        member->number = 1;
    } else {
        ++*at;
        if (!(**at == '(' ? parse_inner_list(at, member, pool) : parse_bare_item(at, member, pool)))
            return 0;
    }
    return parse_parameters(at, pool);
}

int cache_dictionary_parse(const char *text, cache_member_fn each, void *baton, apr_pool_t *pool)
{
    cache_member_t member;
    int count = 0;

    skip(&text, " ");
    while (*text) {
        if (!parse_member(&text, &member, pool))
            return -1;
        each(baton, &member);
        count++;
        skip(&text, " \t");
        if (*text == '\0')
            break;
        if (*text++ != ',')
            return -1;
        skip(&text, " \t");
        if (*text == '\0')
            return -1; /* a trailing comma */
    }
    return count;
}
